"""What a reader must know before two reports are held against each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

from indicators.caveats import Caveat, MapSource, compare_maps
from indicators.reporting.period import Period

_OF_PRODUCERS: Final = frozenset(
    {"two-products", "two-crosswalks", "sparse-vegetation", "two-versions", "worldcover-versions", "two-resolutions"}
)
"""Caveats of a pair of maps that hold as well when each comes from another report."""

INDICATOR_LEFT_OUT: Final = Caveat(
    "reports-land-cover-only",
    "Only one of the reports has both land productivity and soil organic carbon as rasters, so land cover alone is "
    "compared; make both reports with the same kinds of layers to compare the indicator.",
)
CORRECTIONS_LEFT_OUT: Final = Caveat(
    "reports-corrections",
    "A report was corrected by experts; the comparison is of the indicator before corrections, so its areas differ "
    "from those of that report.",
)
OTHER_AREAS: Final = Caveat(
    "reports-other-areas",
    "The reports are of areas with other boundaries; only pixels that have land cover in both are compared, and land "
    "without data is not.",
)


def producer_caveats(pairs: Sequence[tuple[MapSource, MapSource]]) -> tuple[Caveat, ...]:
    """Caveats of two products, versions, crosswalks or pixel sizes of the maps of one year; each once.

    Args:
        pairs: the initial maps of both reports, and the final ones.
    """
    found = chain.from_iterable(
        compare_maps(replace(first, year=None), replace(second, year=None), matrices=()) for first, second in pairs
    )
    return tuple(dict.fromkeys(caveat for caveat in found if caveat.slug in _OF_PRODUCERS))


def period_caveats(first: Period, second: Period) -> Iterator[Caveat]:
    """The caveat of periods that differ."""
    if (first.role, *first.years) != (second.role, *second.years):
        yield Caveat(
            "reports-other-period",
            f"The reports are of {first.role} {first.initial}-{first.final} and {second.role} {second.initial}-"
            f"{second.final}, so change on the ground is part of their difference; compare reports of the same years "
            "to see what products and rules do.",
        )

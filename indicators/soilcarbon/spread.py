"""Annual land cover out of two maps: one change, at a stated year."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from indicators.soilcarbon.covers import Codes
from landcover.errors import ConfigError, GridMismatch

TWO_MAPS_CAVEAT: Final = (
    "soc-two-maps",
    "Soil organic carbon follows from two land-cover maps only: the year of each change is assumed, and what earlier "
    "changes still do to the stocks is left out.",
)
"""(slug, sentence) that belongs to every result from two maps."""


def middle_year(first: int, last: int) -> int:
    """The first year with the new class, when a change is put in the middle of the time between two maps.

    Trends.Earth, LDMP/calculate_soc.py: the change is at ``first + floor((last - first) / 2)``, and its loss begins
    the year after; two maps a year apart get the loss of that whole year.

    Args:
        first: year of the first map.
        last: year of the second map.

    Raises:
        ConfigError: when the second map is not after the first.
    """
    if last <= first:
        raise ConfigError(f"land cover of {first} and {last}: expected the second map to be of a later year")
    return first + (last - first) // 2 + 1


def spread_change(
    initial_RC: Codes, final_RC: Codes, *, first: int, last: int, change_year: int | None = None
) -> Iterator[Codes]:
    """Land cover of each year from the first map's to the second's; nothing is copied.

    Args:
        initial_RC: (row, col), codes of the first map.
        final_RC: (row, col), codes of the second map.
        first: year of the first map.
        last: year of the second map.
        change_year: first year with the second map's classes; ``middle_year`` when none is given, as in Trends.Earth.

    Yields:
        ``initial_RC`` for the years before the change, ``final_RC`` from it on; ``last - first + 1`` in all.

    Raises:
        GridMismatch: when the shapes differ.
        ConfigError: when the change is not after the first year and up to the last.
    """
    if initial_RC.shape != final_RC.shape:
        raise GridMismatch(f"maps of shape {initial_RC.shape} and {final_RC.shape}; bring both to one grid first")
    year = middle_year(first, last) if change_year is None else change_year
    check_change_year(year, first=first, last=last)
    return (initial_RC if now < year else final_RC for now in range(first, last + 1))


def check_change_year(year: int, *, first: int, last: int) -> None:
    """Refuse changes that do not lie between two maps.

    Args:
        year: first year with the second map's classes.
        first: year of the first map.
        last: year of the second map.

    Raises:
        ConfigError: with the years.
    """
    if not first < year <= last:
        raise ConfigError(f"change of land cover in {year}: expected a year after {first} and up to {last}")

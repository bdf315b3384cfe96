"""Rows of tables that do not follow from the maps alone: stocks, corrections, places, a national legend.

UNCCD PRAIS 4 manual, SO1.md: tables SO1-1.T2, SO1-3.T1 and SO1-4.T3 to T5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from indicators.reporting.period import Role
from landcover.crosswalks import Crosswalk
from landcover.legends import Legend, get_legend

Confidence = Literal["high", "medium", "low"]
Judgement = Literal["missed_degradation", "false_degradation"]
"""``missed_degradation`` was shown as not degraded (PRAIS: false positive), ``false_degradation`` as degraded (PRAIS:
false negative)."""


@dataclass(frozen=True, slots=True)
class CountryClass:
    """A class of a national legend and its place in UNCCD-7.

    Attributes:
        code: code in the national legend.
        title: name in the country's words.
        unccd: code of UNCCD-7, or -32768 for "no data".
    """

    code: int
    title: str
    unccd: int


def country_classes(crosswalk: Crosswalk, source: Legend | None = None) -> tuple[CountryClass, ...]:
    """The rows of SO1-1.T2 of a crosswalk.

    Args:
        crosswalk: from the national legend to UNCCD-7.
        source: the national legend, when Steppe does not know it.

    Raises:
        UnknownLegend: when the legend is neither known nor given.
    """
    legend, places = source or get_legend(crosswalk.source_legend), dict(crosswalk.mapping)
    return tuple(CountryClass(row.code, row.title, places[row.code]) for row in legend.classes)


@dataclass(frozen=True, slots=True)
class SocStock:
    """Soil organic carbon of 0-30 cm in one year.

    Attributes:
        year: year of the stock and of the land cover.
        tonnes: (class code, tonnes of carbon) of each class.
        km2: (class code, km2 with a stock) of each class.
    """

    year: int
    tonnes: tuple[tuple[int, float], ...]
    km2: tuple[tuple[int, float], ...]

    def per_hectare(self, code: int) -> float | None:
        """Mean stock of a class, t/ha; None where the class has no area with a stock."""
        hectares = 100 * dict(self.km2).get(code, 0.0)
        return dict(self.tonnes).get(code, 0.0) / hectares if hectares > 0 else None


@dataclass(frozen=True, slots=True)
class Correction:
    """A place that experts judge otherwise than the maps.

    Attributes:
        place: name of the place.
        judgement: what the maps got wrong.
        km2: mapped area (pixel count).
        process: what drives the change there, the country's words.
        basis: why experts judge so.
        periods: roles of the periods it concerns.
    """

    place: str
    judgement: Judgement
    km2: float
    process: str = ""
    basis: str = ""
    periods: tuple[Role, ...] = ()


@dataclass(frozen=True, slots=True)
class Spot:
    """A hotspot (degraded) or brightspot (improved).

    Attributes:
        name: name of the place.
        km2: mapped area (pixel count).
        process: English name of the main process of change there, or how it was assessed.
        drivers: the country's words.
        actions: remediation or actions done or planned, the country's words.
    """

    name: str
    km2: float
    process: str = ""
    drivers: str = ""
    actions: str = ""

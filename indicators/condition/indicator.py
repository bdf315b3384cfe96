"""SDG indicator 15.3.1: the share of land that is degraded.

UNCCD PRAIS 4 reporting manual, SO1.md 1.4.3 step 1, table SO1-4.T2. For the baseline it is the area with assessment -1,
for a later year the area whose status against the baseline is degraded, over total land area. Trends.Earth's workbook
divides by all classes and no data, water included; that is not reproduced here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from indicators.caveats import Caveat, nodata_caveats
from indicators.codes import CONDITIONS, DEGRADED, IMPROVED, NODATA, OUTSIDE, STABLE
from indicators.condition.land import (
    AreaImpossible,
    check_areas,
    land_only,
    share_of,
    water_km2,
)
from indicators.condition.status import CONDITION_OF, MATRIX
from indicators.joint import BASELINE, SDG, JointTable

MAPPED: Final = "mapped"
STATED: Final = "stated"


@dataclass(frozen=True, slots=True, kw_only=True)
class LandCondition:
    """Land by condition at one time: mapped area (pixel count), unrounded km2.

    Attributes:
        degraded_km2: land that is degraded.
        stable_km2: land that is stable.
        improved_km2: land that is improved.
        nodata_km2: land without data, water not included.
        water_km2: water of the initial year; no land.
        once_water_km2: land of which -32767 says that it has no condition as it is or was water; not without data.
        stated_land_km2: total land area that the country reports (CP-1.T1); None where the map's counts.
    """

    degraded_km2: float
    stable_km2: float
    improved_km2: float
    nodata_km2: float
    water_km2: float = 0.0
    once_water_km2: float = 0.0
    stated_land_km2: float | None = None

    def __post_init__(self) -> None:
        """Refuse areas that cannot be.

        Raises:
            AreaImpossible: for a negative area, or one larger than the land area that the country reports.
        """
        areas = {"degraded": self.degraded_km2, "stable": self.stable_km2, "improved": self.improved_km2}
        rest = {"no_data": self.nodata_km2, "water": self.water_km2, "once_water": self.once_water_km2}
        check_areas("condition of land", **areas, **rest)
        if self.stated_land_km2 is None:
            return
        check_areas("condition of land", total_land_area=self.stated_land_km2)
        for name, area in areas.items():
            if area > self.stated_land_km2:
                raise AreaImpossible(
                    f"{name} land of {area:.2f} km2 exceeds the total land area of {self.stated_land_km2:.2f} km2 "
                    "(CP-1.T1); correct the total, or compare the boundaries"
                )

    @property
    def mapped_land_km2(self) -> float:
        """Land on the map, with and without data."""
        return self.degraded_km2 + self.stable_km2 + self.improved_km2 + self.nodata_km2 + self.once_water_km2

    @property
    def land_km2(self) -> float:
        """The denominator: the stated total land area, else the mapped one. Land without data is part of it."""
        return self.mapped_land_km2 if self.stated_land_km2 is None else self.stated_land_km2

    @property
    def land_source(self) -> str:
        """``stated`` or ``mapped``: where the denominator comes from."""
        return MAPPED if self.stated_land_km2 is None else STATED

    @property
    def percent(self) -> float | None:
        """SDG 15.3.1: degraded land in percent of total land area; None where there is no land."""
        return 100.0 * self.degraded_km2 / self.land_km2 if self.land_km2 else None

    @property
    def nodata_share(self) -> float:
        """Land without data as a share of the land on the map, 0 to 1."""
        return share_of(self.nodata_km2, self.mapped_land_km2)

    @property
    def caveats(self) -> tuple[Caveat, ...]:
        """What must be said beside the value."""
        return nodata_caveats(self.nodata_share)


@dataclass(frozen=True, slots=True)
class Change:
    """Difference of a later year from the baseline (change assessment, PRAIS 4 SO1.md 1.4.3 step 1).

    Attributes:
        degraded_km2: degraded land, km2 more (above 0) or less (below 0) than in the baseline.
        percent_points: difference of the indicator; None where one of them has no land.
    """

    degraded_km2: float
    percent_points: float | None


def baseline_condition(table: JointTable, *, axis: str = SDG, land_km2: float | None = None) -> LandCondition:
    """Land by the assessment of one period: for the baseline this is its status.

    Args:
        table: a joint table with axes ``initial`` and ``sdg``.
        axis: which layer: ``sdg``; ``uncorrected`` for the time before corrections by experts; or a sub-indicator.
        land_km2: total land area that the country reports; the map's where it is None.

    Raises:
        ConfigError: when the table lacks an axis.
        AreaImpossible: when more land is degraded than the country reports.
    """
    codes = table.axis(axis).codes
    return _condition(dict(zip(codes, land_only(table, [axis]).tolist(), strict=True)), table, land_km2)


def period_condition(table: JointTable, *, axis: str = SDG, land_km2: float | None = None) -> LandCondition:
    """Land by its status against the baseline at the end of a period.

    Args:
        table: a joint table with axes ``initial``, ``baseline`` and ``sdg``.
        axis: which layer of the period: ``sdg``, or ``uncorrected`` for the time before its corrections.
        land_km2: total land area that the country reports; the map's where it is None.

    Raises:
        ConfigError: when the table lacks an axis.
        AreaImpossible: when more land is degraded than the country reports.
    """
    km2 = dict.fromkeys((*CONDITIONS, NODATA, OUTSIDE), 0.0)
    for status7, area in status_km2(table, axis=axis).items():
        km2[CONDITION_OF.get(status7, status7)] += area
    return _condition(km2, table, land_km2)


def status_km2(table: JointTable, *, axis: str = SDG) -> dict[int, float]:
    """Land by seven-class status, km2: codes 1 to 7, -32768, then -32767 for what is or was water.

    Arguments as of `period_condition`.
    """
    km2_BS = land_only(table, [BASELINE, axis])
    found = dict.fromkeys((*sorted(CONDITION_OF), NODATA, OUTSIDE), 0.0)
    for code, area in zip(cell_statuses(table, axis=axis), km2_BS.reshape(-1).tolist(), strict=True):
        found[code] += area
    return found


def change(baseline: LandCondition, later: LandCondition) -> Change:
    """How a later year differs from the baseline."""
    percents = baseline.percent, later.percent
    points = None if percents[0] is None or percents[1] is None else percents[1] - percents[0]
    return Change(later.degraded_km2 - baseline.degraded_km2, points)


def _condition(km2: dict[int, float], table: JointTable, land_km2: float | None) -> LandCondition:
    return LandCondition(
        degraded_km2=km2.get(DEGRADED, 0.0),
        stable_km2=km2.get(STABLE, 0.0),
        improved_km2=km2.get(IMPROVED, 0.0),
        nodata_km2=km2.get(NODATA, 0.0),
        water_km2=water_km2(table),
        once_water_km2=km2.get(OUTSIDE, 0.0),
        stated_land_km2=land_km2,
    )


def cell_statuses(table: JointTable, *, axis: str = SDG) -> list[int]:
    """Seven-class status of every cell over (baseline, axis), flat.

    -32767 where either says that it is or was water, which is no land without data; else -32768 where either has none.
    """
    return [_cell_status(before, after) for before in table.axis(BASELINE).codes for after in table.axis(axis).codes]


def _cell_status(before: int, after: int) -> int:
    for missing in (OUTSIDE, NODATA):
        if missing in (before, after):
            return missing
    return MATRIX[CONDITIONS.index(before)][CONDITIONS.index(after)]

"""The account of one area and one period, and every sum of it that a report needs.

"No data" counts as UNCCD counts it (PRAIS 4 manual, SO1.md and CP-1): the country area is all that the area holds, the
total land area is the country area less water bodies, and land without data stays in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from indicators.caveats import Caveat
from indicators.codes import NODATA, WATER
from indicators.joint import BASELINE, FINAL, INITIAL, LPD, PRODUCTIVITY, REGION, SDG, SOC, JointTable
from indicators.reporting.assumptions import Assumption
from indicators.reporting.entries import SocStock
from indicators.reporting.period import Period
from indicators.reporting.totals import Status, Totals, by_code
from indicators.transitions import TransitionMatrix
from landcover.errors import ConfigError
from landcover.legends import Legend, get_legend

CoverYear = Literal["initial", "final"]


@dataclass(frozen=True, slots=True)
class Process:
    """One kind of change of land cover.

    Attributes:
        process: English name.
        initial: class code before.
        final: class code after.
        sign: -1 degraded, 0 stable, 1 improved.
        unlikely: whether the matrix says that it needs verification.
        km2: mapped area (pixel count), not rounded.
        pixels: pixels that the area covers at all.
    """

    process: str
    initial: int
    final: int
    sign: int
    unlikely: bool
    km2: float
    pixels: int


@dataclass(frozen=True, slots=True, eq=False)
class PeriodAccount:
    """Pixels and mapped area (pixel count) of one area in one period, by all codes.

    Attributes:
        zone: name of the area.
        period: which period it is, and its years.
        matrices: what changes of land cover mean; one, or one for each code of the axis ``region``.
        joint: the joint table; axes ``initial`` and ``final`` at least.
        legend_id: legend of both land-cover axes.
        cover_year: the year whose land cover says what is water, and by which class productivity is told apart.
            PRAIS does not say; Trends.Earth takes the initial year, and so does this by default.
        water: codes of water bodies in the legend.
        caveats: warnings.
        assumptions: what the account rests on.
        soc_stocks: soil organic carbon by year, where it is known.
    """

    zone: str
    period: Period
    matrices: tuple[TransitionMatrix, ...]
    joint: JointTable
    legend_id: str = "unccd7"
    cover_year: CoverYear = "initial"
    water: tuple[int, ...] = (WATER,)
    caveats: tuple[Caveat, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    soc_stocks: tuple[SocStock, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what does not fit together.

        Raises:
            ConfigError: an axis is missing, or matrices or codes are not those of the legend.
        """
        codes = (*self.legend.codes, NODATA)
        for name in (INITIAL, FINAL):
            if self.joint.axis(name).codes != codes:
                raise ConfigError(f"axis {name!r} has codes {self.joint.axis(name).codes}; expected {codes}")
        regions = self.joint.axis(REGION).codes if self.has(REGION) else (0,)
        if sorted(set(regions) - {NODATA}) != list(range(len(self.matrices))):
            raise ConfigError(f"{len(self.matrices)} transition matrices for regions {regions}; expected one for each")
        if any(matrix.legend_id != self.legend_id for matrix in self.matrices):
            raise ConfigError(f"a transition matrix is not for legend {self.legend_id!r}, that of the account")

    @property
    def legend(self) -> Legend:
        """Legend of the land-cover axes."""
        return get_legend(self.legend_id)

    def has(self, name: str) -> bool:
        """Whether the joint table has an axis."""
        return name in self.joint.names

    @property
    def land(self) -> JointTable:
        """The joint table of total land: water bodies of ``cover_year`` are taken out, land without data is not."""
        place, axis = self.joint.names.index(self.cover_year), self.joint.axis(self.cover_year)
        water = tuple(axis.index(code) for code in self.water)
        keep = np.isin(np.arange(len(axis)), water, invert=True).reshape(
            [-1 if i == place else 1 for i in range(len(self.joint.axes))]
        )
        return JointTable(self.joint.axes, self.joint.pixels * keep, self.joint.km2 * keep, self.joint.method)

    @property
    def land_year(self) -> int:
        """Year of the land cover that says what is water."""
        return self.period.initial if self.cover_year == "initial" else self.period.final

    def extent(self, which: CoverYear) -> dict[int, float]:
        """Km2 of each class of a year, and of no data (-32768), in the legend's order."""
        return by_code(self.joint, which)

    def water_km2(self, which: CoverYear) -> float:
        """Km2 of water bodies in a year."""
        return float(sum(self.extent(which)[code] for code in self.water))

    @property
    def country_km2(self) -> float:
        """Km2 of the whole area, water and no data included."""
        return float(sum(self.extent("initial").values()))

    def land_km2(self, which: CoverYear | None = None) -> float:
        """Total land area, CP-1: country area less water bodies of a year (``cover_year`` when not given)."""
        extent = self.extent(which or self.cover_year)
        return float(sum(km2 for code, km2 in extent.items() if code not in self.water))

    @property
    def changes(self) -> dict[tuple[int, int], float]:
        """Km2 by (initial, final) class code, no data (-32768) included."""
        pair = self.joint.over([INITIAL, FINAL])
        codes = pair.axes[0].codes
        return {(a, b): float(pair.km2[i, j]) for i, a in enumerate(codes) for j, b in enumerate(codes)}

    @property
    def net_change(self) -> dict[int, float]:
        """Km2 of each class in the final year less those in the initial year."""
        before, after = self.extent("initial"), self.extent("final")
        return {code: after[code] - before[code] for code in before}

    @property
    def cover(self) -> Totals:
        """Degradation by land cover over the country area (SO1-1.T7), by the matrix of each region."""
        areas: dict[int, float] = {}
        for region, km2, _, _ in self._regions(self.joint):
            for (row, col), area in np.ndenumerate(km2):
                code = self._sign(region, row, col)
                areas[code] = areas.get(code, 0.0) + float(area)
        return Totals.from_codes(areas)

    @property
    def processes(self) -> tuple[Process, ...]:
        """Changes of class with any pixel, largest first; a change that means the same in all regions comes once."""
        found: dict[tuple[str, int, int, int, bool], tuple[float, int]] = {}
        for region, km2, pixels, codes in self._regions(self.joint):
            matrix = self.matrices[max(region, 0)]
            for row, col in np.argwhere(pixels[:-1, :-1] > 0).tolist() if region != NODATA else ():
                pair = codes[row], codes[col]
                if row != col:
                    key = (matrix.process(*pair), *pair, matrix.sign(*pair), pair in matrix.unlikely)
                    area, count = found.get(key, (0.0, 0))
                    found[key] = area + float(km2[row, col]), count + int(pixels[row, col])
        rows = [Process(*key, km2=area, pixels=count) for key, (area, count) in found.items()]
        return tuple(sorted(rows, key=lambda row: (-row.km2, row.initial, row.final, row.sign)))

    @property
    def productivity(self) -> Totals | None:
        """Condition by productivity over total land (``non_water``); None without such a layer."""
        return Totals.from_codes(by_code(self.land, PRODUCTIVITY)) if self.has(PRODUCTIVITY) else None

    @property
    def productivity_all(self) -> Totals | None:
        """The same over the country area (``all_cover_types``)."""
        return Totals.from_codes(by_code(self.joint, PRODUCTIVITY)) if self.has(PRODUCTIVITY) else None

    @property
    def soc(self) -> Totals | None:
        """Condition by soil organic carbon over total land (``non_water``); None without such a layer."""
        return Totals.from_codes(by_code(self.land, SOC)) if self.has(SOC) else None

    @property
    def soc_all(self) -> Totals | None:
        """The same over the country area (``all_cover_types``)."""
        return Totals.from_codes(by_code(self.joint, SOC)) if self.has(SOC) else None

    @property
    def sdg(self) -> Totals | None:
        """Condition by the indicator of the period over total land; None where it was not computed."""
        return Totals.from_codes(by_code(self.land, SDG)) if self.has(SDG) else None

    @property
    def status(self) -> Status | None:
        """Status of total land against the baseline; None without the baseline's indicator."""
        return Status.from_joint(self.land) if self.has(SDG) and self.has(BASELINE) else None

    @property
    def degraded_km2(self) -> float | None:
        """Degraded land for SDG 15.3.1: of the baseline by its indicator, of a later period by its status."""
        if self.period.role == "baseline":
            return self.sdg.degraded if self.sdg else None
        return self.status.totals.degraded if self.status else None

    @property
    def lpd_by_cover(self) -> dict[tuple[int, int], float] | None:
        """Km2 by (class of ``cover_year``, productivity dynamics 1 to 5 and -32768); None without such a layer."""
        if not self.has(LPD):
            return None
        pair = self.joint.over([self.cover_year, LPD])
        rows, cols = (axis.codes for axis in pair.axes)
        return {(a, b): float(pair.km2[i, j]) for i, a in enumerate(rows) for j, b in enumerate(cols)}

    def _sign(self, region: int, row: int, col: int) -> int:
        size = len(self.legend)
        if region == NODATA or size in (row, col):
            return NODATA
        return self.matrices[region].signs[row][col]

    def _regions(self, table: JointTable) -> Sequence[tuple[int, np.ndarray, np.ndarray, tuple[int, ...]]]:
        """Code of the region, km2 and pixels by initial and final class, and the codes of both axes."""
        codes = table.axis(INITIAL).codes
        if not self.has(REGION):
            pair = table.over([INITIAL, FINAL])
            return [(0, pair.km2, pair.pixels, codes)]
        each = table.over([REGION, INITIAL, FINAL])
        return [(code, each.km2[i], each.pixels[i], codes) for i, code in enumerate(table.axis(REGION).codes)]

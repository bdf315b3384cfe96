"""Areas by condition, and the 3 x 3 status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from indicators.codes import CONDITIONS, DEGRADED, IMPROVED, NODATA, STABLE
from indicators.condition.status import CONDITION_OF, MATRIX
from indicators.joint import BASELINE, SDG, JointTable

STATUS7: Final[Mapping[tuple[int, int], int]] = MappingProxyType(
    {(before, now): MATRIX[i][j] for i, before in enumerate(CONDITIONS) for j, now in enumerate(CONDITIONS)}
)
"""Class of the status map by (baseline, period): UNCCD PRAIS 4 manual, SO1.md Figure 4; Good Practice Guidance,
addendum. 1 persistent, 2 recent, 3 baseline degradation, 4 stability, 5 baseline, 6 recent, 7 persistent
improvement."""

STATUS3: Final[Mapping[int, int]] = MappingProxyType(CONDITION_OF)
"""Degraded, stable or improved by class of the status map."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Mapped area (pixel count) by condition, km2, not rounded.

    Attributes:
        degraded: -1.
        stable: 0.
        improved: 1.
        no_data: -32768.
    """

    degraded: float
    stable: float
    improved: float
    no_data: float

    @classmethod
    def from_codes(cls, areas: Mapping[int, float]) -> Totals:
        """Totals of areas by code; a code that is not there has no area."""
        return cls(*(float(areas.get(code, 0.0)) for code in (DEGRADED, STABLE, IMPROVED, NODATA)))

    @property
    def total(self) -> float:
        """The sum of the four."""
        return self.degraded + self.stable + self.improved + self.no_data

    def of(self, code: int) -> float:
        """Area of a code."""
        return {DEGRADED: self.degraded, STABLE: self.stable, IMPROVED: self.improved, NODATA: self.no_data}[code]


def by_code(table: JointTable, name: str) -> dict[int, float]:
    """Km2 of each code of an axis; raises ConfigError when the table does not have the axis."""
    axis = table.axis(name)
    return dict(zip(axis.codes, table.over([name]).km2.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Status:
    """Mapped area (pixel count) by the indicator of the baseline and of the period.

    Attributes:
        cells: km2 by (baseline, period), codes -1, 0, 1 and -32768 each.
    """

    cells: Mapping[tuple[int, int], float]

    @classmethod
    def from_joint(cls, table: JointTable) -> Status:
        """The status of a table with both axes."""
        pair = table.over([BASELINE, SDG])
        km2: npt.NDArray[np.float64] = pair.km2
        cells = {
            (before, now): float(km2[row, col])
            for row, before in enumerate(pair.axis(BASELINE).codes)
            for col, now in enumerate(pair.axis(SDG).codes)
        }
        return cls(MappingProxyType(cells))

    def of(self, before: int, now: int) -> float:
        """Km2 of a cell."""
        return self.cells.get((before, now), 0.0)

    @property
    def seven(self) -> dict[int, float]:
        """Km2 of the seven classes of the status map, and of no data (-32768)."""
        areas = {**dict.fromkeys(sorted(STATUS3), 0.0), NODATA: 0.0}
        for pair, km2 in self.cells.items():
            areas[STATUS7.get(pair, NODATA)] += km2
        return areas

    @property
    def totals(self) -> Totals:
        """Km2 of degraded, stable and improved land by the status map, and of no data."""
        areas = dict.fromkeys((*CONDITIONS, NODATA), 0.0)
        for status, km2 in self.seven.items():
            areas[STATUS3.get(status, NODATA)] += km2
        return Totals.from_codes(areas)

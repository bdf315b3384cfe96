"""Stocks of soil carbon by land-cover class: tonnes, and tonnes per hectare (table SO1-3.T1)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from indicators.codes import NODATA, WATER
from indicators.soilcarbon.covers import COVER_CODES

HECTARES_PER_KM2: Final = 100.0


@dataclass(frozen=True, slots=True)
class ClassStock:
    """Soil carbon of one class.

    Attributes:
        code: UNCCD-7 code 1 to 7, -32768 for pixels without a class.
        tonnes: sum of stock times area.
        area_km2: mapped area (pixel count) with a known stock.
        unknown_km2: mapped area (pixel count) without one.
    """

    code: int
    tonnes: float
    area_km2: float
    unknown_km2: float

    @property
    def tonnes_per_ha(self) -> float | None:
        """Mean stock, weighted by area; None without a known stock."""
        return self.tonnes / (self.area_km2 * HECTARES_PER_KM2) if self.area_km2 else None


@dataclass(frozen=True, slots=True)
class StockTable:
    """Soil carbon of every class.

    Attributes:
        classes: UNCCD-7 classes 1 to 7, then pixels without a class.
    """

    classes: tuple[ClassStock, ...]

    def of(self, *, water: bool) -> ClassStock:
        """All classes together: ``all_cover_types``, or ``non_water`` without class 7; code -32768.

        Pixels without a class count in both, as in Trends.Earth.
        """
        parts = [part for part in self.classes if water or part.code != WATER]
        return ClassStock(
            NODATA,
            math.fsum(part.tonnes for part in parts),
            math.fsum(part.area_km2 for part in parts),
            math.fsum(part.unknown_km2 for part in parts),
        )

    def __add__(self, other: StockTable) -> StockTable:
        """Both together: the stocks of two zones, or of two parts of a map."""
        pairs = zip(self.classes, other.classes, strict=True)
        return StockTable(
            tuple(
                ClassStock(a.code, a.tonnes + b.tonnes, a.area_km2 + b.area_km2, a.unknown_km2 + b.unknown_km2)
                for a, b in pairs
            )
        )


def stock_table(sums: npt.NDArray[np.float64]) -> StockTable:
    """The table of sums: (tonnes, km2 with a stock, km2 without; class 1 to 7 and none), float64 (3, 8)."""
    return StockTable(tuple(ClassStock(code, *map(float, row)) for code, row in zip(COVER_CODES, sums.T, strict=True)))

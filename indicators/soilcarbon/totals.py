"""Stocks of soil carbon by land-cover class: tonnes, and tonnes per hectare (table SO1-3.T1)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.codes import NODATA
from indicators.soilcarbon.covers import CLASSES, COVER_CODES, Codes, cover_positions
from landcover.errors import DtypeMismatch, GridMismatch

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
        parts = [part for part in self.classes if water or part.code != CLASSES]
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


class StockTotals:
    """Adds up stocks while a raster streams by. Blocks may come in any order, each once."""

    def __init__(self) -> None:
        """Start at zero."""
        self._sums = np.zeros((3, CLASSES + 1), np.float64)

    def add(
        self,
        stock_RC: npt.NDArray[np.floating[Any]],
        cover_RC: Codes,
        km2: npt.NDArray[np.float64],
    ) -> None:
        """Count a block.

        Args:
            stock_RC: (row, col), t/ha, NaN or below 0 = missing; floats or integers.
            cover_RC: (row, col), UNCCD-7 codes; 0, 255, -32768 and -32767 mean no class.
            km2: areas, (row,) or (row, col), see ``indicators.areas.PixelAreas.rows``; of pixels partly in an area
                the covered share.

        Raises:
            GridMismatch: when the shapes differ.
            DtypeMismatch: when land cover is not of an integer type, or stocks are not numbers.
            UnmappedCodes: with other land-cover codes and their pixel counts; nothing is counted then.
        """
        if cover_RC.shape != stock_RC.shape or km2.shape not in (stock_RC.shape, stock_RC.shape[:1]):
            raise GridMismatch(
                f"stocks of {stock_RC.shape}, land cover of {cover_RC.shape}, areas of {km2.shape}: expected one grid"
            )
        if stock_RC.dtype.kind not in "iuf":
            raise DtypeMismatch(f"stocks of soil carbon came as {stock_RC.dtype}: expected numbers, t/ha")
        place = cover_positions(cover_RC).reshape(-1)
        area = np.broadcast_to(km2 if km2.ndim > 1 else km2[:, None], stock_RC.shape).reshape(-1)
        stock = stock_RC.reshape(-1).astype(np.float64)
        known = stock >= 0
        self._sums += [
            np.bincount(place, weights, CLASSES + 1)
            for weights in (
                np.where(known, stock, 0.0) * area * HECTARES_PER_KM2,
                np.where(known, area, 0.0),
                np.where(known, 0.0, area),
            )
        ]

    def table(self) -> StockTable:
        """What was counted so far."""
        return stock_table(self._sums)

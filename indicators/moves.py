"""Area that changes its class when a map is edited: from which class to which, in km2.

Areas are those of ``indicators.areas``: geodesic, pixel by pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indicators.areas import PixelAreas
from indicators.counting import weigh
from landcover.errors import GridMismatch
from landcover.grid import Grid
from landcover.legends import Legend


@dataclass(frozen=True, slots=True)
class ClassMove:
    """Pixels that went from one class to another.

    Attributes:
        before: code before.
        after: code after.
        pixels: their number.
        area_km2: their area, not rounded.
    """

    before: int
    after: int
    pixels: int
    area_km2: float


@dataclass(frozen=True, slots=True)
class MoveTable:
    """Everything that moved.

    Attributes:
        moves: one entry for each pair of classes that occurs, the largest area first.
    """

    moves: tuple[ClassMove, ...]

    @property
    def pixels(self) -> int:
        """All pixels that moved."""
        return sum(move.pixels for move in self.moves)

    @property
    def area_km2(self) -> float:
        """Sum of the unrounded areas."""
        return math.fsum(move.area_km2 for move in self.moves)


class ClassMoves:
    """Adds up what moved while the map before and after streams by; memory holds one number for each pair of classes.

    Args:
        grid: grid of both maps.
        legend: legend of both maps.

    Raises:
        NoCrs: the CRS has no areas.
    """

    def __init__(self, grid: Grid, legend: Legend) -> None:
        self._legend, self._areas = legend, PixelAreas(grid)
        self._pixels_KK = np.zeros((len(legend), len(legend)), np.int64)
        self._km2_KK = np.zeros((len(legend), len(legend)), np.float64)

    def add(self, row_start: int, before_RW: NDArray[Any], after_RW: NDArray[Any]) -> None:
        """Count some whole rows; each row once.

        Args:
            row_start: first row.
            before_RW: codes before, shape (rows, width of the grid).
            after_RW: codes after; no data exactly where it was before.

        Raises:
            GridMismatch: the shapes differ.
            UnmappedCodes: a pixel that moved has a code that the legend does not have.
            WindowError: the rows are not rows of the grid.
        """
        if before_RW.shape != after_RW.shape:
            raise GridMismatch(f"rows of shape {before_RW.shape} and {after_RW.shape}; they must be the same rows")
        rows, cols = np.nonzero(before_RW != after_RW)
        if not len(rows):
            return
        areas = self._areas.rows(row_start, row_start + len(before_RW))
        km2 = areas[rows] if areas.ndim == 1 else areas[rows, cols]
        size = len(self._legend)
        before, after = (self._legend.decode(codes_RW[rows, cols]) for codes_RW in (before_RW, after_RW))
        pixels, areas = weigh(before.astype(np.intp) * size + after, km2, size * size)
        self._pixels_KK += pixels.reshape(size, size)
        self._km2_KK += areas.reshape(size, size)

    def table(self) -> MoveTable:
        """What moved so far."""
        codes = self._legend.codes
        moves = [
            ClassMove(codes[i], codes[k], int(self._pixels_KK[i, k]), float(self._km2_KK[i, k]))
            for i, k in np.argwhere(self._pixels_KK).tolist()
        ]
        return MoveTable(tuple(sorted(moves, key=lambda move: -move.area_km2)))

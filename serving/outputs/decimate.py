"""Shrink a class map while it streams by, so that a picture needs no second reading and no memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import DTypeLike, NDArray

from landcover.errors import ConfigError, DtypeMismatch, WindowError
from landcover.grid import Grid
from landcover.legends import CLASS_NODATA


class Decimator:
    """Takes rows from top to bottom and keeps the most frequent class of every square of pixels.

    The side of the squares is the smallest whole number that brings the longer side of the map to ``max_side``.
    Nodata gives way to a class of the same frequency; of two classes the lower code wins. Memory holds the small map
    and less than one row of squares.
    """

    def __init__(
        self, grid: Grid, *, max_side: int = 1600, nodata: int = CLASS_NODATA, dtype: DTypeLike = np.uint8
    ) -> None:
        """Start with the first row.

        Args:
            grid: grid of the map.
            max_side: longest side of the result, pixels.
            nodata: code of pixels without a class.
            dtype: integer type of the codes.

        Raises:
            ConfigError: ``max_side`` is below 1.
        """
        if max_side < 1:
            raise ConfigError(f"a longest side of {max_side} pixels: at least 1 is needed")
        self._grid = grid
        self._nodata = nodata
        self.factor: int = -(-max(grid.height, grid.width) // max_side)
        """Pixels of the map along one side of a square."""
        height, width = -(-grid.height // self.factor), -(-grid.width // self.factor)
        self._small_HW = np.full((height, width), nodata, np.dtype(dtype))
        self._pending_RW = np.empty((0, grid.width), np.dtype(dtype))
        self._next_row = 0

    def add(self, row_start: int, codes_RW: NDArray[Any]) -> None:
        """Take the next rows.

        Args:
            row_start: first row, the one after the last row taken.
            codes_RW: class codes, shape (rows, width of the grid).

        Raises:
            WindowError: the rows are not the next ones or do not fit the grid.
            DtypeMismatch: the codes are of another type.
        """
        if codes_RW.dtype != self._small_HW.dtype:
            raise DtypeMismatch(f"class codes are {codes_RW.dtype}: expected {self._small_HW.dtype}")
        row_stop = row_start + len(codes_RW)
        if row_start != self._next_row or row_stop > self._grid.height or codes_RW.shape[1:] != (self._grid.width,):
            raise WindowError(
                f"rows of shape {codes_RW.shape} from row {row_start}: expected (rows, {self._grid.width}) from row "
                f"{self._next_row} and at most {self._grid.height - self._next_row} rows"
            )
        rows = np.concatenate([self._pending_RW, codes_RW]) if len(self._pending_RW) else codes_RW
        done = (self._next_row - len(self._pending_RW)) // self.factor
        whole = len(rows) // self.factor
        if row_stop == self._grid.height:
            whole = -(-len(rows) // self.factor)
        for i in range(whole):
            square_rows = rows[i * self.factor : (i + 1) * self.factor]
            self._small_HW[done + i] = _most_frequent(square_rows, self.factor, self._nodata)
        self._pending_RW = rows[whole * self.factor :].copy()
        self._next_row = row_stop

    def result(self) -> tuple[NDArray[Any], Grid]:
        """The small map, (row, col), and its grid.

        The last row and column of squares may reach beyond the map; so does the grid.

        Raises:
            WindowError: rows are missing.
        """
        if self._next_row != self._grid.height:
            raise WindowError(f"{self._grid.height - self._next_row} of {self._grid.height} rows are missing")
        height, width = self._small_HW.shape
        transform = self._grid.transform @ Affine.scale(self.factor)
        return self._small_HW, Grid(self._grid.crs, transform, height, width)


def _most_frequent(codes_RW: NDArray[Any], factor: int, nodata: int) -> NDArray[Any]:
    """Mode of every ``factor`` columns over all rows given."""
    if factor == 1:
        only_W: NDArray[Any] = codes_RW[0]
        return only_W
    starts = np.arange(0, codes_RW.shape[1], factor)
    best_W = np.full(len(starts), nodata, codes_RW.dtype)
    most_W = np.zeros(len(starts), np.int64)
    for code in sorted(_present(codes_RW), key=lambda code: (code == nodata, code)):
        per_column_W = (codes_RW == code).sum(axis=0, dtype=np.int64)
        count_W = np.add.reduceat(per_column_W, starts)
        wins_W = count_W > most_W
        best_W[wins_W] = code
        most_W[wins_W] = count_W[wins_W]
    return best_W


def _present(codes_RW: NDArray[Any]) -> list[int]:
    """The codes that occur; counted by their bits, because a count cannot have a negative index."""
    bits = np.dtype(f"u{codes_RW.itemsize}")
    present = np.flatnonzero(np.bincount(codes_RW.view(bits).ravel())).astype(bits)
    codes: list[int] = present.view(codes_RW.dtype).tolist()
    return codes

"""Shrink a class map while it streams by, so that a picture needs no second reading and no memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from affine import Affine
from numpy.typing import DTypeLike, NDArray

from landcover.errors import ConfigError, DtypeMismatch, WindowError
from landcover.grid import Grid
from landcover.legends import CLASS_NODATA

_MOST_UINT8: Final = np.iinfo(np.uint8).max
"""Rows that can be counted in a byte, many at a time."""


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
        self._known: set[int] = set()
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
            self._small_HW[done + i] = self._most_frequent(square_rows)
        self._pending_RW = rows[whole * self.factor :].copy()
        self._next_row = row_stop

    def _most_frequent(self, codes_RW: NDArray[Any]) -> NDArray[Any]:
        """Mode of every square over the rows of one row of squares.

        Codes that were there before are tried first: looking which ones there are costs more than counting them.
        """
        if self.factor == 1:
            only_W: NDArray[Any] = codes_RW[0]
            return only_W
        best_W, found = _most_frequent(codes_RW, self.factor, self._known, self._nodata)
        if found < codes_RW.size:
            self._known.update(_present(codes_RW))
            best_W, _ = _most_frequent(codes_RW, self.factor, self._known, self._nodata)
        return best_W

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


def _most_frequent(codes_RW: NDArray[Any], factor: int, known: Iterable[int], nodata: int) -> tuple[NDArray[Any], int]:
    """Mode of every ``factor`` columns over all rows given, among known codes, and how many pixels have one of them."""
    starts = np.arange(0, codes_RW.shape[1], factor)
    best_W = np.full(len(starts), nodata, codes_RW.dtype)
    most_W, found = np.zeros(len(starts), np.int64), 0
    narrow = np.uint8 if len(codes_RW) <= _MOST_UINT8 else np.int64
    for code in sorted(known, key=lambda code: (code == nodata, code)):
        per_column_W = np.add.reduce((codes_RW == code).view(np.uint8), axis=0, dtype=narrow)
        count_W = np.add.reduceat(per_column_W, starts, dtype=np.int64)
        wins_W = count_W > most_W
        best_W[wins_W] = code
        most_W[wins_W] = count_W[wins_W]
        found += int(count_W.sum())
    return best_W, found


def _present(codes_RW: NDArray[Any]) -> list[int]:
    """The codes that occur; counted by their bits, because a count cannot have a negative index."""
    bits = np.dtype(f"u{codes_RW.itemsize}")
    present = np.flatnonzero(np.bincount(codes_RW.view(bits).ravel())).astype(bits)
    codes: list[int] = present.view(codes_RW.dtype).tolist()
    return codes

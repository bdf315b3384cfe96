"""Outlines of patches along the sides of their pixels, in memory that does not grow with the patches.

The mask of a patch is filled while its rows stream by. A patch whose window is too large for that is drawn on squares
of pixels instead, as many of the fullest squares as its pixels fill; so is one whose outline has too many corners.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from rasterio.features import shapes

from landcover.grid import Window
from landcover.raster.patches import Patch, Patches, PatchRuns
from landcover.raster.polygons import Polygon

MASK_CELLS: Final = 1 << 24
"""Squares of all masks together: 64 MiB of counts."""

LEAST_CELLS: Final = 1 << 14
"""Squares that every patch may have, however many there are."""

MOST_SIDES: Final = 200_000
"""Sides of squares along all outlines together, and so about the most corners: some megabytes of GeoJSON."""

LEAST_SIDES: Final = 400
"""Sides that every outline may have, however many there are."""


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """The outline of a patch.

    Attributes:
        polygons: in columns and rows of the map, the outer ring of each first, then its holes. More than one where
            the patch hangs together by corners only, or was drawn on squares.
        square: side of the squares it was drawn on, in pixels; 1 where it follows the pixels.
    """

    polygons: tuple[Polygon, ...]
    square: int


class Outliner:
    """Draws the outlines of patches while their runs stream by.

    Args:
        found: the patches.
    """

    def __init__(self, found: Patches) -> None:
        self._found = found
        count = max(1, len(found.patches))
        most = max(LEAST_CELLS, MASK_CELLS // count)
        self._most_sides = max(LEAST_SIDES, MOST_SIDES // count)
        self._squares = [_square(patch.window, most) for patch in found.patches]
        self._counts: dict[int, npt.NDArray[np.int32]] = {}

    def add(self, runs: PatchRuns) -> Iterator[tuple[int, Outline]]:
        """Draw the next rows.

        Args:
            runs: from ``patches.patch_runs``, in order.

        Yields:
            Position and outline of each patch that ends in these rows.
        """
        order = np.argsort(runs.patches, kind="stable")
        bounds = np.searchsorted(runs.patches[order], np.arange(len(self._found.patches) + 1))
        for i in np.flatnonzero(np.diff(bounds)).tolist():
            self._draw(i, runs, order[bounds[i] : bounds[i + 1]])
            patch = self._found.patches[i]
            if patch.window.row_stop <= runs.row_stop:
                yield i, _outline(self._counts.pop(i), patch, self._squares[i], self._most_sides)

    def _draw(self, i: int, runs: PatchRuns, mine: npt.NDArray[np.intp]) -> None:
        """Count the pixels of one patch in each of its squares."""
        window, square = self._found.patches[i].window, self._squares[i]
        if i not in self._counts:
            self._counts[i] = np.zeros((-(-window.height // square), -(-window.width // square)), np.int32)
        top, stop = max(runs.row_start, window.row), min(runs.row_stop, window.row_stop)
        inside_RW = _painted(runs, mine, Window(top, window.col, stop - top, window.width))
        cells = np.arange(top - window.row, stop - window.row) // square
        rows = np.flatnonzero(np.diff(cells, prepend=-1))
        cols = np.arange(0, window.width, square)
        summed = np.add.reduceat(inside_RW, rows, axis=0, dtype=np.int32)
        self._counts[i][cells[rows]] += np.add.reduceat(summed, cols, axis=1) if square > 1 else summed


def _square(window: Window, most: int) -> int:
    """Smallest side of squares of which a window has at most so many."""
    square = 1
    while -(-window.height // square) * -(-window.width // square) > most:
        square += 1
    return square


def _painted(runs: PatchRuns, mine: npt.NDArray[np.intp], window: Window) -> npt.NDArray[np.bool_]:
    """True where runs cover the pixels of a window, (row, col)."""
    stride = window.width + 1
    rows = (runs.rows[mine] - window.row) * stride - window.col
    steps = np.zeros(window.height * stride, np.int8)
    steps[rows + runs.starts[mine]] = 1
    steps[rows + runs.stops[mine]] = -1
    return np.cumsum(steps, dtype=np.int8).view(np.bool_).reshape(window.height, stride)[:, :-1]


def _outline(counts_RC: npt.NDArray[np.int32], patch: Patch, square: int, most_sides: int) -> Outline:
    inside_RC = _fullest(counts_RC, patch.pixels, square)
    while _sides(inside_RC) > most_sides:
        counts_RC, square = _halved(counts_RC), 2 * square
        inside_RC = _fullest(counts_RC, patch.pixels, square)
    window, polygons = patch.window, []
    for shape, _ in shapes(inside_RC.view(np.uint8), mask=inside_RC, connectivity=4):
        rings = (np.array(ring[:-1], np.float64) for ring in shape["coordinates"])
        polygons.append(tuple(_in_map(ring, window, square) for ring in rings))
    return Outline(tuple(polygons), square)


def _fullest(counts_RC: npt.NDArray[np.int32], pixels: int, square: int) -> npt.NDArray[np.bool_]:
    """The fullest squares, as many as the pixels fill; at least one."""
    if square == 1:
        return counts_RC > 0
    wanted = min(max(1, round(pixels / square**2)), counts_RC.size)
    least = np.partition(counts_RC.reshape(-1), -wanted)[-wanted]
    inside_RC: npt.NDArray[np.bool_] = counts_RC >= max(1, int(least))
    return inside_RC


def _sides(inside_RC: npt.NDArray[np.bool_]) -> int:
    """Sides between squares inside and outside, those along the edge not counted."""
    return sum(int(np.count_nonzero(np.diff(inside_RC, axis=axis))) for axis in (0, 1))


def _halved(counts_RC: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Counts of squares of twice the side."""
    rows, cols = counts_RC.shape
    even_RC = np.pad(counts_RC, ((0, rows % 2), (0, cols % 2)))
    summed: npt.NDArray[np.int32] = even_RC.reshape(-(-rows // 2), 2, -(-cols // 2), 2).sum(axis=(1, 3), dtype=np.int32)
    return summed


def _in_map(ring: npt.NDArray[np.float64], window: Window, square: int) -> npt.NDArray[np.float64]:
    """A ring of columns and rows of squares in columns and rows of the map; the last squares end with the window."""
    cols = np.minimum(ring[:, 0] * square, window.width) + window.col
    rows = np.minimum(ring[:, 1] * square, window.height) + window.row
    return np.column_stack([cols, rows])

"""Which pixel of one grid holds each pixel's centre of another: how codes, which cannot be averaged, change grids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from landcover.grid import Grid, Window
from landcover.raster.positions import CELL, Floats, Positions, same_crs
from landcover.raster.protocol import Block, Scene
from landcover.raster.target import pixel_shift
from landcover.raster.view import SceneView, empty_block
from landcover.raster.warped import ShiftedScene

_SOURCE_BYTES: Final = 64 * 2**20
"""Most pixels of the source read at once."""

_NUDGE_PX: Final = 1e-6
"""A centre on the border of two pixels, to the precision of the transform, falls to the one behind it."""

_TURNED_PX: Final = 0.01
"""How far a row or column may lean over its whole length and still count as running along the other grid's."""


class NearestPlaces(Protocol):
    """Row and column on a source of the pixels of a grid, -1 beyond the source."""

    def rows(self, start: int, stop: int) -> tuple[NDArray[np.signedinteger], NDArray[np.signedinteger]]:
        """Those of some rows of the grid; both broadcast to (row, col)."""


def nearest_places(grid: Grid, source: Grid) -> NearestPlaces:
    """Where a grid's pixel centres lie on a source, in whatever CRS that is."""
    return _Aligned.of(grid, source) or _Warped(grid, source)


@dataclass(frozen=True, slots=True)
class _Aligned:
    """A source whose rows and columns run along the grid's: for each of these its own, -1 beyond it."""

    rows_H: NDArray[np.intp]
    cols_W: NDArray[np.intp]

    @classmethod
    def of(cls, grid: Grid, source: Grid) -> Self | None:
        """Where a grid's pixels lie on the source; None when the two are turned or in different CRS."""
        to_source = ~source.transform @ grid.transform
        leans = max(abs(to_source.b) * grid.height, abs(to_source.d) * grid.width)
        if not same_crs(source.crs, grid.crs) or leans > _TURNED_PX:
            return None
        positions = Positions(grid, source)
        rows, cols = (np.arange(length, dtype=np.float64) + 0.5 for length in (grid.height, grid.width))
        _, rows_H = positions.exact(np.zeros_like(rows) + 0.5, rows)
        cols_W, _ = positions.exact(cols, np.zeros_like(cols) + 0.5)
        return cls(_containing(rows_H, source.height), _containing(cols_W, source.width))

    def rows(self, start: int, stop: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Row and column on the source of some rows of the grid, shapes (row, 1) and (1, col)."""
        return self.rows_H[start:stop, None], self.cols_W[None]


class _Warped:
    """A source in another CRS than the grid, or turned against it."""

    def __init__(self, grid: Grid, source: Grid) -> None:
        self._width, self._shape, self._positions = grid.width, (source.height, source.width), Positions(grid, source)

    def rows(self, start: int, stop: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Row and column on the source of some rows of the grid, each (row, col)."""
        rows_RW, cols_RW = (np.full((stop - start, self._width), -1, np.int32) for _ in range(2))
        for top in range(start, stop, CELL):  # positions take eight times the memory of what is kept of them
            part = slice(top - start, min(top + CELL, stop) - start)
            cols, rows = self._positions.of(Window(top, 0, part.stop - part.start, self._width))
            inside = (rows >= 0) & (rows < self._shape[0]) & (cols >= 0) & (cols < self._shape[1])
            rows_RW[part][inside], cols_RW[part][inside] = rows[inside], cols[inside]
        return rows_RW, cols_RW


def _containing(places: Floats, size: int) -> NDArray[np.intp]:
    """The pixel that holds each place along an axis, -1 beyond the axis."""
    index = np.floor(places + _NUDGE_PX).astype(np.intp)
    return np.where((index >= 0) & (index < size), index, -1)


class NearestScene(SceneView):
    """A scene on another grid, each pixel that of the scene which holds its centre; samples are never mixed.

    Args:
        scene: the scene.
        grid: grid wanted, in any CRS.
        nodata: number for pixels outside the scene.
    """

    resampling = "nearest"

    def __init__(self, scene: Scene, grid: Grid, *, nodata: float) -> None:
        super().__init__(scene, grid)
        self._nodata, self._places = nodata, nearest_places(grid, scene.grid)

    def read(self, window: Window) -> Block:
        """The pixels of a window; no data outside the scene.

        Raises:
            WindowError: when the window reaches beyond the grid.
            RasterTruncated: when pixels are missing or damaged.
        """
        self.grid.crop(window)
        out = empty_block(len(self.bands), window, self.dtype, self._nodata)
        for start in range(0, window.height, CELL):
            place = slice(start, min(start + CELL, window.height))
            self._fill(Block(out.data[:, place], out.valid[place]), window.row + start, window.cols)
        return out

    def _fill(self, out: Block, row: int, cols: slice) -> None:
        """Fill some rows from ``row`` on; in halves when they need too much of the source."""
        height = out.valid.shape[0]
        rows, columns = self._places.rows(row, row + height)
        columns = columns[:, cols]
        rows = rows if rows.shape[1] == 1 else rows[:, cols]
        needed = _window(rows, columns)
        if needed is None:
            return
        size = needed.height * needed.width * self.dtype.itemsize * len(self.bands)
        if size > _SOURCE_BYTES and height > 1:
            half = height // 2
            self._fill(Block(out.data[:, :half], out.valid[:half]), row, cols)
            self._fill(Block(out.data[:, half:], out.valid[half:]), row + half, cols)
            return
        source = self._scene.read(needed)
        here = np.clip(rows - needed.row, 0, needed.height - 1), np.clip(columns - needed.col, 0, needed.width - 1)
        inside_HW = (rows >= 0) & (columns >= 0)
        out.valid[...] = _gathered(source.valid, *here) & inside_HW
        for band_RC, out_HW in zip(source.data, out.data, strict=True):
            np.copyto(out_HW, _gathered(band_RC, *here), where=inside_HW)

    def _source_window(self, window: Window) -> Window | None:
        found: Window | None = None
        for start in range(window.row, window.row_stop, CELL):
            rows, columns = self._places.rows(start, min(start + CELL, window.row_stop))
            part = _window(rows if rows.shape[1] == 1 else rows[:, window.cols], columns[:, window.cols])
            found = _around(found or part, part) if part else found
        return found


def _gathered[Sample: np.generic](
    samples_RC: NDArray[Sample], rows: NDArray[np.signedinteger], cols: NDArray[np.signedinteger]
) -> NDArray[Sample]:
    """Samples at rows and columns that broadcast to (row, col)."""
    if rows.shape[1] == 1 and cols.shape[0] == 1:  # one axis after the other touches each pixel once, in order
        found: NDArray[Sample] = samples_RC[:, cols[0]][rows[:, 0]]
    else:
        found = samples_RC[rows, cols]
    return found


def _window(rows: NDArray[np.signedinteger], cols: NDArray[np.signedinteger]) -> Window | None:
    """The smallest window around the places that lie on the source; None when none does."""
    if rows.max() < 0 or cols.max() < 0:
        return None
    top, left = int(rows.min(where=rows >= 0, initial=rows.max())), int(cols.min(where=cols >= 0, initial=cols.max()))
    return Window(top, left, int(rows.max()) - top + 1, int(cols.max()) - left + 1)


def _around(one: Window, other: Window) -> Window:
    row, col = min(one.row, other.row), min(one.col, other.col)
    row_stop, col_stop = max(one.row_stop, other.row_stop), max(one.col_stop, other.col_stop)
    return Window(row, col, row_stop - row, col_stop - col)


def codes_on(scene: Scene, grid: Grid, *, nodata: float) -> Scene:
    """A scene of codes on another grid: itself, shifted by whole pixels, or by the nearest pixel.

    Args:
        scene: closed together with what is returned.
        grid: grid wanted.
        nodata: number for pixels outside the scene.
    """
    if scene.grid == grid:
        return scene
    shift = pixel_shift(scene.grid, grid)
    if shift is not None:
        return ShiftedScene(scene, grid, shift, nodata=nodata)
    return NearestScene(scene, grid, nodata=nodata)

"""Scenes on another grid: shifted by whole pixels, resampled on read, or averaged where pixels become larger.

Every pixel depends on its place alone. Which window is read, in which order, and in how many pieces changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from affine import Affine

from landcover.errors import GridMismatch
from landcover.grid import Grid, Window
from landcover.raster.positions import CELL, Positions
from landcover.raster.protocol import Block, Scene
from landcover.raster.sampling import Places, interpolate
from landcover.raster.target import pixel_shift, target_grid
from landcover.raster.view import SceneView, empty_block

__all__ = ["ShiftedScene", "WarpedScene", "on_grid", "pixel_shift", "target_grid"]

MAX_SOURCE_BYTES: Final = 256 * 2**20
"""Most pixels of the source in memory at once; a window that needs more is made in parts."""

PIECE_PIXELS: Final = 1 << 15
"""Pixels that are sampled at once: their positions and weights, about 100 bytes each, stay in the cache of a core."""

PIECE_COLS: Final = 512

_POINTS: Final = 9
"""Points per side of a net over a window."""


def on_grid(scene: Scene, grid: Grid, *, nodata: float = 0) -> Scene:
    """The scene on another grid, by the gentlest means: itself, shifted by whole pixels, or resampled.

    Args:
        scene: closed together with what is returned.
        grid: grid wanted.
        nodata: number that stands for no data in the scene's blocks, see ``ReadPolicy.assumed_nodata``.

    Raises:
        GridMismatch: when the scene and the grid have no place in common.
    """
    if scene.grid == grid:
        return scene
    shift = pixel_shift(scene.grid, grid)
    if shift is not None:
        return ShiftedScene(scene, grid, shift, nodata=nodata)
    down, along = _samples(scene.grid, grid)
    if down == along == 1:
        return WarpedScene(scene, grid, nodata=nodata)
    finer = Grid(grid.crs, grid.transform @ Affine.scale(1 / along, 1 / down), grid.height * down, grid.width * along)
    return _AveragedScene(WarpedScene(scene, finer, nodata=nodata), grid, (down, along), nodata=nodata)


class ShiftedScene(SceneView):
    """A scene on a grid of the same pixels that starts elsewhere and may be larger or smaller.

    Args:
        scene: the scene.
        grid: grid wanted.
        shift: rows and columns from the scene's first pixel to the grid's.
        nodata: number for pixels outside the scene.
    """

    def __init__(self, scene: Scene, grid: Grid, shift: tuple[int, int], *, nodata: float = 0) -> None:
        super().__init__(scene, grid)
        self._shift, self._nodata = shift, nodata

    def read(self, window: Window) -> Block:
        """The pixels of a window; no data outside the scene.

        Raises:
            WindowError: when the window reaches beyond the grid.
            RasterTruncated: when pixels are missing or damaged.
        """
        self.grid.crop(window)
        source = self._source_window(window)
        if source is None:
            self._scene.pass_over(None)
            return empty_block(len(self.bands), window, self.dtype, self._nodata)
        block = self._scene.read(source)
        if block.valid.shape == (window.height, window.width):
            return block
        whole = empty_block(len(self.bands), window, self.dtype, self._nodata)
        top, left = source.row - self._shift[0] - window.row, source.col - self._shift[1] - window.col
        place = slice(top, top + source.height), slice(left, left + source.width)
        whole.data[(slice(None), *place)] = block.data
        whole.valid[place] = block.valid
        return whole

    def _source_window(self, window: Window) -> Window | None:
        source = self._scene.grid
        rows = _common(window.row + self._shift[0], window.height, source.height)
        cols = _common(window.col + self._shift[1], window.width, source.width)
        return Window(rows.start, cols.start, len(rows), len(cols)) if rows and cols else None


def _common(start: int, length: int, limit: int) -> range:
    """The part of ``length`` pixels from ``start`` on that lies in 0..limit."""
    return range(max(start, 0), min(start + length, limit))


class WarpedScene(SceneView):
    """A scene resampled onto another grid by bilinear interpolation, window by window as they are read.

    A pixel has data where the source pixel that its centre lies in has data; pixels without data never enter a mean.
    Where the target's pixels are much larger than the source's, ``on_grid`` averages instead.

    Args:
        scene: the scene.
        grid: grid wanted, in any CRS.
        nodata: number that stands for no data.
    """

    resampling = "bilinear"

    def __init__(self, scene: Scene, grid: Grid, *, nodata: float = 0) -> None:
        super().__init__(scene, grid)
        self._nodata = nodata
        self._positions = Positions(grid, scene.grid)

    def read(self, window: Window) -> Block:
        """The pixels of a window; no data outside the scene.

        Raises:
            WindowError: when the window reaches beyond the grid.
            RasterTruncated: when pixels are missing or damaged.
        """
        self.grid.crop(window)
        out = empty_block(len(self.bands), window, self.dtype, self._nodata)
        self._fill(out, window, window)
        return out

    def _source_window(self, window: Window) -> Window | None:
        """The smallest window of the source around some points of a window: enough to say what need not be held."""
        col_HW, row_HW = np.meshgrid(
            np.linspace(window.col, window.col_stop, _POINTS), np.linspace(window.row, window.row_stop, _POINTS)
        )
        cols, rows = self._positions.exact(col_HW, row_HW)
        if not np.isfinite(cols).all():
            return self._scene.grid.extent
        grid = self._scene.grid
        left, right = math.floor(cols.min()), math.ceil(cols.max())
        top, bottom = math.floor(rows.min()), math.ceil(rows.max())
        cols_in, rows_in = _common(left, right - left, grid.width), _common(top, bottom - top, grid.height)
        return Window(rows_in.start, cols_in.start, len(rows_in), len(cols_in)) if cols_in and rows_in else None

    def _fill(self, out: Block, whole: Window, part: Window) -> None:
        """Resample a part of the window that ``out`` holds, reading what it needs at once or in halves."""
        needed = self._needed(part)
        if needed is None:
            if part == whole:
                self._scene.pass_over(None)
            return
        sample_bytes = len(self.bands) * self.dtype.itemsize + 1
        if needed.height * needed.width * sample_bytes > MAX_SOURCE_BYTES and part.height * part.width > 1:
            for half in _halves(part):
                self._fill(out, whole, half)
            return
        source = self._scene.read(needed)
        for piece in _pieces(part):
            places = self._places(piece)
            origin = places.needs(self._scene.grid.height, self._scene.grid.width)
            if origin is not None:
                made = interpolate(_cut(source, needed, origin), origin, places, self._nodata)
                rows, cols = _within(whole, piece)
                out.data[:, rows, cols], out.valid[rows, cols] = made.data, made.valid

    def _needed(self, part: Window) -> Window | None:
        """The smallest window of the source that holds what a part needs."""
        source, needed = self._scene.grid, None
        for piece in _pieces(part):
            window = self._places(piece).needs(source.height, source.width)
            needed = _joined(needed, window)
        return needed

    def _places(self, piece: Window) -> Places:
        source = self._scene.grid
        return Places.of(*self._positions.of(piece), source.height, source.width)


def _within(whole: Window, part: Window) -> tuple[slice, slice]:
    """Rows and columns of a part in an array that holds the whole."""
    rows = slice(part.row - whole.row, part.row_stop - whole.row)
    return rows, slice(part.col - whole.col, part.col_stop - whole.col)


def _cut(block: Block, whole: Window, part: Window) -> Block:
    rows, cols = _within(whole, part)
    return Block(block.data[:, rows, cols], block.valid[rows, cols])


def _pieces(window: Window) -> Iterator[Window]:
    """A window in parts that are small enough to sample at once, whole cells of positions wide and high."""
    wide = min(-(-window.width // CELL) * CELL, PIECE_COLS)
    high = max(PIECE_PIXELS // wide // CELL, 1) * CELL
    for row in range(window.row, window.row_stop, high):
        for col in range(window.col, window.col_stop, wide):
            yield Window(row, col, min(high, window.row_stop - row), min(wide, window.col_stop - col))


def _halves(window: Window) -> tuple[Window, Window]:
    if window.width >= window.height:
        half = window.width // 2
        right = Window(window.row, window.col + half, window.height, window.width - half)
        return Window(window.row, window.col, window.height, half), right
    half = window.height // 2
    lower = Window(window.row + half, window.col, window.height - half, window.width)
    return Window(window.row, window.col, half, window.width), lower


def _joined(one: Window | None, other: Window | None) -> Window | None:
    """The smallest window that holds both."""
    if one is None or other is None:
        return one or other
    row, col = min(one.row, other.row), min(one.col, other.col)
    row_stop, col_stop = max(one.row_stop, other.row_stop), max(one.col_stop, other.col_stop)
    return Window(row, col, row_stop - row, col_stop - col)


def _samples(source: Grid, target: Grid) -> tuple[int, int]:
    """How many samples, down and along, a target pixel needs so that no source pixel in it is passed over.

    Raises:
        GridMismatch: when the two have no place in common.
    """
    positions = Positions(target, source)
    col, row = np.meshgrid(np.linspace(0, target.width, 33), np.linspace(0, target.height, 33))
    here_col, here_row = positions.exact(col, row)
    if not np.isfinite(here_col).any():
        raise GridMismatch(
            f"the target grid in {target.crs.name!r} lies nowhere in the CRS of the scene, {source.crs.name!r}; choose "
            "a CRS that is made for the place of the scene"
        )
    steps = []
    for across, down in ((1.0, 0.0), (0.0, 1.0)):
        there_col, there_row = positions.exact(col + across, row + down)
        steps.append(float(np.nanmedian(np.hypot(there_col - here_col, there_row - here_row))))
    along_step, down_step = steps
    return max(1, math.floor(down_step + 0.5)), max(1, math.floor(along_step + 0.5))


class _AveragedScene(SceneView):
    """A scene on larger pixels, each the mean of the samples in it that have data.

    A pixel has data where at least half of its samples have.

    Args:
        scene: the samples, a whole number of them per pixel and side.
        grid: the larger pixels.
        samples: how many samples a pixel has down and along.
        nodata: number that stands for no data.
    """

    resampling = "mean"

    def __init__(self, scene: Scene, grid: Grid, samples: tuple[int, int], *, nodata: float) -> None:
        super().__init__(scene, grid)
        self._samples, self._nodata = samples, nodata

    def read(self, window: Window) -> Block:
        """The pixels of a window.

        Raises:
            WindowError: when the window reaches beyond the grid.
            RasterTruncated: when pixels are missing or damaged.
        """
        self.grid.crop(window)
        out = empty_block(len(self.bands), window, self.dtype, self._nodata)
        down, along = self._samples
        step = max(PIECE_PIXELS // (window.width * along * down), 1)
        for row in range(window.row, window.row_stop, step):
            rows = min(step, window.row_stop - row)
            fine = self._scene.read(Window(row * down, window.col * along, rows * down, window.width * along))
            place = slice(row - window.row, row - window.row + rows)
            self._average(fine, Block(out.data[:, place], out.valid[place]))
        return out

    def _source_window(self, window: Window) -> Window:
        down, along = self._samples
        return Window(window.row * down, window.col * along, window.height * down, window.width * along)

    def _average(self, fine: Block, out: Block) -> None:
        down, along = self._samples
        shape = out.valid.shape[0], down, out.valid.shape[1], along
        out.valid[...] = 2 * fine.valid.reshape(shape).sum(axis=(1, 3)) >= down * along
        for fine_RC, out_HW in zip(fine.data, out.data, strict=True):
            known = (fine.valid & (fine_RC != self._nodata)).reshape(shape)
            count_HW = known.sum(axis=(1, 3))
            sums_HW = fine_RC.reshape(shape).sum(axis=(1, 3), dtype=np.float64, where=known)
            means_HW = sums_HW / np.maximum(count_HW, 1)
            means_HW = means_HW if out_HW.dtype.kind == "f" else np.rint(means_HW)
            means_HW = np.where(means_HW == self._nodata, means_HW + 1, means_HW)
            out_HW[...] = np.where(out.valid & (count_HW > 0), means_HW, self._nodata)

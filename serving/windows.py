"""Cut a scene into the model's windows, with mirrored margins; each pixel is read from the file once.

A thread reads the scene in pieces of some rows. The pieces are cut into columns where windows begin, and a column of a
piece is dropped as soon as no later window needs it, while the rows below are read. So little more than one row of
windows is in memory at any time, however high the scene is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from landcover.borders import known_pixels, mirror_borders
from landcover.grid import Window
from landcover.manifest import Manifest
from landcover.raster.scene import Scene
from landcover.scaling import harmonise
from landcover.tiling import Axis, TilePlan, mirror
from serving.prefetch import prefetch

PIECE_ROWS: Final = 32
"""Rows that are read at once. Blocks of files are as high or a multiple of that."""

AHEAD: Final = 1
"""Pieces that may be ready, or in the making, before a window needs them."""

type _Place = tuple[NDArray[np.intp] | slice, slice]


@dataclass(frozen=True, slots=True)
class SceneWindow:
    """One window of a plan.

    Attributes:
        row: number of its row of windows.
        col: its number in the row.
        dn_BHW: digital numbers (band, row, col), mirrored in the margins and near nodata; None where no pixel is valid.
        valid_HW: which pixels are data; False in the margins.
    """

    row: int
    col: int
    dn_BHW: NDArray[np.generic] | None
    valid_HW: NDArray[np.bool_]


def read_windows(scene: Scene, plan: TilePlan, manifest: Manifest, *, first: int = 0) -> Generator[SceneWindow]:
    """The windows in the plan's order; their arrays are the receiver's own.

    Args:
        scene: opened with the model's bands in the model's order, of each date where it takes two.
        plan: windows over the scene's grid.
        manifest: the model's; digital numbers are brought to its scale and offset.
        first: number of the first row of windows; what lies above it is not read.

    Raises:
        RasterTruncated: when pixels are missing or damaged.
    """
    cols, rows = len(plan.cols.origins), [_scene_rows(plan, row) for row in range(len(plan.rows.origins))]
    stops = [int(indices_H.max()) + 1 for indices_H in rows]
    starts = [min(int(indices_H.min()) for indices_H in rows[row:]) for row in range(len(rows))]
    top = starts[first] - starts[first] % PIECE_ROWS
    buffers = _Buffers()
    shelf = _Shelf(plan, top, buffers, dates=manifest.dates)
    with closing(prefetch(_read_pieces(scene, plan, manifest, top, buffers), depth=AHEAD)) as pieces:
        for row, (stop, below) in enumerate(pairwise([*stops[first:], plan.height]), start=first):
            for col in range(cols):
                # What is dropped on the left makes room for the rows of the next windows.
                shelf.fill(pieces, stop + max(below - stop, 0) * col // cols)
                yield shelf.cut(row, col, rows[row])
                shelf.drop(col, [*starts, plan.height][row + 1])


def _scene_rows(plan: TilePlan, row: int) -> NDArray[np.intp]:
    """The scene's row at each row of the windows of a row; mirrored in the margins."""
    top = plan.rows.origins[row] - plan.margin
    return mirror(top, top + plan.rows.tile, plan.height)


class _Column(NamedTuple):
    """Digital numbers (band, row, col) and validity (row, col) of some columns of a piece, mirrored in the margins."""

    dn_BHW: NDArray[np.generic]
    valid_HW: NDArray[np.bool_]


@dataclass(slots=True)
class _Piece:
    """Whole rows of the scene with mirrored margins left and right, in columns that begin where windows begin.

    Attributes:
        rows: of the scene.
        columns: their pixels; None when dropped.
    """

    rows: range
    columns: list[_Column | None]


def _read_pieces(scene: Scene, plan: TilePlan, manifest: Manifest, top: int, buffers: _Buffers) -> Iterator[_Piece]:
    """The scene from a row down, in pieces that end where blocks of a file end, so that each needs few blocks."""
    source = scene.radiometry or manifest.radiometry
    spans = [
        _run(mirror(span.start - plan.margin, span.stop - plan.margin, plan.width)) for span in _column_spans(plan.cols)
    ]

    def columns(rows: range) -> list[_Column | None]:
        """A function, so that nothing holds what was read, and the scene's memory with it, when the next is read."""
        block = scene.read(Window(rows.start, 0, len(rows), plan.width))
        data_BHW = harmonise(block.data, source, manifest.radiometry, nodata=manifest.nodata)
        return [_Column(buffers.copy(data_BHW[:, :, span]), block.valid[:, span].copy()) for span in spans]

    for start in range(top, plan.height, PIECE_ROWS):
        rows = range(start, min(start + PIECE_ROWS, plan.height))
        yield _Piece(rows, columns(rows))


class _Buffers:
    """Memory for the columns of pieces, used again and again: fresh pages cost more than what is written to them."""

    def __init__(self) -> None:
        # By number of samples. One thread takes while another gives back; single calls of a list need no lock.
        self._free: defaultdict[int, list[NDArray[np.generic]]] = defaultdict(list)

    def copy(self, values_BHW: NDArray[np.generic]) -> NDArray[np.generic]:
        """A copy in memory that is free, or in new memory."""
        free = self._free[values_BHW.size]
        copy_BHW = free.pop().reshape(values_BHW.shape) if free else np.empty(values_BHW.shape, values_BHW.dtype)
        np.copyto(copy_BHW, values_BHW)
        return copy_BHW

    def give_back(self, copy_BHW: NDArray[np.generic]) -> None:
        """Whoever made it does not use it any more."""
        self._free[copy_BHW.size].append(copy_BHW)


def _column_spans(cols: Axis) -> list[range]:
    """From each window's origin to the next one's, counted from the left margin; the last one is a whole window."""
    ends = [*cols.origins[1:], cols.origins[-1] + cols.tile]
    return [range(start, stop) for start, stop in zip(cols.origins, ends, strict=True)]


class _Shelf:
    """The pieces between the reading thread and the windows.

    Args:
        plan: windows over the scene's grid.
        top: first row of the scene that is read.
        buffers: where the memory of columns goes back.
        dates: dates stacked in the bands.
    """

    def __init__(self, plan: TilePlan, top: int, buffers: _Buffers, *, dates: int) -> None:
        self._plan, self._buffers, self._dates = plan, buffers, dates
        self._spans = _column_spans(plan.cols)
        self._pieces: list[_Piece] = []
        self._read_to = top

    def fill(self, pieces: Iterator[_Piece], row_stop: int) -> None:
        """Take pieces until the scene's rows before ``row_stop`` are there."""
        while self._read_to < row_stop:
            piece = next(pieces)
            self._pieces.append(piece)
            self._read_to = piece.rows.stop

    def cut(self, row: int, col: int, rows_H: NDArray[np.intp]) -> SceneWindow:
        """Copy a window out.

        Args:
            row: number of its row of windows.
            col: its number in the row.
            rows_H: the scene's row at each of its rows.
        """
        plan = self._plan
        shape = plan.rows.tile, plan.cols.tile
        valid_HW = np.zeros(shape, np.bool_)
        parts = list(self._parts(col, rows_H))
        for column, source, place in parts:
            valid_HW[place] = column.valid_HW[source]
        inside_HW = np.zeros(shape, np.bool_)
        inside_HW[plan.rows.inside(row, plan.margin), plan.cols.inside(col, plan.margin)] = True
        inside_HW &= valid_HW
        if not inside_HW.any():
            return SceneWindow(row, col, None, inside_HW)
        like_BHW = parts[0][0].dn_BHW
        dn_BHW = np.empty((len(like_BHW), *shape), like_BHW.dtype)
        for column, source, place in parts:
            dn_BHW[:, *place] = column.dn_BHW[:, *source]
        if not valid_HW.all():
            mirror_borders(dn_BHW, known_pixels(dn_BHW, self._dates))
        return SceneWindow(row, col, dn_BHW, inside_HW)

    def drop(self, col: int, row_start: int) -> None:
        """Forget a column of the pieces above a row of the scene: the windows to come begin right of it or below."""
        for piece in self._pieces:
            column = piece.columns[col]
            if piece.rows.stop <= row_start and column is not None:
                self._buffers.give_back(column.dn_BHW)
                piece.columns[col] = None
        self._pieces = [piece for piece in self._pieces if any(piece.columns)]

    def _parts(self, col: int, rows_H: NDArray[np.intp]) -> Iterator[tuple[_Column, _Place, _Place]]:
        """What the pieces hold of a window, where it lies in them, and where in the window."""
        left, tile = self._plan.cols.origins[col], self._plan.cols.tile
        # A column begins where a window does, so a window is made of its own column and of some to the right.
        spans = [span for span in self._spans[col:] if span.start < left + tile]
        for piece in self._pieces:
            wanted_H = np.flatnonzero((rows_H >= piece.rows.start) & (rows_H < piece.rows.stop))
            if not len(wanted_H):
                continue
            source, place = _run(rows_H[wanted_H] - piece.rows.start), _run(wanted_H)
            for span, column in zip(spans, piece.columns[col : col + len(spans)], strict=True):
                if column is not None:
                    stop = min(span.stop, left + tile)
                    inner, outer = slice(0, stop - span.start), slice(span.start - left, stop - left)
                    yield column, (source, inner), (place, outer)


def _run(indices_H: NDArray[np.intp]) -> NDArray[np.intp] | slice:
    """The same indices as a slice, which is faster, where they follow each other."""
    start, count = int(indices_H[0]), len(indices_H)
    return slice(start, start + count) if np.array_equal(indices_H, np.arange(start, start + count)) else indices_H

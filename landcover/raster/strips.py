"""Reading by whole rows of blocks, each decoded once, in parallel.

Windows of a scene overlap, and a window seldom ends where a block ends; JPEG 2000 decodes ten million pixels a second
and core, so a block that is decoded twice is the dearest thing in reading. A ``StripCache`` holds the strips (rows of
whole blocks) that the last window touched. It replaces GDAL's block cache, whose size is one for the whole process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import rasterio.windows
from rasterio.io import DatasetReader

from landcover.grid import Window
from landcover.raster.handles import HandlePool
from landcover.raster.opening import pixel_errors, reading_env
from landcover.raster.protocol import AnyArray

type Job = Callable[[], None]

MIN_STRIP_ROWS: Final = 256  # files stored row by row are read in pieces of at least this many rows
MAX_STRIP_BYTES: Final = 320 * 2**20  # larger strips are halved, and their blocks decoded once for each half


class Load(Protocol):
    """How pixels come out of a handle."""

    def __call__(self, dataset: DatasetReader, window: rasterio.windows.Window, out_BRC: AnyArray) -> None:
        """Fill ``out_BRC`` (band, row, col) with the pixels of the window."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a strip looks like.

    Attributes:
        height: rows of the file.
        width: columns of the file.
        block_height: rows of a stored block.
        block_width: columns of a stored block.
        bands: bands that are loaded together.
        dtype: sample type they are loaded as.
    """

    height: int
    width: int
    block_height: int
    block_width: int
    bands: int
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, dataset: DatasetReader, *, bands: int, dtype: np.dtype[Any]) -> Layout:
        """The layout of an opened file."""
        rows, cols = dataset.block_shapes[0]
        return cls(dataset.height, dataset.width, rows, cols, bands, dtype)

    @property
    def strip_rows(self) -> int:
        """Rows of a strip: whole blocks; where these are too large to hold halves of them, quarters and so on.

        Parts that end where blocks end keep a read of few rows within one strip; two would be held at a time.
        """
        rows = math.ceil(MIN_STRIP_ROWS / self.block_height) * self.block_height
        row_bytes = self.bands * self.width * self.dtype.itemsize
        while rows > 1 and rows * row_bytes > MAX_STRIP_BYTES:
            rows = math.ceil(rows / 2)
        return rows


@dataclass(frozen=True, slots=True)
class _Strip:
    """Decoded columns of a strip.

    Attributes:
        cols: which, whole blocks of them.
        dn_BRC: their pixels (band, row, col).
    """

    cols: range
    dn_BRC: AnyArray


class StripCache:
    """Strips of one file around the last window; used by one thread at a time, loaded by several.

    Args:
        pool: handles on the file.
        layout: size and blocks of the file.
        load: how pixels come out of a handle.
        parts: in how many parts a strip is decoded at once.
    """

    def __init__(self, pool: HandlePool, layout: Layout, load: Load, *, parts: int) -> None:
        self._pool = pool
        self._layout = layout
        self._load = load
        self._parts = parts
        self._strips: dict[int, _Strip] = {}

    def plan(self, window: Window) -> list[Job]:
        """Jobs that load what the window needs and is not held; strips it does not need are dropped.

        All jobs must have ended well before ``take``; when one fails, call ``clear``.
        """
        self.keep(window)
        return [job for index in self._touched(window) for job in self._strip_jobs(index, window)]

    def take(self, window: Window) -> AnyArray:
        """The window's pixels, (band, row, col).

        Where they lie in one strip they are a part of it, which may not be written to and holds all of its memory; else
        they are a copy. Strips do not change after they were loaded.
        """
        layout, touched = self._layout, self._touched(window)
        if len(touched) == 1:
            strip, top = self._strips[touched.start], touched.start * layout.strip_rows
            left = window.col - strip.cols.start
            part_BRC = strip.dn_BRC[:, window.row - top : window.row_stop - top, left : left + window.width]
            part_BRC.flags.writeable = False
            return part_BRC
        out_BRC = np.empty((layout.bands, window.height, window.width), layout.dtype)
        for index, strip in self._strips.items():
            top = index * layout.strip_rows
            start, stop = max(window.row, top), min(window.row_stop, top + strip.dn_BRC.shape[1])
            if start < stop:
                left = window.col - strip.cols.start
                out_BRC[:, start - window.row : stop - window.row] = strip.dn_BRC[
                    :, start - top : stop - top, left : left + window.width
                ]
        return out_BRC

    def keep(self, window: Window) -> None:
        """Forget the strips that a window does not touch."""
        touched = self._touched(window)
        self._strips = {index: strip for index, strip in self._strips.items() if index in touched}

    def clear(self) -> None:
        """Forget every strip."""
        self._strips = {}

    def _touched(self, window: Window) -> range:
        rows = self._layout.strip_rows
        return range(window.row // rows, (window.row_stop - 1) // rows + 1)

    def _strip_jobs(self, index: int, window: Window) -> list[Job]:
        """Jobs for the columns of a strip that a window needs; of those that are held only the missing blocks."""
        held = self._strips.get(index)
        if held is not None and held.cols.start <= window.col and window.col_stop <= held.cols.stop:
            return []
        layout = self._layout
        top, cols = index * layout.strip_rows, self._whole_blocks(window)
        rows = min(layout.strip_rows, layout.height - top)
        strip = self._strips[index] = _Strip(cols, np.empty((layout.bands, rows, len(cols)), layout.dtype))
        missing = [cols] if held is None else _moved(held, strip)
        return [self._job(strip, top, part) for gap in missing for part in self._column_parts(gap)]

    def _whole_blocks(self, window: Window) -> range:
        """The columns of a window, and those beside them in the same blocks."""
        step = self._layout.block_width
        return range(window.col // step * step, min(math.ceil(window.col_stop / step) * step, self._layout.width))

    def _column_parts(self, cols: range) -> list[range]:
        """Columns in at most ``parts`` ranges of whole blocks."""
        step = self._layout.block_width
        starts = range(cols.start, cols.stop, step)
        share = math.ceil(len(starts) / self._parts)
        return [range(start, min(start + share * step, cols.stop)) for start in starts[::share]]

    def _job(self, strip: _Strip, top: int, cols: range) -> Job:
        left = cols.start - strip.cols.start
        out_BRC = strip.dn_BRC[:, :, left : left + len(cols)]
        window = rasterio.windows.Window(cols.start, top, len(cols), out_BRC.shape[1])

        def job() -> None:
            with self._pool.borrow() as dataset, reading_env(), pixel_errors(self._pool.file.path):
                self._load(dataset, window, out_BRC)

        return job


def _moved(held: _Strip, strip: _Strip) -> list[range]:
    """Copy the columns that two strips share; answer which ones the new one still misses."""
    common = range(max(held.cols.start, strip.cols.start), min(held.cols.stop, strip.cols.stop))
    if not common:
        return [strip.cols]
    here, there = (slice(common.start - each.cols.start, common.stop - each.cols.start) for each in (strip, held))
    strip.dn_BRC[:, :, here] = held.dn_BRC[:, :, there]
    gaps = range(strip.cols.start, common.start), range(common.stop, strip.cols.stop)
    return [gap for gap in gaps if gap]


def run_jobs(executor: ThreadPoolExecutor, jobs: Iterable[Job]) -> None:
    """Run jobs at once; return, or raise the first error, when none is running any more."""
    futures = [executor.submit(job) for job in jobs]
    wait(futures)
    for future in futures:
        future.result()

"""Pixels and area of every combination of codes, added up while the rows of a map stream by.

Where all pixels of a row are equal, combinations are counted row by row and the counts multiplied with the row's area:
whole numbers, twice as fast as adding an area for each pixel and exact. Only pixels partly in a zone are weighed. Where
pixels of a row differ, every pixel is weighed.

The sums are *mapped area (pixel count)*, geodesic, see ``indicators.areas``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.areas import PixelAreas
from indicators.joint import Axis, JointTable
from landcover.errors import ConfigError, WindowError
from landcover.grid import Window

_CHUNK: Final = 1 << 18
"""Pixels counted at once: intermediate arrays of 2 MiB stay in the cache of a core."""

_ROW_BINS: Final = 1 << 19
"""Most counters of a chunk when each row has its own; with more combinations every pixel is weighed instead."""

_PIXELS_PER_BIN: Final = 4
"""A chunk has at least as many pixels for each combination, so that clearing counters costs little beside counting."""

type Positions = npt.NDArray[np.uint8]
type Shares = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ZonePart:
    """Where a zone lies in a block of rows.

    Attributes:
        zone: number of the zone, from 0.
        coverage: float32, share of each pixel that lies in the zone, 0 to 1, of the shape of ``window``, or of the
            whole block where there is none; None = all of every pixel.
        window: the part of the grid that ``coverage`` is for, within the rows of the block; None = the whole block.
    """

    zone: int
    coverage: Shares | None = None
    window: Window | None = None


EVERYWHERE: Final = (ZonePart(0),)
"""One zone that is the whole grid."""


class JointAreas:
    """Adds up one `JointTable` for each zone while blocks of whole rows stream by, in any order, each row once.

    Memory is two numbers for each combination and zone. One thread may add at a time.

    Attributes:
        axes: the properties of pixels, in the order of the arrays.
    """

    def __init__(self, axes: Sequence[Axis], areas: PixelAreas, *, zones: int = 1) -> None:
        """Start at zero.

        Args:
            axes: the properties.
            areas: areas of the grid's pixels.
            zones: number of zones.

        Raises:
            ConfigError: without a zone or an axis, or with more combinations than one table can hold.
        """
        self.axes = tuple(axes)
        self._areas, self._grid = areas, areas.grid
        self._shape = tuple(map(len, self.axes))
        self._bins = math.prod(self._shape)
        if not self.axes or zones < 1 or self._bins * zones > np.iinfo(np.int32).max // 16:
            raise ConfigError(f"{zones} zones of {self._bins} combinations along axes of {self._shape} are no account")
        self._pixels_ZB = np.zeros((zones, self._bins), np.int64)
        self._km2_ZB = np.zeros((zones, self._bins), np.float64)
        self._seen = np.zeros(self._grid.height, np.bool_)

    def add(self, row_start: int, positions: Sequence[Positions], parts: Sequence[ZonePart] = EVERYWHERE) -> None:
        """Count some whole rows.

        Args:
            row_start: first row.
            positions: for each axis the pixels' positions on it, uint8 (rows, width of the grid).
            parts: which zones the rows lie in; zones may overlap, rows outside every zone count nowhere.

        Raises:
            WindowError: the rows do not fit the grid or were counted before, or a part does not fit the rows.
            ConfigError: a position is not on its axis, or there are not as many arrays as axes.
        """
        rows = self._check(row_start, positions)
        blocks = [(part, *self._block_of(part, row_start, rows)) for part in parts]
        step = self._step()
        for start in range(0, rows, step):
            self._add_chunk(row_start, slice(start, min(start + step, rows)), positions, blocks)
        self._seen[row_start : row_start + rows] = True

    def tables(self) -> tuple[JointTable, ...]:
        """The table of every zone.

        Raises:
            WindowError: rows are missing; a table of part of a map would understate every class.
        """
        missing = int(np.count_nonzero(~self._seen))
        if missing:
            raise WindowError(f"{missing} of {self._seen.size} rows were not counted: add them before the tables")
        shape = self._shape
        return tuple(
            JointTable(self.axes, pixels_B.reshape(shape).copy(), km2_B.reshape(shape).copy(), self._areas.method)
            for pixels_B, km2_B in zip(self._pixels_ZB, self._km2_ZB, strict=True)
        )

    def _step(self) -> int:
        """Rows of a chunk."""
        return max(1, max(_CHUNK, _PIXELS_PER_BIN * self._bins) // self._grid.width)

    def _check(self, row_start: int, positions: Sequence[Positions]) -> int:
        if len(positions) != len(self.axes):
            raise ConfigError(f"{len(positions)} arrays for {len(self.axes)} axes")
        shape, width = positions[0].shape, self._grid.width
        if any(array_RW.shape != shape for array_RW in positions) or len(shape) != 2 or shape[1] != width:  # noqa: PLR2004 (rows and columns)
            raise WindowError(f"rows of shapes {[array_RW.shape for array_RW in positions]}: expected (rows, {width})")
        row_stop = row_start + shape[0]
        if not 0 <= row_start < row_stop <= self._grid.height:
            raise WindowError(f"rows {row_start} to {row_stop - 1} are not rows of {self._grid.height}")
        if self._seen[row_start:row_stop].any():
            raise WindowError(f"rows {row_start} to {row_stop - 1} hold rows that were counted before")
        for axis, array_RW in zip(self.axes, positions, strict=True):
            if array_RW.max() >= len(axis):
                raise ConfigError(f"axis {axis.name!r} has {len(axis)} positions; position {array_RW.max()} came")
        return int(shape[0])

    def _block_of(self, part: ZonePart, row_start: int, rows: int) -> tuple[slice, slice]:
        """Rows (from the first of the block) and columns of a part."""
        window = part.window or Window(row_start, 0, rows, self._grid.width)
        inside = row_start <= window.row and window.row_stop <= row_start + rows and window.col_stop <= self._grid.width
        shape = (window.height, window.width)
        if not inside or (part.coverage is not None and part.coverage.shape != shape):
            raise WindowError(
                f"{window} of a zone does not fit its coverage, or rows from {row_start} on, {rows} of them"
            )
        if not 0 <= part.zone < len(self._pixels_ZB):
            raise ConfigError(f"zone {part.zone} came; there are {len(self._pixels_ZB)}, counted from 0")
        return slice(window.row - row_start, window.row_stop - row_start), window.cols

    def _add_chunk(
        self,
        row_start: int,
        chunk: slice,
        positions: Sequence[Positions],
        blocks: Sequence[tuple[ZonePart, slice, slice]],
    ) -> None:
        touching = [block for block in blocks if block[1].start < chunk.stop and chunk.start < block[1].stop]
        if not touching:
            return
        joint_RW = _joint([array_RW[chunk] for array_RW in positions], self._shape)
        areas = self._areas.rows(row_start + chunk.start, row_start + chunk.stop)
        for part, rows, cols in touching:
            start, stop = max(rows.start, chunk.start), min(rows.stop, chunk.stop)
            here = slice(start - chunk.start, stop - chunk.start)
            coverage = None if part.coverage is None else part.coverage[start - rows.start : stop - rows.start]
            areas_here = areas[here] if areas.ndim == 1 else areas[here, cols]
            self._add_part(part.zone, joint_RW[here, cols], areas_here, coverage)

    def _add_part(
        self, zone: int, joint_RW: npt.NDArray[Any], areas: npt.NDArray[np.float64], coverage: Shares | None
    ) -> None:
        if coverage is not None:
            if not coverage.any():
                return
            if coverage.min() >= 1:
                coverage = None
        if areas.ndim == 1 and len(joint_RW) * (self._bins + 1) <= _ROW_BINS:
            pixels_B, km2_B = self._count(joint_RW, areas, coverage)
        else:
            pixels_B, km2_B = self._weigh(joint_RW, areas, coverage)
        self._pixels_ZB[zone] += pixels_B
        self._km2_ZB[zone] += km2_B

    def _count(
        self, joint_RW: npt.NDArray[Any], areas_R: npt.NDArray[np.float64], coverage: Shares | None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Pixels and km2 of each combination, by counting whole pixels in each row; the others are weighed."""
        rows, bins = len(joint_RW), self._bins + 1  # the last one takes pixels that are not wholly in the zone
        offset_R1 = (bins * np.arange(rows))[:, None]
        if coverage is None:
            index_RW = joint_RW + offset_R1
        else:
            index_RW = np.where(coverage >= 1, joint_RW, self._bins) + offset_R1
        counts_RB = np.bincount(index_RW.ravel(), minlength=rows * bins).reshape(rows, bins)[:, :-1]
        pixels_B, km2_B = counts_RB.sum(axis=0), areas_R @ counts_RB
        if coverage is not None:
            row, col = np.nonzero((coverage > 0) & (coverage < 1))
            share = areas_R[row] * coverage[row, col]
            pixels_B += np.bincount(joint_RW[row, col], minlength=self._bins)
            km2_B += np.bincount(joint_RW[row, col], weights=share, minlength=self._bins)
        return pixels_B, km2_B

    def _weigh(
        self, joint_RW: npt.NDArray[Any], areas: npt.NDArray[np.float64], coverage: Shares | None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Pixels and km2 of each combination, by adding up the area of every pixel."""
        areas_RW = np.broadcast_to(areas[:, None], joint_RW.shape) if areas.ndim == 1 else areas
        if coverage is None:
            index, km2 = joint_RW.astype(np.intp).ravel(), areas_RW.ravel()
        else:
            inside_RW = coverage > 0
            index = joint_RW[inside_RW].astype(np.intp)
            km2 = areas_RW[inside_RW] * coverage[inside_RW]
        return np.bincount(index, minlength=self._bins), np.bincount(index, weights=km2, minlength=self._bins)


def _joint(positions: Sequence[Positions], shape: Sequence[int]) -> npt.NDArray[Any]:
    """One number for each pixel: its place in an array of ``shape``, in the smallest type that holds it."""
    joint_RW: npt.NDArray[Any] = positions[0]
    for number, (array_RW, length) in enumerate(zip(positions[1:], shape[1:], strict=True), start=2):
        dtype = np.min_scalar_type(math.prod(shape[:number]) - 1)
        joint_RW = joint_RW.astype(dtype, copy=False) * dtype.type(length)
        joint_RW += array_RW
    return joint_RW

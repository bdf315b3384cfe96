"""Pixels and area of every combination of codes, added up while the rows of a map stream by.

Where all pixels of a row are equal, combinations are counted row by row and the counts multiplied with the row's area:
whole numbers, twice as fast as adding an area for each pixel and exact. Only pixels partly in a zone are weighed. Where
pixels of a row differ, every pixel is weighed.

The sums are *mapped area (pixel count)*, geodesic, see ``indicators.areas``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from indicators.areas import PixelAreas
from indicators.counting import Bins, Counted, count_rows, weigh
from indicators.joint import Axis, JointTable
from landcover.errors import ConfigError, WindowError
from landcover.grid import Window

_CHUNK: Final = 1 << 18
"""Pixels counted at once: intermediate arrays of 2 MiB stay in the cache of a core."""

_ROW_BINS: Final = 1 << 19
"""Most counters of a chunk when each row has its own; with more combinations every pixel is weighed instead."""

_PIXELS_PER_BIN: Final = 4
"""A chunk has at least as many pixels for each combination, so that clearing counters costs little beside counting."""

_MOST_BINS: Final = 1 << 25
"""Half a gigabyte of counters."""

_FEW_PARTS: Final = 32

type Floats = npt.NDArray[np.float64]
type Positions = npt.NDArray[np.uint8]
type Shares = npt.NDArray[np.floating[Any]]


class ZonePart(Protocol):
    """Pixels of one zone in a rectangle, such as ``indicators.zones`` makes them."""

    @property
    def zone(self) -> int:
        """Number of the zone, from 0."""

    @property
    def window(self) -> Window:
        """The rectangle, in rows and columns of the grid."""

    @property
    def share(self) -> Shares | None:
        """Share of each pixel that lies in the zone, 0 to 1, (row, col) of the window; None = all of every pixel."""


@dataclass(frozen=True, slots=True)
class WholePart:
    """A rectangle wholly in a zone.

    Attributes:
        zone: number of the zone.
        window: the rectangle.
        share: None, for all of every pixel.
    """

    zone: int
    window: Window
    share: None = None


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
        if not self.axes or zones < 1 or self._bins * zones > _MOST_BINS:
            raise ConfigError(
                f"{zones} zones of {self._bins:,} combinations along axes of {self._shape} are no account: "
                f"there must be one of each, and not more than {_MOST_BINS:,} numbers together; give fewer zones"
            )
        self._pixels_ZB = np.zeros((zones, self._bins), np.int64)
        self._km2_ZB = np.zeros((zones, self._bins), np.float64)
        self._seen = np.zeros(self._grid.height, np.bool_)

    def add(self, row_start: int, positions: Sequence[Positions], parts: Iterable[ZonePart] | None = None) -> None:
        """Count some whole rows.

        Args:
            row_start: first row.
            positions: for each axis the pixels' positions on it, uint8 (rows, width of the grid).
            parts: where zones lie in the rows; what lies in none counts nowhere, what lies in several counts in each.
                None = all of the rows in zone 0.

        Raises:
            WindowError: the rows do not fit the grid or were counted before, or a part does not fit the rows.
            ConfigError: a position is not on its axis, or there are not as many arrays as axes.
        """
        rows = self._check(row_start, positions)
        whole = WholePart(0, Window(row_start, 0, rows, self._grid.width))
        blocks = [self._block_of(part, row_start, rows) for part in ((whole,) if parts is None else parts)]
        step = self._step(len(blocks))
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
            JointTable(self.axes, pixels_B.reshape(shape), km2_B.reshape(shape), self._areas.method)
            for pixels_B, km2_B in zip(self._pixels_ZB, self._km2_ZB, strict=True)
        )

    def _step(self, parts: int) -> int:
        """Rows of a chunk; more where there are many parts, each of which costs some calls in every chunk."""
        pixels = _CHUNK if parts <= _FEW_PARTS else 4 * _CHUNK
        return max(1, max(pixels, _PIXELS_PER_BIN * self._bins) // self._grid.width)

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

    def _block_of(self, part: ZonePart, row_start: int, rows: int) -> _Block:
        window, share = part.window, part.share
        inside = row_start <= window.row and window.row_stop <= row_start + rows and window.col_stop <= self._grid.width
        if not inside or (share is not None and share.shape != (window.height, window.width)):
            raise WindowError(
                f"{window} of a zone does not fit its shares, or does not lie in rows {row_start} to "
                f"{row_start + rows - 1} of {self._grid.width} columns"
            )
        if not 0 <= part.zone < len(self._pixels_ZB):
            raise ConfigError(f"zone {part.zone} came; there are {len(self._pixels_ZB)}, counted from 0")
        return _Block(part.zone, range(window.row - row_start, window.row_stop - row_start), window.cols, share)

    def _add_chunk(
        self, row_start: int, chunk: slice, positions: Sequence[Positions], blocks: Sequence[_Block]
    ) -> None:
        touching = [block for block in blocks if block.rows.start < chunk.stop and chunk.start < block.rows.stop]
        if not touching:
            return
        joint_RW = _joint([array_RW[chunk] for array_RW in positions], self._shape)
        areas = self._areas.rows(row_start + chunk.start, row_start + chunk.stop)
        for block in touching:
            start, stop = max(block.rows.start, chunk.start), min(block.rows.stop, chunk.stop)
            here = slice(start - chunk.start, stop - chunk.start)
            share = None if block.share is None else block.share[start - block.rows.start : stop - block.rows.start]
            areas_here = areas[here] if areas.ndim == 1 else areas[here, block.cols]
            self._add_part(block.zone, joint_RW[here, block.cols], areas_here, share)

    def _add_part(self, zone: int, joint_RW: Bins, areas: Floats, share: Shares | None) -> None:
        if share is not None:
            if not share.any():
                return
            if share.min() >= 1:
                share = None
        counted = areas.ndim == 1 and len(joint_RW) * (self._bins + 1) <= _ROW_BINS
        pixels_B, km2_B = (_count if counted else _weigh)(joint_RW, areas, share, self._bins)
        self._pixels_ZB[zone] += pixels_B
        self._km2_ZB[zone] += km2_B


def _count(joint_RW: Bins, areas_R: Floats, share: Shares | None, bins: int) -> Counted:
    """Count pixels that lie wholly in the zone row by row, and weigh the others."""
    if share is None:
        return count_rows(joint_RW, areas_R, bins)
    pixels_B, km2_B = count_rows(np.where(share >= 1, joint_RW, bins), areas_R, bins + 1)
    row, col = np.nonzero((share > 0) & (share < 1))
    partial = weigh(joint_RW[row, col], areas_R[row] * share[row, col], bins)
    return pixels_B[:-1] + partial[0], km2_B[:-1] + partial[1]


def _weigh(joint_RW: Bins, areas: Floats, share: Shares | None, bins: int) -> Counted:
    areas_RW = np.broadcast_to(areas[:, None], joint_RW.shape) if areas.ndim == 1 else areas
    if share is None:
        return weigh(joint_RW, areas_RW, bins)
    inside_RW = share > 0
    return weigh(joint_RW[inside_RW], areas_RW[inside_RW] * share[inside_RW], bins)


@dataclass(frozen=True, slots=True)
class _Block:
    """A part of a zone in the rows that are counted: rows from the first of these, columns of the grid."""

    zone: int
    rows: range
    cols: slice
    share: Shares | None


def _joint(positions: Sequence[Positions], shape: Sequence[int]) -> Bins:
    """One number for each pixel: its place in an array of ``shape``, in the smallest type that holds it."""
    joint_RW: Bins = positions[0]
    for number, (array_RW, length) in enumerate(zip(positions[1:], shape[1:], strict=True), start=2):
        dtype = np.min_scalar_type(math.prod(shape[:number]))
        joint_RW = joint_RW.astype(dtype, copy=False) * dtype.type(length)
        joint_RW += array_RW
    return joint_RW

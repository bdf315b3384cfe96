"""Connected patches of some classes of a map of any size, largest first, and their runs in a second pass.

The map is read in strips from top to bottom. Memory holds one strip, the patches that go on in the next one, and the
patches that are kept: a map of 40,000 x 40,000 pixels needs no more than one of 40,000 x 4,000.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from landcover.errors import ConfigError, RasterChanged, WindowError
from landcover.grid import Window
from landcover.raster.patch_sums import PatchSums, Sums
from landcover.raster.runs import EIGHT, FOUR, Ints
from landcover.raster.strip_labels import WITHIN, LabelledStrip, StripLabels

type Rows = Callable[[int, int], npt.NDArray[np.integer[Any]]]
"""From a first row and the row after the last to the codes of all pixels between: integers (row, col)."""

type RowAreas = Callable[[int, int], npt.NDArray[np.float64]]
"""The same to areas in km2: float64 (row,) where all pixels of a row are equal, else (row, col)."""

STRIP_PIXELS: Final = 1 << 22
"""Pixels of a strip."""


@dataclass(frozen=True, slots=True)
class PatchQuery:
    """Which patches are wanted.

    Attributes:
        codes: classes that make a patch; pixels of different ones of them hang together.
        min_km2: smallest area of a patch.
        most: most patches that are kept, the largest ones.
        connectivity: 4, pixels hang together by their sides, or 8, by their corners too.
    """

    codes: tuple[int, ...]
    min_km2: float = 0.0
    most: int = 100
    connectivity: int = FOUR

    def __post_init__(self) -> None:
        """Refuse what finds nothing or everything.

        Raises:
            ConfigError: with the value.
        """
        if not self.codes:
            raise ConfigError("patches of no class: name at least one code")
        if not 0 <= self.min_km2 < float("inf"):
            raise ConfigError(f"a smallest patch of {self.min_km2} km2: expected a number of at least 0")
        if self.most < 1:
            raise ConfigError(f"at most {self.most} patches: expected at least 1")
        if self.connectivity not in {FOUR, EIGHT}:
            raise ConfigError(f"a connectivity of {self.connectivity}: expected {FOUR} or {EIGHT}")

    def marked(self, codes_RW: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.bool_]:
        """True where a pixel is of one of the classes, (row, col)."""
        marked_RW: npt.NDArray[np.bool_] = codes_RW == self.codes[0]
        for code in self.codes[1:]:
            marked_RW |= codes_RW == code
        return marked_RW


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch: mapped area (pixel count).

    Attributes:
        pixels: number of its pixels.
        area_km2: their area, not rounded.
        window: the smallest window around it.
        first: row and column of its first pixel, from the top and then from the left; tells patches apart.
    """

    pixels: int
    area_km2: float
    window: Window
    first: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Left:
    """Patches that are not listed.

    Attributes:
        patches: their number.
        pixels: their pixels.
        area_km2: their area.
    """

    patches: int
    pixels: int
    area_km2: float


@dataclass(frozen=True, slots=True, eq=False)
class Patches:
    """The patches of a map.

    Attributes:
        query: which patches were wanted.
        height: rows of the map.
        width: columns of the map.
        patches: the largest ones, largest first; of equal ones the upper, then the left one first.
        left_out: others that are large enough, but not among the ``query.most`` largest.
        small: patches below ``query.min_km2``.
    """

    query: PatchQuery
    height: int
    width: int
    patches: tuple[Patch, ...]
    left_out: Left
    small: Left
    _index_of_number: npt.NDArray[np.int32] = field(repr=False)
    _within: dict[int, int] = field(repr=False)  # first pixel, counted through, to index: patches within one strip

    def indices(self, strip: LabelledStrip) -> Ints:
        """Position in ``patches`` of each run of a strip; -1 for runs of other patches."""
        numbered = strip.numbers != WITHIN
        found = np.full(len(strip.numbers), -1, np.int64)
        found[numbered] = self._index_of_number[strip.numbers[numbered]]
        within = np.flatnonzero(~numbered)
        if self._within and len(within):
            runs = strip.firsts[within]
            firsts = strip.rows[runs] * self.width + strip.starts[runs]
            wanted = np.isin(firsts, list(self._within))
            found[within[wanted]] = [self._within[first] for first in firsts[wanted].tolist()]
        return found[strip.groups]


@dataclass(frozen=True, slots=True)
class PatchRuns:
    """Runs of listed patches in some rows.

    Attributes:
        row_start: first row.
        row_stop: row after the last.
        patches: of each run, the position of its patch in ``Patches.patches``.
        rows: its row in the map.
        starts: its first column.
        stops: the column after its last.
    """

    row_start: int
    row_stop: int
    patches: Ints
    rows: Ints
    starts: Ints
    stops: Ints


def find_patches(read: Rows, height: int, width: int, query: PatchQuery, *, areas: RowAreas) -> Patches:
    """The patches of a map, in one pass.

    Args:
        read: gives the codes of rows; asked for each row once, from top to bottom.
        height: rows of the map.
        width: columns of the map.
        query: which patches are wanted.
        areas: gives the areas of the pixels of rows.

    Raises:
        WindowError: when the rows are not as wide as the map.
    """
    labels = StripLabels(height, width, connectivity=query.connectivity)
    sums = PatchSums(width, min_km2=query.min_km2, most=query.most)
    for row, stop in _strips(height, width):
        marked_RW = query.marked(_rows(read, row, stop, width))
        sums.add(labels.add(marked_RW), row, areas(row, stop) if marked_RW.any() else np.zeros(stop - row))
    kept = sums.kept()
    smallest = labels.smallest()
    index_of_smallest = np.full(len(smallest), -1, np.int32)
    numbered = kept.number != WITHIN
    index_of_smallest[kept.number[numbered]] = np.flatnonzero(numbered)
    within = {int(kept.first[i]): i for i in np.flatnonzero(~numbered).tolist()}
    return Patches(
        query,
        height,
        width,
        tuple(_patch(kept, i, width) for i in range(len(kept.pixels))),
        Left(*sums.left_out),
        Left(*sums.small),
        index_of_smallest[smallest],
        within,
    )


def patch_runs(found: Patches, read: Rows) -> Iterator[PatchRuns]:
    """The runs of the listed patches, in a second pass over the same map, from top to bottom.

    Ends with the last row of a listed patch.

    Args:
        found: what the first pass found.
        read: gives the codes of rows; asked for each row at most once, from top to bottom.

    Raises:
        RasterChanged: when the map is not the one of the first pass.
        WindowError: when the rows are not as wide as the map.
    """
    labels = StripLabels(found.height, found.width, connectivity=found.query.connectivity)
    last = max((patch.window.row_stop for patch in found.patches), default=0)
    pixels = np.zeros(len(found.patches), np.int64)
    for row, stop in _strips(found.height, found.width):
        if row >= last:
            break
        strip = labels.add(found.query.marked(_rows(read, row, stop, found.width)))
        try:
            index = found.indices(strip)
        except IndexError as error:  # more patches go on than before
            raise _changed() from error
        mine = index >= 0
        runs = PatchRuns(row, stop, index[mine], strip.rows[mine], strip.starts[mine], strip.stops[mine])
        pixels += np.bincount(runs.patches, runs.stops - runs.starts, len(pixels)).astype(np.int64)
        yield runs
    if pixels.tolist() != [patch.pixels for patch in found.patches]:
        raise _changed()


def expanded(runs: PatchRuns, width: int) -> tuple[Ints, Ints]:
    """Patch and position of every pixel of some runs.

    Args:
        runs: the runs.
        width: columns of the map.

    Returns:
        Of each pixel the position of its patch in ``Patches.patches``, and its position in an array of the rows from
        ``runs.row_start`` on: (row - row_start) * width + column.
    """
    lengths = runs.stops - runs.starts
    ends = np.cumsum(lengths)
    begins = (runs.rows - runs.row_start) * width + runs.starts
    return np.repeat(runs.patches, lengths), np.arange(ends[-1] if len(ends) else 0) + np.repeat(
        begins - ends + lengths, lengths
    )


def _strips(height: int, width: int) -> Iterator[tuple[int, int]]:
    rows = max(1, STRIP_PIXELS // width)
    return ((row, min(row + rows, height)) for row in range(0, height, rows))


def _rows(read: Rows, row: int, stop: int, width: int) -> npt.NDArray[np.integer[Any]]:
    codes_RW = read(row, stop)
    if codes_RW.shape != (stop - row, width):
        raise WindowError(f"rows of shape {codes_RW.shape}: expected ({stop - row}, {width})")
    return codes_RW


def _patch(kept: Sums, i: int, width: int) -> Patch:
    row, col = divmod(int(kept.first[i]), width)
    left, top_stop = int(kept.col_start[i]), int(kept.row_stop[i])
    window = Window(row, left, top_stop - row, int(kept.col_stop[i]) - left)
    return Patch(int(kept.pixels[i]), float(kept.km2[i]), window, (row, col))


def _changed() -> RasterChanged:
    return RasterChanged("the map was replaced or written to while its patches were looked for; run again")

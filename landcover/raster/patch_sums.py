"""Pixels, area and extent of patches while they grow, and the largest of those that ended: what ``patches`` keeps."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from landcover.raster.runs import Ints
from landcover.raster.strip_labels import LabelledStrip

_SPARE: Final = 4096
"""Patches beyond those wanted that are held before the smallest of them are dropped."""

_DIGITS: Final = 9
"""Decimals of km2, a thousandth of a square metre, to which areas must differ to count as different: the last digits
of a sum depend on how the map was cut into strips."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What is known of some patches, one entry for each.

    Attributes:
        pixels: number of pixels.
        km2: their area.
        first: first pixel, counted through row by row.
        row_stop: row after the last.
        col_start: first column.
        col_stop: column after the last.
        number: smallest number of the patch, see ``strip_labels``.
    """

    pixels: Ints
    km2: npt.NDArray[np.float64]
    first: Ints
    row_stop: Ints
    col_start: Ints
    col_stop: Ints
    number: Ints

    @classmethod
    def none(cls) -> Self:
        """No patches."""
        nothing = np.empty(0, np.int64)
        return cls(nothing, np.empty(0), nothing, nothing, nothing, nothing, nothing)

    def take(self, which: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Sums:
        """Some of the patches."""
        return Sums(*(getattr(self, field.name)[which] for field in fields(self)))

    def plus(self, other: Sums) -> Sums:
        """These patches and others."""
        pairs = ((getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        return Sums(*(np.concatenate(pair) for pair in pairs))

    def order(self) -> npt.NDArray[np.intp]:
        """Positions of the patches, largest first; of equal ones the one whose first pixel comes first."""
        return np.lexsort((self.first, -np.round(self.km2, _DIGITS)))


class PatchSums:
    """Adds up patches strip by strip.

    Args:
        width: columns of the map.
        min_km2: patches below this are only counted.
        most: how many of the others are kept.
    """

    def __init__(self, width: int, *, min_km2: float, most: int) -> None:
        self._width, self._min_km2, self._most = width, min_km2, most
        self._open, self._ended = Sums.none(), Sums.none()
        self.small: tuple[int, int, float] = (0, 0, 0.0)
        """Number, pixels and area of patches that are too small."""
        self.left_out: tuple[int, int, float] = (0, 0, 0.0)
        """The same of patches that are large enough but were dropped."""

    def add(self, strip: LabelledStrip, row_start: int, km2: npt.NDArray[np.float64]) -> None:
        """Add the next strip.

        Args:
            strip: its runs and groups.
            row_start: its first row.
            km2: areas of its pixels, (row,) or (row, col).
        """
        sums = self._grown(strip, _run_areas(strip, row_start, km2))
        self._end(sums.take(~strip.goes_on))
        going = sums.take(strip.goes_on)
        self._open = going.take(np.argsort(going.number))

    def kept(self) -> Sums:
        """The largest patches that ended, largest first."""
        self._drop()
        return self._ended

    def _grown(self, strip: LabelledStrip, run_km2: npt.NDArray[np.float64]) -> Sums:
        """The groups of a strip together with the patches from above that they belong to."""
        count, groups, above, old = len(strip.numbers), strip.groups, strip.above, self._open
        pixels = np.bincount(groups, strip.stops - strip.starts, count).astype(np.int64)
        area = np.bincount(groups, run_km2, count).astype(np.float64)  # of nothing it is a count
        np.add.at(pixels, above, old.pixels)
        np.add.at(area, above, old.km2)
        first = np.where(strip.firsts >= 0, self._firsts(strip), np.iinfo(np.int64).max)
        np.minimum.at(first, above, old.first)
        row_stop = np.zeros(count, np.int64)
        np.maximum.at(row_stop, above, old.row_stop)
        row_stop[groups] = strip.rows + 1  # rows ascend, so the last one stays
        col_start, col_stop = np.full(count, self._width), np.zeros(count, np.int64)
        np.minimum.at(col_start, groups, strip.starts)
        np.minimum.at(col_start, above, old.col_start)
        np.maximum.at(col_stop, groups, strip.stops)
        np.maximum.at(col_stop, above, old.col_stop)
        return Sums(pixels, area, first, row_stop, col_start, col_stop, strip.numbers)

    def _firsts(self, strip: LabelledStrip) -> Ints:
        if not len(strip.rows):
            return strip.firsts
        run = np.maximum(strip.firsts, 0)
        return strip.rows[run] * self._width + strip.starts[run]

    def _end(self, ended: Sums) -> None:
        large = ended.km2 >= self._min_km2
        self.small = _counted(self.small, ended.take(~large))
        self._ended = self._ended.plus(ended.take(large))
        if len(self._ended.pixels) > self._most + _SPARE:
            self._drop()

    def _drop(self) -> None:
        """Keep the largest ones only."""
        order = self._ended.order()
        self.left_out = _counted(self.left_out, self._ended.take(order[self._most :]))
        self._ended = self._ended.take(order[: self._most])


def _counted(so_far: tuple[int, int, float], more: Sums) -> tuple[int, int, float]:
    return so_far[0] + len(more.pixels), so_far[1] + int(more.pixels.sum()), so_far[2] + float(more.km2.sum())


def _run_areas(strip: LabelledStrip, row_start: int, km2: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Area of each run."""
    rows = strip.rows - row_start
    if km2.ndim == 1:
        return km2[rows] * (strip.stops - strip.starts)
    if not len(rows):
        return np.empty(0)
    width = km2.shape[1]
    bounds = np.stack([rows * width + strip.starts, rows * width + strip.stops], axis=1).reshape(-1)
    if bounds[-1] == km2.size:  # the sum of the last run goes to the end by itself
        bounds = bounds[:-1]
    return np.add.reduceat(km2.reshape(-1), bounds)[::2]

"""Bilinear interpolation between pixels, exact in whole numbers, so that a pixel does not depend on its company.

Positions are rounded to 1/256 of a pixel. Then weights are whole numbers that sum to 65536, a mean of 16-bit numbers is
computed without rounding, and a place that is a pixel's centre gives that pixel's own number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from landcover.grid import Window
from landcover.raster.positions import Floats
from landcover.raster.protocol import AnyArray, Block, BoolArray

_BITS: Final = 8
_STEPS: Final = 1 << _BITS
_EXACT_BYTES: Final = 2  # 65535 * 65536 + 32768 is the largest sum that 32 bits hold

type _Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Places:
    """Where a window's pixels lie in a source, in steps of 1/256 pixel.

    Attributes:
        row_HW: upper one of the two source rows that a pixel lies between, -1 above the first row's centre.
        col_HW: left one of the two columns.
        down_HW: how far below the upper row's centre, 0 to 255.
        right_HW: how far right of the left column's centre, 0 to 255.
        inside_HW: True where the place lies on the source; elsewhere the other fields mean nothing.
    """

    row_HW: _Whole
    col_HW: _Whole
    down_HW: _Whole
    right_HW: _Whole
    inside_HW: BoolArray

    @classmethod
    def of(cls, col_HW: Floats, row_HW: Floats, height: int, width: int) -> Places:
        """Round positions of ``positions.Positions`` on a source of so many rows and columns."""
        cols, inside_cols = _rounded(col_HW, width)
        rows, inside_rows = _rounded(row_HW, height)
        return cls(rows >> _BITS, cols >> _BITS, rows & _STEPS - 1, cols & _STEPS - 1, inside_rows & inside_cols)

    def needs(self, height: int, width: int) -> Window | None:
        """The part of the source to read; None when no place lies on it."""
        if not self.inside_HW.any():
            return None
        rows, cols = self.row_HW[self.inside_HW], self.col_HW[self.inside_HW]
        top, left = max(int(rows.min()), 0), max(int(cols.min()), 0)
        bottom, right = min(int(rows.max()) + 2, height), min(int(cols.max()) + 2, width)
        return Window(top, left, bottom - top, right - left)


def _rounded(values: Floats, length: int) -> tuple[_Whole, BoolArray]:
    """Steps from the first pixel's centre, and whether a place lies on one of the pixels."""
    steps = np.rint(np.nan_to_num(values, nan=-_STEPS, posinf=-_STEPS, neginf=-_STEPS) * _STEPS - _STEPS // 2)
    inside = (steps >= -_STEPS // 2) & (steps < length * _STEPS - _STEPS // 2)
    return np.where(inside, steps, 0).astype(np.int64), inside


def interpolate(source: Block, origin: Window, places: Places, nodata: float) -> Block:
    """Pixels at places between the pixels of a block.

    A place has data where the source pixel that it lies in has data. Samples without data never count: the others share
    their weight. A sample of one band that is ``nodata`` in a pixel that has data counts as missing in that band.

    Args:
        source: pixels read.
        origin: where they lie in the source.
        places: where the wanted pixels lie in the source.
        nodata: number that stands for no data; no mean becomes it.
    """
    corners, nearest_HW = list(_corners(places, origin)), _nearest(places, origin)
    valid_HW = places.inside_HW & np.take(source.valid, nearest_HW)
    data_BHW = np.empty((source.data.shape[0], *valid_HW.shape), source.data.dtype)
    for band_RC, out_HW in zip(source.data, data_BHW, strict=True):
        _interpolate_band(band_RC, source.valid & (band_RC != nodata), corners, out_HW, nodata)
        out_HW[~valid_HW | (np.take(band_RC, nearest_HW) == nodata)] = nodata
    return Block(data_BHW, valid_HW)


def _nearest(places: Places, origin: Window) -> _Whole:
    """Flat index, in the block read, of the source pixel that each place lies in."""
    rows = places.row_HW + (places.down_HW >= _STEPS // 2) - origin.row
    cols = places.col_HW + (places.right_HW >= _STEPS // 2) - origin.col
    return np.clip(rows, 0, origin.height - 1) * origin.width + np.clip(cols, 0, origin.width - 1)


def _corners(places: Places, origin: Window) -> Iterator[tuple[_Whole, NDArray[np.uint32]]]:
    """Flat index in the block and weight of the four pixels around each place; beyond an edge the edge goes on."""
    for lower, right in product((0, 1), (0, 1)):
        rows = np.clip(places.row_HW + lower - origin.row, 0, origin.height - 1)
        cols = np.clip(places.col_HW + right - origin.col, 0, origin.width - 1)
        down = places.down_HW if lower else _STEPS - places.down_HW
        along = places.right_HW if right else _STEPS - places.right_HW
        yield rows * origin.width + cols, (down * along).astype(np.uint32)


def _interpolate_band(
    band_RC: AnyArray,
    known_RC: BoolArray,
    corners: list[tuple[_Whole, NDArray[np.uint32]]],
    out_HW: AnyArray,
    nodata: float,
) -> None:
    """Fill ``out_HW`` with means of the known samples; undefined where there is none."""
    sums_type = _sums_type(band_RC.dtype)
    whole = bool(known_RC.all())
    samples_RC = band_RC.astype(sums_type)
    sums_HW, weights_HW = np.zeros(out_HW.shape, sums_type), np.zeros(out_HW.shape, np.uint32)
    for index_HW, weight_HW in corners:
        counted = weight_HW
        if not whole:
            counted = weight_HW * np.take(known_RC, index_HW, mode="clip")
            weights_HW += counted
        taken_HW = np.take(samples_RC, index_HW, mode="clip")
        sums_HW += np.multiply(taken_HW, counted, out=taken_HW, casting="same_kind")
    weights = np.uint32(_STEPS * _STEPS) if whole else np.maximum(weights_HW, 1, out=weights_HW)
    if sums_type == np.uint32:
        sums_HW += weights // 2
        means_HW = sums_HW // weights
    else:
        means_HW = sums_HW / weights
        means_HW = means_HW if out_HW.dtype.kind == "f" else np.rint(means_HW)
    out_HW[...] = means_HW
    if nodata != 0 or out_HW.dtype.kind != "u":  # a mean of unsigned numbers above 0 is above 0
        out_HW[out_HW == nodata] += 1


def _sums_type(dtype: np.dtype[Any]) -> type[np.uint32 | np.float64]:
    """What weighted sums are exact in."""
    return np.uint32 if dtype.kind == "u" and dtype.itemsize <= _EXACT_BYTES else np.float64

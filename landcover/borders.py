"""What a network is shown where an image ends: the land inside, mirrored.

Pixels without data are 0 in the file, and a network takes 0 for the darkest thing it knows: at the edge of a swath the
last valid pixels become water. Beside mirrored land they stay what they are (benchmarks/README.md has figures).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from landcover.tiling import MARGIN, mirror, round_up

REACH: Final = 16
"""Pixels beyond the edge that are filled. More of them gained nothing, and land far beyond the edge is made up."""


def known_pixels(dn_BHW: NDArray[np.generic], dates: int = 1) -> NDArray[np.bool_]:
    """Pixels that hold data at every date, (row, col): without it all bands of a date are 0.

    Pixels that are not wanted, because they lie outside an area, are known all the same.

    Args:
        dn_BHW: digital numbers (band, row, col), of two dates those of the older one first.
        dates: dates stacked in the bands.
    """
    known_HW = np.ones(dn_BHW.shape[1:], np.bool_)
    for date_BHW in np.split(dn_BHW, dates):
        known_HW &= (date_BHW != 0).any(axis=0)
    return known_HW


def mirror_borders(dn_BHW: NDArray[np.generic], known_HW: NDArray[np.bool_], reach: int = REACH) -> None:
    """Fill pixels without data that lie near data, in place.

    A pixel takes the one that lies as far behind the nearest known pixel as it lies before it; where that is no data
    itself, the nearest known pixel. Of equally near ones it is the uppermost, then the leftmost.

    Args:
        dn_BHW: digital numbers (band, row, col); known pixels stay as they are.
        known_HW: True = data, shape (row, col).
        reach: Euclidean distance in pixels up to which they are filled, at least 1.
    """
    if known_HW.all() or not known_HW.any():
        return
    rows, cols = np.nonzero(_within(known_HW, reach) & ~known_HW)
    around_HW = np.pad(known_HW, 2 * reach)  # nothing lies outside, and no place behind an edge is out of the array
    for down, right in _offsets(reach):
        found = around_HW[rows + 2 * reach + down, cols + 2 * reach + right]
        if found.any():
            to = rows[found], cols[found]
            behind = around_HW[to[0] + 2 * (reach + down), to[1] + 2 * (reach + right)] + 1
            dn_BHW[:, *to] = dn_BHW[:, to[0] + behind * down, to[1] + behind * right]
            rows, cols = rows[~found], cols[~found]
            if not len(rows):
                return


def framed(dn_BHW: NDArray[np.generic], dates: int = 1) -> NDArray[np.generic]:
    """A whole image as one window: with mirrored margins, sides that are multiples of 32, and mirrored nodata.

    Args:
        dn_BHW: digital numbers (band, row, col).
        dates: dates stacked in the bands.

    Returns:
        A copy; the image begins at row and column ``MARGIN``.
    """
    rows, cols = (mirror(-MARGIN, round_up(side + 2 * MARGIN) - MARGIN, side) for side in dn_BHW.shape[1:])
    framed_BHW: NDArray[np.generic] = np.ascontiguousarray(dn_BHW.take(rows, axis=1).take(cols, axis=2))
    mirror_borders(framed_BHW, known_pixels(framed_BHW, dates))
    return framed_BHW


@lru_cache(maxsize=4)
def _offsets(reach: int) -> tuple[tuple[int, int], ...]:
    """Rows and columns to every pixel within reach, the nearest first."""
    span = range(-reach, reach + 1)
    all_offsets = [(down, right) for down in span for right in span if 0 < down**2 + right**2 <= reach**2]
    return tuple(sorted(all_offsets, key=lambda offset: offset[0] ** 2 + offset[1] ** 2))


def _within(known_HW: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """Pixels with a known one in the square around them, (row, col)."""
    for axis in (0, 1):
        counts_HW = np.cumsum(known_HW, axis=axis, dtype=np.int32)
        last = counts_HW.shape[axis] - 1
        stops, starts = np.arange(last + 1) + reach, np.arange(last + 1) - reach - 1
        before_HW = counts_HW.take(np.maximum(starts, 0), axis=axis) * np.expand_dims(starts >= 0, 1 - axis)
        known_HW = counts_HW.take(np.minimum(stops, last), axis=axis) > before_HW
    return known_HW

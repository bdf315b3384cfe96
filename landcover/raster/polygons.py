"""Which pixels have their centres in polygons: by rows, exact, and the same in every window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from landcover.grid import Window
from landcover.raster.positions import Floats
from landcover.raster.protocol import BoolArray

_PAIRS: Final = 1 << 20
"""Pairs of sides that are compared at once."""

type Ring = Floats
"""Points (point, 2), not closed: the first is not repeated at the end."""

type Polygon = tuple[Ring, ...]
"""Rings of one polygon, the outer one and holes; what lies within an odd number of them is inside."""


def edges_of(polygon: Polygon) -> NDArray[np.float64]:
    """All sides of a polygon, (side, 4): x and y of the start, x and y of the end."""
    return np.concatenate([np.hstack([ring, np.roll(ring, -1, axis=0)]) for ring in polygon])


def covered(polygons: Sequence[Polygon], window: Window) -> BoolArray:
    """True where a pixel's centre lies in a polygon, (row, col) of the window.

    A centre on a left or upper side is inside, one on a right or lower side is not: neighbours share no pixel and leave
    none out.

    Args:
        polygons: in columns and rows of the grid; whole numbers are corners of pixels.
        window: pixels of that grid.
    """
    inside_HW = np.zeros((window.height, window.width), np.bool_)
    for polygon in polygons:
        inside_HW |= _covered(edges_of(polygon), window)
    return inside_HW


def _covered(edges: NDArray[np.float64], window: Window) -> BoolArray:
    """The even-odd rule along each row: a pixel is inside when an odd number of sides crosses the row left of it."""
    # From the upper end down, so that a side that two polygons share is the same number in both.
    x0, y0, x1, y1 = np.where(edges[:, 1:2] <= edges[:, 3:], edges, edges[:, [2, 3, 0, 1]]).T
    # Rows whose centres the side passes, from the upper end (counted) to the lower one (not counted).
    first = np.ceil(y0 - 0.5).clip(window.row, window.row_stop).astype(np.int64)
    stop = np.ceil(y1 - 0.5).clip(window.row, window.row_stop).astype(np.int64)
    counts = stop - first
    side = np.repeat(np.arange(len(edges)), counts)
    row = np.arange(len(side)) - np.repeat(np.cumsum(counts) - counts, counts) + first[side]
    x = x0[side] + (row + 0.5 - y0[side]) * ((x1 - x0)[side] / (y1 - y0)[side])
    col = np.ceil(x - 0.5).clip(window.col, window.col_stop).astype(np.int64) - window.col
    flips = np.bincount((row - window.row) * (window.width + 1) + col, minlength=window.height * (window.width + 1))
    odd = (flips & 1).astype(np.uint8).reshape(window.height, window.width + 1)[:, :-1]
    return np.bitwise_xor.accumulate(odd, axis=1).view(np.bool_)


def clipped(ring: Ring, west: float, south: float, east: float, north: float) -> Ring:
    """The part of a ring within a box (Sutherland and Hodgman 1974); empty when there is none.

    Sides that run along the box join parts that were cut apart; they enclose nothing.
    """
    for axis, limit, keep_above in ((0, west, True), (0, east, False), (1, south, True), (1, north, False)):
        if not len(ring):
            break
        ring = _cut(ring, axis, limit, keep_above=keep_above)
    return ring


def _cut(ring: Ring, axis: int, limit: float, *, keep_above: bool) -> Ring:
    """The part of a ring on one side of a line x = limit or y = limit."""
    following = np.roll(ring, -1, axis=0)
    inside = (ring[:, axis] >= limit) == keep_above
    crosses = inside != np.roll(inside, -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (limit - ring[:, axis]) / (following[:, axis] - ring[:, axis])
    crossing = ring + np.where(crosses, share, 0.0)[:, None] * (following - ring)
    crossing[:, axis] = limit
    both = np.stack([ring, crossing], axis=1).reshape(-1, 2)
    return np.asarray(both[np.stack([inside, crosses], axis=1).ravel()])


def crossing_sides(polygon: Polygon) -> tuple[float, float] | None:
    """A point at which two sides of a polygon cross; None when none do. Sides that only touch do not cross."""
    edges = edges_of(polygon)
    low, high = np.minimum(edges[:, 0], edges[:, 2]), np.maximum(edges[:, 0], edges[:, 2])
    order = np.argsort(low)
    edges, low, high = edges[order], low[order], high[order]
    # Only sides whose ranges of x overlap can cross: for each, those that begin before it ends.
    counts = np.searchsorted(low, high, side="right") - np.arange(len(low)) - 1
    start = 0
    while start < len(edges):
        stop = max(int(np.searchsorted(np.cumsum(counts[start:]), _PAIRS)) + start, start + 1)
        part = counts[start:stop]
        one = np.repeat(np.arange(start, stop), part)
        other = np.arange(len(one)) - np.repeat(np.cumsum(part) - part, part) + one + 1
        found = np.flatnonzero(_cross(edges[one], edges[other]))
        if len(found):
            x, y = edges[one[found[0]]].reshape(2, 2).mean(axis=0)
            return float(x), float(y)
        start = stop
    return None


def _cross(one: NDArray[np.float64], other: NDArray[np.float64]) -> BoolArray:
    """Whether the ends of each side lie strictly on different sides of the other."""
    a, b, c, d = one[:, :2], one[:, 2:], other[:, :2], other[:, 2:]
    crossing: BoolArray = (_turn(a, b, c) * _turn(a, b, d) < 0) & (_turn(c, d, a) * _turn(c, d, b) < 0)
    return crossing


def _turn(a: Floats, b: Floats, c: Floats) -> Floats:
    """Above 0 where a, b, c turn left, below 0 where they turn right."""
    signs: Floats = np.sign((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]))
    return signs

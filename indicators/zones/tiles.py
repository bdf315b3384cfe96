"""A polygon cut along tiles of a grid, so that most tiles are known to be inside or outside without looking at pixels.

Halving again and again costs about the number of points times the logarithm of the number of tiles; cutting the whole
polygon for each tile would cost their product.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from landcover.grid import Window

TILE: Final = 128
"""Pixels along a side. Smaller tiles cost more calls, larger ones more pixels along the border."""

_LOST: Final = 1e-9
"""Share of an area that a quick cut may lose or gain by rounding; beyond that the cut is made again, with care."""

_SNAP_PX: Final = 1e-6
"""Points this close to an edge of pixels lie on it: a whole pixel stays whole, and its neighbours get nothing."""


def snapped(shape: shapely.Geometry) -> shapely.Geometry:
    """The polygon with points moved onto edges of pixels where only rounding keeps them off."""

    def onto(points: NDArray[np.float64]) -> NDArray[np.float64]:
        nearest = np.round(points)
        return np.where(np.abs(points - nearest) <= _SNAP_PX, nearest, points)

    return shapely.transform(shape, onto)


def cut(shape: shapely.Geometry, window: Window) -> shapely.Geometry:
    """The part of a polygon in a window; empty when there is none."""
    box = (window.col, window.row, window.col_stop, window.row_stop)
    return shapely.clip_by_rect(shape, *map(float, box))


def halved(shape: shapely.Geometry, window: Window, *, along_rows: bool) -> Iterator[tuple[Window, shapely.Geometry]]:
    """Bands of a window, or tiles of a band, with what a polygon covers in each, if anything.

    Neighbouring tiles that a polygon covers whole come as one.

    Args:
        shape: a Polygon or MultiPolygon within the window, in columns and rows.
        window: where; it starts at a multiple of ``TILE``.
        along_rows: whether to cut rows into bands; otherwise columns.
    """
    if not shapely.area(shape) > 0:
        return
    first, stop = (window.row, window.row_stop) if along_rows else (window.col, window.col_stop)
    tiles = -(-(stop - first) // TILE)
    if tiles == 1 or (not along_rows and fills(shape, window)):
        yield window, shape
        return
    middle = first + tiles // 2 * TILE
    sides = _sides(window, middle, along_rows=along_rows)
    for side, part in zip(sides, _parts(shape, sides), strict=True):
        yield from halved(part, side, along_rows=along_rows)


def _sides(window: Window, middle: int, *, along_rows: bool) -> tuple[Window, Window]:
    if along_rows:
        return (
            Window(window.row, window.col, middle - window.row, window.width),
            Window(middle, window.col, window.row_stop - middle, window.width),
        )
    return (
        Window(window.row, window.col, window.height, middle - window.col),
        Window(window.row, middle, window.height, window.col_stop - middle),
    )


def _parts(shape: shapely.Geometry, sides: tuple[Window, Window]) -> tuple[shapely.Geometry, shapely.Geometry]:
    """Both parts of a polygon; the quick cut is checked by its area."""
    one, other = (cut(shape, side) for side in sides)
    area = shapely.area(shape)
    if abs(shapely.area(one) + shapely.area(other) - area) <= _LOST * area:
        return one, other
    sound = shapely.make_valid(shape)
    one, other = (
        shapely.intersection(sound, shapely.box(side.col, side.row, side.col_stop, side.row_stop)) for side in sides
    )
    return one, other


def fills(shape: shapely.Geometry, window: Window) -> bool:
    """Whether a polygon within a window covers all of it."""
    pixels = window.height * window.width
    return bool(abs(shapely.area(shape) - pixels) <= _LOST * pixels)

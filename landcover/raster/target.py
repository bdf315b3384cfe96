"""The grid to bring scenes onto: from a CRS and a resolution, and how grids relate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from affine import Affine
from pyproj import CRS, Transformer

from landcover.errors import GridMismatch, RasterTooLarge, WrongUse
from landcover.grid import Grid
from landcover.raster.positions import Floats, Positions, same_crs, turn_of
from landcover.raster.protocol import DEFAULT_POLICY

_POINTS: Final = 65
"""Points per side at which a grid's outline is transformed."""

_SNAP_PX: Final = 1e-3
"""An edge this close to a pixel's edge is that edge; also how far grids may be off a whole-pixel shift."""


_MOST_STEPS: Final = 1 / (np.finfo(np.float64).eps / _SNAP_PX)
"""Pixels between the origin of a CRS and a grid, of which numbers of 64 bits can still say a thousandth."""


def pixel_shift(source: Grid, target: Grid) -> tuple[int, int] | None:
    """Rows and columns by which the target starts below and right of the source, when both share their pixels.

    None when the pixels of the two are not the same: another CRS, another size or direction of pixels, or a shift
    that is not a whole number of pixels within a thousandth.
    """
    if not same_crs(source.crs, target.crs):
        return None
    origin = Affine.translation(-_turns(source, target), 0) @ target.transform
    to_pixel = ~source.transform @ origin
    col, row = round(to_pixel.c), round(to_pixel.f)
    for corner in ((0, 0), (target.width, 0), (0, target.height), (target.width, target.height)):
        here_col, here_row = to_pixel @ (float(corner[0]), float(corner[1]))
        if abs(here_col - col - corner[0]) > _SNAP_PX or abs(here_row - row - corner[1]) > _SNAP_PX:
            return None
    return row, col


def _turns(source: Grid, target: Grid) -> float:
    """What the target's x has more than the source's because it was counted around the Earth."""
    turn = turn_of(source.crs)
    if turn is None:
        return 0.0
    here, there = (grid.transform @ (grid.width / 2, grid.height / 2) for grid in (source, target))
    return float(turn * round((there[0] - here[0]) / turn))


def target_grid(sources: Sequence[Grid], crs: CRS, resolution: float) -> Grid:
    """The north-up grid of square pixels that holds all sources; edges are multiples of the resolution.

    Like ``gdalwarp -tap``, so maps made apart fit together. Across the date line longitudes run on beyond 180.

    Args:
        sources: grids to hold.
        crs: CRS of the target.
        resolution: side of a pixel, in units of the CRS (metres, or degrees).

    Raises:
        WrongUse: when the resolution is not above 0.
        GridMismatch: when a source does not lie where the CRS maps to.
        RasterTooLarge: when the target would have more pixels than are read.
    """
    if not (math.isfinite(resolution) and resolution > 0):
        raise WrongUse(f"resolution {resolution:g}: expected a number above 0, in units of the target CRS")
    boxes: list[Box] = []
    for source in sources:
        boxes.append(bounds_in(source, crs, around=boxes[0] if boxes else None))
    _refuse_countless(boxes, crs, resolution)
    west, south = (_snapped(min(edges) / resolution, up=False) for edges in list(zip(*boxes, strict=True))[:2])
    east, north = (_snapped(max(edges) / resolution, up=True) for edges in list(zip(*boxes, strict=True))[2:])
    height, width = max(north - south, 1), max(east - west, 1)
    if height * width > DEFAULT_POLICY.max_pixels:
        raise RasterTooLarge(
            f"at {resolution:g} {crs.axis_info[0].unit_name} the target grid would have {height} x {width} pixels, at "
            f"most {DEFAULT_POLICY.max_pixels:,} are read; the resolution counts in units of the target CRS"
        )
    return Grid(crs, Affine(resolution, 0, west * resolution, 0, -resolution, north * resolution), height, width)


def _refuse_countless(boxes: Sequence[Box], crs: CRS, resolution: float) -> None:
    """Refuse a resolution by which pixels from the origin of the CRS could not be told apart, or not be counted."""
    steps = max(abs(edge) for box in boxes for edge in box) / resolution
    if steps > _MOST_STEPS:
        raise RasterTooLarge(
            f"at {resolution:g} {crs.axis_info[0].unit_name} the target grid would have more pixels than can be "
            "counted; the resolution counts in units of the target CRS"
        )


def _snapped(edge: float, *, up: bool) -> int:
    nearest = round(edge)
    if abs(edge - nearest) <= _SNAP_PX:
        return nearest
    return math.ceil(edge) if up else math.floor(edge)


type Box = tuple[float, float, float, float]
"""West, south, east, north in the target CRS."""


def bounds_in(source: Grid, crs: CRS, *, around: Box | None = None) -> Box:
    """The box of a grid in another CRS; x counted on the side of the date line where ``around`` lies."""
    x, y = outline(source)
    if not same_crs(source.crs, crs):
        x, y = Transformer.from_crs(source.crs, crs, always_xy=True).transform(x, y)
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        raise GridMismatch(
            f"a scene in {source.crs.name!r} does not lie where {crs.name!r} maps to; choose another CRS"
        )
    x, y = x[known], y[known]
    turn = turn_of(crs)
    if turn is not None:
        x = unwrapped(x, turn)
        if around is not None:
            x = x - turn * round(((x.min() + x.max()) - (around[0] + around[2])) / 2 / turn)
    box = float(x.min()), float(y.min()), float(x.max()), float(y.max())
    return _with_poles(source, crs, box, turn) if turn is not None and crs.is_geographic else box


def _edge_pixels(grid: Grid) -> tuple[Floats, Floats]:
    """Columns and rows of points along the four sides of a grid, once around."""
    share = np.arange(_POINTS) / _POINTS
    zero, one = np.zeros(_POINTS), np.ones(_POINTS)
    cols = np.concatenate([share, one, 1 - share, zero]) * grid.width
    rows = np.concatenate([zero, share, one, 1 - share]) * grid.height
    return cols, rows


def outline(grid: Grid) -> tuple[Floats, Floats]:
    """Coordinates (x, y) along the four sides of a grid, once around."""
    cols, rows = _edge_pixels(grid)
    t = grid.transform
    return cols * t.a + rows * t.b + t.c, cols * t.d + rows * t.e + t.f


def unwrapped(x: Floats, turn: float) -> Floats:
    """The same places along a line without jumps of a turn from one to the next."""
    jumps = np.round(np.diff(x) / turn)
    return x - turn * np.concatenate([[0.0], np.cumsum(jumps)])


def _with_poles(source: Grid, crs: CRS, box: Box, turn: float) -> Box:
    """The box in longitude and latitude of a grid that holds a pole: all longitudes, up to the pole."""
    west, south, east, north = box
    to_source = Transformer.from_crs(crs, source.crs, always_xy=True)
    for latitude in (-turn / 4, turn / 4):
        x, y = to_source.transform(0.0, latitude)
        if not (math.isfinite(x) and math.isfinite(y)):
            continue
        col, row = ~source.transform @ (x, y)
        if 0 < col < source.width and 0 < row < source.height:
            west, east = -turn / 2, turn / 2
            south, north = min(south, latitude), max(north, latitude)
    return west, south, east, north


def touching(one: Grid, other: Grid) -> bool:
    """Whether two grids may have a place in common, by their outlines: surely not where this is False."""
    return _meets(one, other) or _meets(other, one)


def _meets(grid: Grid, other: Grid) -> bool:
    """Whether the box around the other grid, in pixels of the first, reaches into the first."""
    cols, rows = Positions(other, grid).exact(*_edge_pixels(other))
    known = np.isfinite(cols) & np.isfinite(rows)
    if not known.any():
        return False
    cols, rows = cols[known], rows[known]
    return bool(cols.min() < grid.width and cols.max() > 0 and rows.min() < grid.height and rows.max() > 0)


def union_grid(grids: Sequence[Grid]) -> Grid:
    """The grid with the first one's pixels that holds all grids; pixels count on from the first's, rotation is kept.

    Raises:
        GridMismatch: when a grid does not lie where the first one's CRS maps to.
        RasterTooLarge: when it would have more pixels than are read, because the grids lie far apart.
    """
    first = grids[0]
    row, col, row_stop, col_stop = 0, 0, first.height, first.width
    for grid in grids[1:]:
        cols, rows = Positions(grid, first).exact(*_edge_pixels(grid))
        known = np.isfinite(cols) & np.isfinite(rows)
        if not known.any():
            raise GridMismatch(
                f"a scene in {grid.crs.name!r} does not lie where {first.crs.name!r}, the CRS of the first scene, maps "
                "to; give --crs and --resolution"
            )
        cols, rows = cols[known], rows[known]
        col, col_stop = min(col, _snapped(cols.min(), up=False)), max(col_stop, _snapped(cols.max(), up=True))
        row, row_stop = min(row, _snapped(rows.min(), up=False)), max(row_stop, _snapped(rows.max(), up=True))
    height, width = row_stop - row, col_stop - col
    if height * width > DEFAULT_POLICY.max_pixels:
        raise RasterTooLarge(
            f"the scenes lie so far apart that one grid would have {height} x {width} pixels, at most "
            f"{DEFAULT_POLICY.max_pixels:,} are read; map them one by one"
        )
    return Grid(first.crs, first.transform @ Affine.translation(col, row), height, width)


def pixels_per_pixel(one: Grid, other: Grid) -> float:
    """How many pixels of another grid lie in a pixel of one, where both are; 1 where they share no place.

    Measured in the place they share: a degree is not as long everywhere, nor a metre of every projection.
    """
    (count, pixels), (back_count, back) = _density(one, other), _density(other, one)
    return pixels if count >= back_count else 1 / back


def _density(grid: Grid, source: Grid) -> tuple[int, float]:
    """Points of a net over a grid that lie on a source, and how many of its pixels a pixel has there, in the median."""
    positions = Positions(grid, source)
    cols, rows = np.meshgrid(np.linspace(0, grid.width, _POINTS), np.linspace(0, grid.height, _POINTS))
    here = positions.exact(cols, rows)
    inside = (here[0] >= 0) & (here[0] <= source.width) & (here[1] >= 0) & (here[1] <= source.height)
    if not inside.any():
        return 0, 1.0
    (across_col, across_row), (down_col, down_row) = (
        tuple(there - from_ for there, from_ in zip(positions.exact(cols + right, rows + down), here, strict=True))
        for right, down in ((1.0, 0.0), (0.0, 1.0))
    )
    pixels = np.abs(across_col * down_row - across_row * down_col)[inside]
    return int(inside.sum()), float(np.nanmedian(pixels))

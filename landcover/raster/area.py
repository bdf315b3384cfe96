"""An area of interest cut from a scene: its window of the grid, valid where pixels lie in the area."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from pyproj import Transformer

from landcover.errors import AreaInvalid
from landcover.grid import Grid, Window
from landcover.raster.geojson import Area
from landcover.raster.polygons import Polygon, Ring, clipped, covered
from landcover.raster.positions import same_crs, turn_of
from landcover.raster.protocol import Block, Scene
from landcover.raster.target import Box, bounds_in, unwrapped
from landcover.raster.view import SceneView

_PARTS: Final = 4
"""Pieces of a side before its bend is looked at: a side may bend twice and have its middle on the straight line."""

_SHORT_PX: Final = 2.0
"""A side of at most this many pixels does not bend twice."""

_HALVINGS: Final = 12

_BEND_PX: Final = 1 / 64
"""How far the middle of a piece of a side may lie off the straight line, in pixels."""

_AROUND: Final = 0.05
"""Polygons are cut off this far outside the grid, as a share of its size: what lies beyond may be beyond the CRS."""

_SCAN_ROWS: Final = 512

_SCAN_PIXELS: Final = 2**24


class AreaScene(SceneView):
    """The window of a scene that an area needs; pixels outside the area are not valid.

    A pixel belongs to the area when its centre does. An area too small to hold a centre is the pixel it lies in. Where
    only the area is missing, blocks keep the scene's numbers: a network sees what lies around the area, and no black.

    Args:
        scene: the scene.
        area: polygons in any CRS.

    Raises:
        AreaInvalid: when the area does not touch the scene.
    """

    def __init__(self, scene: Scene, area: Area) -> None:
        self._polygons, self._window = place_area(area, scene.grid)
        super().__init__(scene, scene.grid.crop(self._window))

    def read(self, window: Window) -> Block:
        """The pixels of a window.

        Raises:
            WindowError: when the window reaches beyond the grid.
            RasterTruncated: when pixels are missing or damaged.
        """
        self.grid.crop(window)
        place = self._source_window(window)
        block = self._scene.read(place)
        return Block(block.data, block.valid & covered(self._polygons, place))

    def _source_window(self, window: Window) -> Window:
        row, col = window.row + self._window.row, window.col + self._window.col
        return Window(row, col, window.height, window.width)


def place_area(area: Area, grid: Grid) -> tuple[tuple[Polygon, ...], Window]:
    """The area's polygons in columns and rows of a grid, and the window of the pixels in them.

    Raises:
        AreaInvalid: when the area does not touch the grid.
    """
    box = bounds_in(grid, area.crs)
    polygons = polygons_on(area, grid)
    window = _window_of(polygons, grid)
    if window is not None:
        return polygons, window
    for polygon in polygons:
        col, row = (int(value) for value in np.floor(_centroid(polygon[0])))
        if 0 <= col < grid.width and 0 <= row < grid.height:
            pixel = np.array([(col, row), (col + 1, row), (col + 1, row + 1), (col, row + 1)], np.float64)
            return ((pixel,),), Window(row, col, 1, 1)
    raise AreaInvalid(_no_touch(area, box))


def polygons_on(area: Area, grid: Grid, *, bend_px: float = _BEND_PX) -> tuple[Polygon, ...]:
    """The area's polygons in columns and rows of a grid; whole numbers are corners of pixels.

    What lies far outside the grid is cut off, so that there may be fewer polygons, or none. An area that the grid meets
    on two turns around the Earth is there twice.

    Args:
        area: polygons in any CRS; sides are straight there and bend, as far as they do, on the grid.
        grid: the grid.
        bend_px: how far the middle of a piece of a side may lie off the straight line, in pixels.

    Raises:
        AreaInvalid: when a point has no place in the grid's CRS.
        GridMismatch: when the grid does not lie where the area's CRS maps to.
    """
    box = bounds_in(grid, area.crs)
    near = _near(area.polygons, box, turn_of(area.crs))
    return tuple(_projected(polygon, area, grid, bend_px) for polygon in near)


def _near(polygons: Sequence[Polygon], box: Box, turn: float | None) -> Iterator[Polygon]:
    """The parts of polygons in and just around a box; where x comes around, on every turn that meets the box."""
    west, south, east, north = box
    wide, high = _AROUND * (east - west), _AROUND * (north - south)
    for polygon in polygons:
        x = polygon[0][:, 0]
        nearest = 0 if turn is None else round(((west + east) - (x.min() + x.max())) / 2 / turn)
        for turns in (0,) if turn is None else (nearest - 1, nearest, nearest + 1):
            moved = (ring + np.array([(turn or 0.0) * turns, 0.0]) for ring in polygon)
            rings = [clipped(ring, west - wide, south - high, east + wide, north + high) for ring in moved]
            if len(rings[0]):
                yield tuple(ring for ring in rings if len(ring))


def _projected(polygon: Polygon, area: Area, grid: Grid, bend_px: float) -> Polygon:
    """The polygon in pixels of the grid; sides that bend on the way are cut into pieces.

    Raises:
        AreaInvalid: when a point has no place in the grid's CRS.
    """
    to_pixel = ~grid.transform
    if same_crs(area.crs, grid.crs):
        return tuple(np.column_stack(to_pixel @ (ring[:, 0], ring[:, 1])) for ring in polygon)
    transformer = Transformer.from_crs(area.crs, grid.crs, always_xy=True)
    rings = []
    for ring in polygon:
        points = _densified(ring, transformer, grid, bend_px)
        rings.append(np.column_stack(to_pixel @ (points[:, 0], points[:, 1])))
    return tuple(rings)


def _densified(ring: Ring, transformer: Transformer, grid: Grid, bend_px: float) -> Ring:
    """The ring in the grid's CRS, with as many points as its bends need."""
    turn = turn_of(grid.crs)
    middle_x = (grid.transform @ (grid.width / 2, grid.height / 2))[0]
    ring = _in_parts(ring, transformer, grid)
    tolerance = bend_px * min(grid.pixel_size)
    for _ in range(_HALVINGS):
        halfway = (ring + np.roll(ring, -1, axis=0)) / 2
        here, there = (np.column_stack(transformer.transform(*points.T)) for points in (ring, halfway))
        if not (np.isfinite(here).all() and np.isfinite(there).all()):
            raise AreaInvalid(f"the area reaches beyond what {grid.crs.name!r}, the CRS of the scene, maps; cut it")
        if turn is not None:
            here[:, 0] = unwrapped(here[:, 0], turn)
            here[:, 0] += turn * round((middle_x - (here[:, 0].min() + here[:, 0].max()) / 2) / turn)
            there[:, 0] -= turn * np.round((there[:, 0] - here[:, 0]) / turn)
        bent = np.hypot(*(there - (here + np.roll(here, -1, axis=0)) / 2).T) > tolerance
        if not bent.any():
            break
        both = np.stack([ring, halfway], axis=1).reshape(-1, 2)
        ring = both[np.stack([np.ones_like(bent), bent], axis=1).ravel()]
    return here


def _in_parts(ring: Ring, transformer: Transformer, grid: Grid) -> Ring:
    """The ring with its long sides cut into ``_PARTS``."""
    x, y = transformer.transform(*ring.T)
    with np.errstate(invalid="ignore"):  # a point without a place makes a long side, and is refused later
        length = np.hypot(np.roll(x, -1) - x, np.roll(y, -1) - y)
    parts = np.where(length <= _SHORT_PX * min(grid.pixel_size), 1, _PARTS)
    side = np.repeat(np.arange(len(ring)), parts)
    number = np.arange(len(side)) - np.repeat(np.cumsum(parts) - parts, parts)
    steps = np.roll(ring, -1, axis=0) - ring
    return np.asarray(ring[side] + steps[side] * (number / parts[side])[:, None])


def _window_of(polygons: Sequence[Polygon], grid: Grid) -> Window | None:
    """The smallest window that holds all pixel centres in the polygons; None when there is none."""
    around = _window_around(polygons, grid)
    if around is None:
        return None
    rows, cols = np.zeros(around.height, np.bool_), np.zeros(around.width, np.bool_)
    high = min(_SCAN_ROWS, max(_SCAN_PIXELS // around.width, 1))
    for top in range(0, around.height, high):
        part = Window(around.row + top, around.col, min(high, around.height - top), around.width)
        inside_HW = covered(polygons, part)
        rows[top : top + part.height] = inside_HW.any(axis=1)
        cols |= inside_HW.any(axis=0)
    if not rows.any():
        return None
    (row, row_end), (col, col_end) = (np.flatnonzero(used)[[0, -1]].tolist() for used in (rows, cols))
    return Window(around.row + row, around.col + col, row_end - row + 1, col_end - col + 1)


def _window_around(polygons: Sequence[Polygon], grid: Grid) -> Window | None:
    """Pixels of the grid whose centres lie in the polygons' box; None when there are none."""
    if not polygons:
        return None
    points = np.concatenate([polygon[0] for polygon in polygons])
    start, stop = np.ceil(points.min(axis=0) - 0.5), np.ceil(points.max(axis=0) - 0.5)
    col, row = np.maximum(start, 0).astype(np.int64).tolist()
    col_stop, row_stop = np.minimum(stop, (grid.width, grid.height)).astype(np.int64).tolist()
    return Window(row, col, row_stop - row, col_stop - col) if row < row_stop and col < col_stop else None


def _centroid(ring: Ring) -> Ring:
    """Centre of mass (x, y) of a ring; of its points when it encloses nothing."""
    origin = ring[0]
    (x, y), (next_x, next_y) = (ring - origin).T, (np.roll(ring, -1, axis=0) - origin).T
    cross = x * next_y - next_x * y
    if cross.sum() == 0:
        return np.asarray(ring.mean(axis=0))
    return np.asarray(origin + np.array([((x + next_x) * cross).sum(), ((y + next_y) * cross).sum()]) / cross.sum() / 3)


def _no_touch(area: Area, box: Box) -> str:
    """Where both are, and what may be the reason."""
    points = np.concatenate([polygon[0] for polygon in area.polygons])
    low, high = points.min(axis=0), points.max(axis=0)
    hint = "choose another area or scene"
    if turn_of(area.crs) is not None:
        flipped = tuple(tuple(ring[:, ::-1] for ring in polygon) for polygon in area.polygons)
        if any(_near(flipped, box, turn_of(area.crs))):
            hint = "longitude and latitude seem to be swapped: longitude comes first"
    return (
        f"the area {area.name!r} reaches from {low[0]:.7g}, {low[1]:.7g} to {high[0]:.7g}, {high[1]:.7g} in "
        f"{area.crs.name!r}, the scene from {box[0]:.7g}, {box[1]:.7g} to {box[2]:.7g}, {box[3]:.7g}: they do not "
        f"touch; {hint}"
    )

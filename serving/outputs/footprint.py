"""Outline of a grid in WGS 84 as GeoJSON (RFC 7946), cut at the antimeridian."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from landcover.errors import NoGeoreference
from landcover.grid import Grid

SEGMENTS: Final = 32
"""Pieces per side: a side of 110 km at 60 degrees latitude bends by 400 m; in 32 pieces by 0.4 m."""
_DIGITS: Final = 7  # RFC 7946, section 11.2: about a centimetre
_TINY_DEG: Final = 1e-7
_WEST: Final = -180.0
_EAST: Final = 180.0

type Ring = NDArray[np.float64]
"""Longitude and latitude in degrees, shape (points, 2), not closed. Longitudes run on beyond 180."""


def wgs84_footprint(grid: Grid) -> tuple[dict[str, Any], list[float]]:
    """Outline of a grid.

    Args:
        grid: any grid with a CRS that maps to the Earth.

    Returns:
        A GeoJSON Polygon, or a MultiPolygon cut at the antimeridian; and its bounding box west, south, east, north,
        with west > east when it crosses the antimeridian (RFC 7946, section 5.2). Exterior rings run counterclockwise.

    Raises:
        NoGeoreference: the outline leaves the part of the plane that the CRS maps to the Earth.
    """
    ring = _unwrapped(_outline(grid))
    around_a_pole = round((ring[-1, 0] - ring[0, 0]) / 360) != 0
    if around_a_pole:
        ring = _over_the_pole(ring)
    elif grid.crs.is_geographic and not grid.crs.is_derived:
        ring = ring[:-1:SEGMENTS]  # straight in longitude and latitude: corners suffice
    ring = _from_the_west(ring)
    if np.ptp(ring[:, 0]) >= 360 - _TINY_DEG and not around_a_pole:
        south, north = ring[:, 1].min(), ring[:, 1].max()
        ring = np.array([[_WEST, south], [_EAST, south], [_EAST, north], [_WEST, north]])
    rings = [_closed(piece) for piece in _cut(ring)]
    box = _box(ring, whole_circle=around_a_pole)
    if len(rings) == 1:
        return {"type": "Polygon", "coordinates": [rings[0]]}, box
    return {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}, box


def _box(ring: Ring, *, whole_circle: bool) -> list[float]:
    """West, south, east, north; west > east across the antimeridian."""
    west, south = ring.min(axis=0)
    east, north = ring.max(axis=0)
    if whole_circle:
        west, east = _WEST, _EAST
    elif east > _EAST + _TINY_DEG:
        east -= 360
    return [round(float(edge), _DIGITS) for edge in (west, south, min(east, _EAST), north)]


def _outline(grid: Grid) -> Ring:
    """Points along the four sides, the first one repeated at the end, as the CRS maps them to longitude, latitude."""
    steps = np.arange(SEGMENTS) / SEGMENTS
    w, h = grid.width, grid.height
    zero = np.zeros(SEGMENTS)
    cols = np.concatenate([steps * w, zero + w, (1 - steps) * w, zero, [0.0]])
    rows = np.concatenate([zero, steps * h, zero + h, (1 - steps) * h, [0.0]])
    t = grid.transform
    x, y = t.a * cols + t.b * rows + t.c, t.d * cols + t.e * rows + t.f
    lon, lat = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(x, y)
    ring = np.column_stack([lon, np.clip(lat, -90, 90)])
    if not np.isfinite(ring).all():
        raise NoGeoreference("the outline of the raster lies partly where its CRS does not map to the Earth; crop it")
    return ring


def _unwrapped(ring: Ring) -> Ring:
    """The same ring without jumps of 360 degrees between neighbours."""
    jumps = np.diff(ring[:, 0])
    turns = np.concatenate([[0.0], np.cumsum(np.round(jumps / 360))])
    return np.column_stack([ring[:, 0] - 360 * turns, ring[:, 1]])


def _from_the_west(ring: Ring) -> Ring:
    """The same ring with its westernmost longitude in -180 to 180."""
    turns = np.floor((ring[:, 0].min() - _WEST) / 360)
    return np.column_stack([ring[:, 0] - 360 * turns, ring[:, 1]])


def _over_the_pole(ring: Ring) -> Ring:
    """A ring that goes once around the Earth, closed over the pole inside it."""
    pole = 90.0 if ring[:, 1].mean() > 0 else -90.0
    first, last = ring[0, 0], ring[-1, 0]
    return np.vstack([ring, [last, pole], [first, pole]])


def _cut(ring: Ring) -> list[Ring]:
    """Parts of a ring on both sides of the antimeridian, each within -180 to 180."""
    if ring[:, 0].max() <= _EAST + _TINY_DEG:
        return [np.column_stack([np.minimum(ring[:, 0], _EAST), ring[:, 1]])]
    western, eastern = _clip(ring, keep_east=False), _clip(ring, keep_east=True)
    return [western, eastern - [360, 0]]


def _clip(ring: Ring, *, keep_east: bool) -> Ring:
    """The part of a ring on one side of longitude 180 (Sutherland and Hodgman 1974, one edge)."""
    kept: list[tuple[float, float]] = []
    for (lon, lat), (next_lon, next_lat) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        inside, next_inside = ((lon >= _EAST) == keep_east), ((next_lon >= _EAST) == keep_east)
        if inside:
            kept.append((lon, lat))
        if inside != next_inside:
            t = (_EAST - lon) / (next_lon - lon)
            kept.append((_EAST, lat + t * (next_lat - lat)))
    return np.array(kept)


def _closed(ring: Ring) -> list[list[float]]:
    """GeoJSON coordinates: rounded, counterclockwise, without repeated points, first point again at the end."""
    lon, lat = ring[:, 0], ring[:, 1]
    twice_area = np.sum(lon * np.roll(lat, -1) - np.roll(lon, -1) * lat)
    points = [[round(float(x), _DIGITS), round(float(y), _DIGITS)] for x, y in (ring if twice_area > 0 else ring[::-1])]
    distinct = [point for i, point in enumerate(points) if point != points[i - 1]]
    return [*distinct, distinct[0]]

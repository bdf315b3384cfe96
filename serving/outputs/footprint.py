"""Outline of a grid in WGS 84 as GeoJSON (RFC 7946), cut at the antimeridian."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from pyproj import Transformer

from landcover.errors import NoGeoreference
from landcover.grid import Grid
from serving.outputs.rings import DIGITS, EAST, TINY_DEG, WEST, Ring, closed, cut, from_the_west, unwrapped

SEGMENTS: Final = 32
"""Pieces per side: a side of 110 km at 60 degrees latitude bends by 400 m; in 32 pieces by 0.4 m."""


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
    ring = unwrapped(_outline(grid))
    around_a_pole = round((ring[-1, 0] - ring[0, 0]) / 360) != 0
    if around_a_pole:
        ring = _over_the_pole(ring)
    elif grid.crs.is_geographic and not grid.crs.is_derived:
        ring = ring[:-1:SEGMENTS]  # straight in longitude and latitude: corners suffice
    ring = from_the_west(ring)
    if np.ptp(ring[:, 0]) >= 360 - TINY_DEG and not around_a_pole:
        south, north = ring[:, 1].min(), ring[:, 1].max()
        ring = np.array([[WEST, south], [EAST, south], [EAST, north], [WEST, north]])
    rings = [closed(piece) for piece in cut(ring)]
    box = _box(ring, whole_circle=around_a_pole)
    if len(rings) == 1:
        return {"type": "Polygon", "coordinates": [rings[0]]}, box
    return {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}, box


def _box(ring: Ring, *, whole_circle: bool) -> list[float]:
    """West, south, east, north; west > east across the antimeridian."""
    west, south = ring.min(axis=0)
    east, north = ring.max(axis=0)
    if whole_circle:
        west, east = WEST, EAST
    elif east > EAST + TINY_DEG:
        east -= 360
    return [round(float(edge), DIGITS) for edge in (west, south, min(east, EAST), north)]


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


def _over_the_pole(ring: Ring) -> Ring:
    """A ring that goes once around the Earth, closed over the pole inside it."""
    pole = 90.0 if ring[:, 1].mean() > 0 else -90.0
    first, last = ring[0, 0], ring[-1, 0]
    return np.vstack([ring, [last, pole], [first, pole]])

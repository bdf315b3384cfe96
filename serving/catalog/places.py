"""Areas in which scenes are looked for, and whether a footprint touches one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from landcover.errors import AreaInvalid
from landcover.raster.geojson import WGS84, Area, box_area, parse_area, parse_crs
from serving.catalog.errors import AreaTooLarge
from serving.catalog.mgrs import Bounds

type Ring = NDArray[np.float64]
"""Longitude and latitude (point, 2), degrees; the first point is not repeated."""

MAX_ASKED_POINTS: Final = 300
"""Corners of an area that is sent to a STAC API; the box around more complex ones is sent instead."""

_CORNERS: Final = 4
_HALF_TURN: Final = 180.0
_TURN: Final = 360.0
_RADIUS_KM: Final = 6371.0072
"""Of the sphere that has the Earth's area, Moritz 2000, doi:10.1007/s001900050278."""


def area_of_box(box: Sequence[float]) -> Area:
    """The area of a box: west, south, east, north in degrees; west > east crosses the antimeridian.

    Raises:
        AreaInvalid: when it is none.
    """
    if len(box) != _CORNERS or any(isinstance(value, bool) or not isinstance(value, int | float) for value in box):
        raise AreaInvalid(f"a box has four numbers, west, south, east, north; {len(box)} came")
    west, south, east, north = map(float, box)
    if not max(abs(west), abs(east)) <= _HALF_TURN:
        raise AreaInvalid("the box has longitudes beyond 180 degrees; give west,south,east,north in degrees")
    return box_area((west, south, east, north), parse_crs(WGS84))


def area_of_geojson(document: Mapping[str, Any]) -> Area:
    """The area of a GeoJSON polygon, or of features that have some, in longitude and latitude.

    Raises:
        AreaInvalid: when it is none.
    """
    if "crs" in document:
        raise AreaInvalid("the area names a CRS; GeoJSON has longitude and latitude (RFC 7946): leave 'crs' out")
    area = parse_area(dict(document), "area")
    if any(abs(position[0]) > _HALF_TURN for position in _positions(document)):
        raise AreaInvalid(
            "the area has longitudes beyond 180 degrees; across the antimeridian they jump from 180 to -180"
        )
    return area


def _positions(document: Mapping[str, Any]) -> Iterator[Sequence[float]]:
    """All positions of a checked GeoJSON object."""
    waiting: list[Any] = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list) and value and isinstance(value[0], int | float):
            yield value
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += [value.get(name) for name in ("coordinates", "geometry", "geometries", "features")]


def check_extent(area: Area, limit_km2: float) -> None:
    """Refuse an area that is too large for one request.

    Raises:
        AreaTooLarge: with both numbers.
    """
    size = extent_km2(area)
    if size > limit_km2:
        raise AreaTooLarge(
            f"the area has {size:,.0f} km2, one request may search {limit_km2:,.0f} km2; split it into parts"
        )


def extent_km2(area: Area) -> float:
    """Area on the sphere, km2, holes not counted; sides are straight in the equal-area cylindrical projection."""
    return sum(
        abs(_signed_km2(outer)) - sum(abs(_signed_km2(hole)) for hole in holes) for outer, *holes in area.polygons
    )


def _signed_km2(ring: Ring) -> float:
    x, y = np.radians(ring[:, 0]), np.sin(np.radians(ring[:, 1]))
    return float(np.sum((np.roll(x, -1) - x) * (np.roll(y, -1) + y)) / 2) * _RADIUS_KM**2


def bounds_of(area: Area) -> Bounds:
    """Box around an area; west > east across the antimeridian."""
    points = np.concatenate([polygon[0] for polygon in area.polygons])
    (west, south), (east, north) = points.min(axis=0), points.max(axis=0)
    if east - west >= _TURN:
        return -_HALF_TURN, float(south), _HALF_TURN, float(north)
    return _home(float(west)), float(south), _home(float(east)), float(north)


def _home(longitude: float) -> float:
    """The same meridian between -180 and 180."""
    return longitude if abs(longitude) <= _HALF_TURN else math.remainder(longitude, _TURN)


def asked_geometry(area: Area) -> dict[str, Any]:
    """How a STAC API is asked for an area: ``intersects``, or ``bbox`` for complex ones and across the antimeridian."""
    rings = [polygon[0] for polygon in area.polygons]
    if _is_complex(rings) or max(np.abs(ring[:, 0]).max() for ring in rings) > _HALF_TURN:
        return {"bbox": list(bounds_of(area))}
    closed = [[[*map(list, ring.tolist()), ring[0].tolist()]] for ring in rings]
    if len(closed) == 1:
        return {"intersects": {"type": "Polygon", "coordinates": closed[0]}}
    return {"intersects": {"type": "MultiPolygon", "coordinates": closed}}


def searched_rings(area: Area) -> tuple[Ring, ...]:
    """What footprints are compared with: the outer rings, or the box around complex ones."""
    rings = tuple(polygon[0] for polygon in area.polygons)
    return (box_ring(bounds_of(area)),) if _is_complex(rings) else rings


def _is_complex(rings: Sequence[Ring]) -> bool:
    return sum(map(len, rings)) > MAX_ASKED_POINTS


def footprint_rings(geometry: Mapping[str, Any]) -> tuple[Ring, ...]:
    """Outer rings of a checked Polygon or MultiPolygon, longitudes running on."""
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    return tuple(_running_on(np.array([point[:2] for point in rings[0][:-1]], np.float64)) for rings in polygons)


def _running_on(ring: Ring) -> Ring:
    return np.column_stack([np.unwrap(ring[:, 0], period=_TURN), ring[:, 1]])


def box_ring(bounds: Bounds) -> Ring:
    """Corners of a box."""
    west, south, east, north = bounds
    east += _TURN if west > east else 0.0
    return np.array([(west, south), (east, south), (east, north), (west, north)])


def touch(ones: Sequence[Ring], others: Sequence[Ring]) -> bool:
    """Whether any two rings have a point in common, on whatever turn around the Earth they are written."""
    shifts = (0.0, _TURN, -_TURN)
    return any(_touch(one, other + np.array([shift, 0.0])) for one in ones for other in others for shift in shifts)


def _touch(one: Ring, other: Ring) -> bool:
    if (one.max(axis=0) < other.min(axis=0)).any() or (other.max(axis=0) < one.min(axis=0)).any():
        return False
    return _inside(one[0], other) or _inside(other[0], one) or _sides_cross(one, other)


def _inside(point: NDArray[np.float64], ring: Ring) -> bool:
    """Even-odd rule along the line to the east."""
    x, y = point
    (ax, ay), (bx, by) = ring.T, np.roll(ring, -1, axis=0).T
    spans = (ay > y) != (by > y)
    at = ax[spans] + (y - ay[spans]) * (bx[spans] - ax[spans]) / (by[spans] - ay[spans])
    return bool(np.count_nonzero(at > x) % 2)


def _sides_cross(one: Ring, other: Ring) -> bool:
    """Whether a side of one meets a side of the other, every pair compared."""
    a, b = one[:, None], np.roll(one, -1, axis=0)[:, None]
    c, d = other[None], np.roll(other, -1, axis=0)[None]
    apart = (_turn(a, b, c) * _turn(a, b, d) > 0) | (_turn(c, d, a) * _turn(c, d, b) > 0)
    # Sides on one line turn nowhere; those that do not reach each other are apart all the same.
    low, high, other_low, other_high = np.minimum(a, b), np.maximum(a, b), np.minimum(c, d), np.maximum(c, d)
    apart |= (high < other_low).any(axis=-1) | (other_high < low).any(axis=-1)
    return not bool(apart.all())


def _turn(a: Ring, b: Ring, c: Ring) -> NDArray[np.float64]:
    turned: NDArray[np.float64] = np.sign(
        (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (c[..., 0] - a[..., 0])
    )
    return turned

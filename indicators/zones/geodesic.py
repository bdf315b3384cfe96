"""Ground area of polygons on the ellipsoid of their CRS, in km2.

Vertices go to longitude and latitude, sides between them are cut so short that the geodesic between two points and the
straight line in the CRS enclose nothing that counts; the area of the geodesic polygon is exact (Karney 2013,
doi:10.1007/s00190-012-0578-z, by pyproj).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Geod, Transformer

from indicators.pixels import M2_PER_KM2, horizontal_crs
from landcover.errors import NoCrs
from landcover.raster.polygons import Polygon, Ring

_PIECE_M: Final = 1000.0
"""A piece of a parallel this long and its geodesic enclose at most 13 m2 for each unit of tan(latitude)."""

_MOST_PIECES: Final = 20_000
"""Of one side: once around the equator in pieces of 2 km."""


def polygons_km2(polygons: Iterable[Polygon], crs: CRS) -> float:
    """Ground area of polygons that do not overlap, holes left out.

    Args:
        polygons: rings of points (x, y), the outer one first, in either direction.
        crs: of the points, geographic or projected.

    Returns:
        km2; the sign of a ring's direction does not count.

    Raises:
        NoCrs: the CRS is not tied to an ellipsoid.
    """
    to_lonlat, geod, metres = _on_earth(crs)
    total = 0.0
    for outer, *holes in polygons:
        total += _ring_m2(outer, to_lonlat, geod, metres)
        total -= math.fsum(_ring_m2(hole, to_lonlat, geod, metres) for hole in holes)
    return total / M2_PER_KM2


def _on_earth(crs: CRS) -> tuple[Transformer, Geod, float]:
    """How points become longitude and latitude, the ellipsoid, and about how many metres a unit of the CRS has."""
    flat = horizontal_crs(crs)
    base = flat.source_crs if flat.is_derived and flat.is_geographic else flat.geodetic_crs
    geod = flat.get_geod()
    if base is None or geod is None:
        raise NoCrs(f"CRS {crs.name!r} is not tied to an ellipsoid: areas need one")
    unit = float(flat.axis_info[0].unit_conversion_factor)
    metres = unit * float(geod.a) if flat.is_geographic else unit
    return Transformer.from_crs(flat, base, always_xy=True), geod, metres


def _ring_m2(ring: Ring, to_lonlat: Transformer, geod: Geod, metres: float) -> float:
    points = _in_pieces(ring, metres)
    lon, lat = to_lonlat.transform(points[:, 0], points[:, 1])
    area, _ = geod.polygon_area_perimeter(_degrees(lon, to_lonlat), _degrees(lat, to_lonlat))
    return abs(float(area))


def _degrees(angles: NDArray[np.float64], to_lonlat: Transformer) -> NDArray[np.float64]:
    """Degrees, whatever the base counts in (French maps in grads)."""
    target = to_lonlat.target_crs
    factor = 1.0 if target is None else math.degrees(target.axis_info[0].unit_conversion_factor)
    return np.asarray(angles) * factor


def _in_pieces(ring: Ring, metres: float) -> Ring:
    """The ring with points added, so that no piece is much longer than a kilometre."""
    steps = np.roll(ring, -1, axis=0) - ring
    pieces = np.ceil(np.hypot(*steps.T) * metres / _PIECE_M).clip(1, _MOST_PIECES).astype(np.int64)
    if (pieces == 1).all():
        return ring
    side = np.repeat(np.arange(len(ring)), pieces)
    number = np.arange(len(side)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    return np.asarray(ring[side] + steps[side] * (number / pieces[side])[:, None])

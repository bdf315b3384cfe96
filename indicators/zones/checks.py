"""Polygons that an account cannot be kept for, each refused with one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import shapely
import shapely.affinity
from pyproj import CRS

from indicators.wording import said
from indicators.zones.errors import ZonesInvalid, ZonesOverlap
from indicators.zones.geodesic import polygons_km2
from indicators.zones.shapes import polygons_in, rings_of, shape_of
from landcover.raster.polygons import Polygon, Ring
from landcover.raster.positions import turn_of

OVERLAP_SHARE: Final = 1e-6
"""Polygons that share less of the smaller one are neighbours whose borders were rounded."""

_MIN_POINTS: Final = 3
_FIX: Final = "correct it, for example with 'Fix geometries' in QGIS"


def refuse_bad_polygon(polygon: Polygon, owner: str) -> None:
    """Refuse what is no area: too few points, sides that cross, a hole outside, nothing left within the outer ring.

    The direction of rings does not count: Shapefile and GeoJSON want opposite ones, and drawing programs keep whichever
    the hand took (RFC 7946, section 3.1.6, asks readers not to refuse either).

    Args:
        polygon: rings that are not closed, the outer one first.
        owner: whose it is, for the message.

    Raises:
        ZonesInvalid: saying what is wrong, and where.
    """
    if min(map(len, polygon), default=0) < _MIN_POINTS:
        raise ZonesInvalid(f"{owner} has a ring of fewer than {_MIN_POINTS} points; {_FIX}")
    shape = shape_of(polygon)
    if _flat(polygon[0]):
        raise ZonesInvalid(f"{owner} has a polygon without area: its points lie on a line; {_FIX}")
    if not shape.is_valid:
        raise ZonesInvalid(f"{owner} has a polygon that is none: {_reason(shape)}; {_FIX}")
    if not shape.area > 0:
        raise ZonesInvalid(f"{owner} has a polygon of negative or no area: its holes take all of it; {_FIX}")


def _flat(ring: Ring) -> bool:
    """Whether all points lie on a line, as far as numbers of 64 bits tell."""
    hull = shapely.convex_hull(shapely.LineString(ring))
    width, height = np.ptp(ring, axis=0)
    return bool(shapely.area(hull) <= np.finfo(np.float64).eps * (width**2 + height**2))


def _reason(shape: shapely.Polygon) -> str:
    """What GEOS says, "Self-intersection[12 50]", as words."""
    what, _, place = str(shapely.is_valid_reason(shape)).rstrip("]").partition("[")
    near = ", ".join(f"{float(number):.6g}" for number in place.split()[:2])
    words = {"Self-intersection": "its sides cross", "Ring Self-intersection": "a ring touches itself"}
    return f"{words.get(what, what[:1].lower() + what[1:])} near {near}"


def refuse_overlaps(parts: Sequence[tuple[str, Polygon]], crs: CRS) -> None:
    """Refuse polygons that share ground, which would be counted twice.

    Args:
        parts: names of zones with a polygon each; a name may come several times.
        crs: of the polygons; longitudes may run on beyond 180.

    Raises:
        ZonesOverlap: with both names and the shared km2 of the two polygons that share most.
    """
    shapes = [shape_of(polygon) for _, polygon in parts]
    worst, pair = 0.0, (0, 0)
    for one, other, shared in _shared(shapes, turn_of(crs)):
        least = min(shapes[one].area, shapes[other].area)
        if sum(piece.area for piece in shared) <= OVERLAP_SHARE * least:
            continue
        km2 = polygons_km2(map(rings_of, shared), crs)
        if km2 > worst:
            worst, pair = km2, (one, other)
    if worst > 0:
        name, second = (parts[index][0] for index in pair)
        whose = f"zones {name!r} and {second!r}" if name != second else f"two polygons of zone {name!r}"
        raise ZonesOverlap(
            f"{whose} overlap by {said(worst)} km2, which would be counted twice; cut one along the other"
        )


def _shared(shapes: Sequence[shapely.Polygon], turn: float | None) -> Iterator[tuple[int, int, list[shapely.Polygon]]]:
    """Pairs of polygons with the polygons that both cover, on whatever turn around the Earth each was drawn."""
    tree = shapely.STRtree(shapes)
    for turns in (0,) if turn is None else (0, -1, 1):
        moved = [shapely.affinity.translate(shape, turns * (turn or 0.0)) if turns else shape for shape in shapes]
        for one, other in tree.query(moved, predicate="intersects").T.tolist():
            if one < other:
                yield one, other, polygons_in([shapely.intersection(moved[one], shapes[other])])

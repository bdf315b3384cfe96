"""Areas of interest from GeoJSON and from bounding boxes; everything that can be refused is refused here.

RFC 7946, https://www.rfc-editor.org/rfc/rfc7946: longitude and latitude in WGS 84. Its predecessor of 2008 let a file
name another CRS in a member ``crs``, which GDAL and QGIS still write; such a member counts.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from pyproj import CRS
from pyproj.exceptions import CRSError

from landcover.errors import AreaInvalid, ConfigError
from landcover.raster.polygons import Polygon, Ring, crossing_sides
from landcover.raster.positions import same_crs, turn_of

WGS84: Final = "OGC:CRS84"
_MAX_BYTES: Final = 64 * 2**20
_MAX_POINTS: Final = 100_000
_MIN_POINTS: Final = 4  # of a closed ring, RFC 7946, section 3.1.6
_MAX_LATITUDE: Final = 90.0
_MAX_LONGITUDE: Final = 540.0  # boxes may run on beyond the date line
_CRS_ADVICE: Final = "state it in the file's member 'crs' or, of an --aoi, with --aoi-crs"
_ADVICE: Final = "expected a Polygon, a MultiPolygon, or a Feature or FeatureCollection of them"


@dataclass(frozen=True, slots=True)
class Area:
    """Polygons on the map.

    Attributes:
        crs: of the coordinates; sides are straight lines there.
        polygons: rings of points (x, y); longitudes run on beyond 180 instead of jumping.
        name: what it is called in provenance.
        sha256: digest of the file it came from, or None.
    """

    crs: CRS
    polygons: tuple[Polygon, ...]
    name: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Feature:
    """Polygons that belong together, and what is said of them.

    Attributes:
        properties: whatever the file says, by field.
        polygons: rings of points (x, y); longitudes run on beyond 180 instead of jumping.
    """

    properties: Mapping[str, Any]
    polygons: tuple[Polygon, ...]


def parse_crs(text: str) -> CRS:
    """A CRS from what people write: ``EPSG:32650``, a URN, WKT or a PROJ string.

    Raises:
        ConfigError: when PROJ does not know it, or it has no place on Earth.
    """
    try:
        crs = CRS.from_user_input(text)
    except CRSError as error:
        raise ConfigError(
            f"{text!r} is no coordinate reference system; give an EPSG code such as EPSG:32650"
        ) from error
    if not (crs.is_geographic or crs.is_projected):
        raise ConfigError(f"{text!r} is neither geographic nor projected; give an EPSG code such as EPSG:32650")
    return crs


def box_area(box: Sequence[float], crs: CRS) -> Area:
    """The area of a bounding box: west, south, east, north.

    In degrees west may be more than east: such a box crosses the antimeridian (RFC 7946, section 5.2).

    Raises:
        AreaInvalid: when it is empty or its numbers are impossible.
    """
    west, south, east, north = box
    turn = turn_of(crs)
    if not all(map(math.isfinite, box)):
        raise AreaInvalid(f"the box {_listed(box)} holds something that is no number")
    if turn is not None and west > east:
        east += turn
    if not (south < north and west < east):
        raise AreaInvalid(
            f"the box {_listed(box)} is empty: expected west,south,east,north with south below north"
            + ("" if turn is not None else " and west below east")
        )
    ring = np.array([(west, south), (east, south), (east, north), (west, north)])
    name = f"{_listed(box)} ({':'.join(crs.to_authority() or (crs.name,))})"
    refuse_off_earth(ring, crs, f"the box {_listed(box)}", "give it with --bbox-crs")
    return Area(crs, ((ring,),), name)


def _listed(numbers: Sequence[float]) -> str:
    return ",".join(f"{number:.10g}" for number in numbers)


def read_area(path: Path, crs: CRS | None = None) -> Area:
    """The polygons of a GeoJSON file.

    Args:
        path: the file.
        crs: CRS of the coordinates when the caller states it; must not contradict the file.

    Raises:
        AreaInvalid: no GeoJSON, no polygon, or polygons that cannot be used.
        ConfigError: when the caller's CRS contradicts the file's.
    """
    document, sha256 = read_document(path)
    return parse_area(document, path.name, crs, sha256=sha256)


def read_document(path: Path) -> tuple[dict[str, Any], str]:
    """The GeoJSON object in a file, and the file's SHA-256 digest.

    Raises:
        AreaInvalid: no such file, or no GeoJSON in it.
    """
    content = _content(path)
    return _document(content, path.name), hashlib.sha256(content).hexdigest()


def parse_area(document: dict[str, Any], name: str, crs: CRS | None = None, *, sha256: str | None = None) -> Area:
    """The polygons of a GeoJSON object.

    Args:
        document: a geometry, a Feature or a FeatureCollection.
        name: what it is called in messages and in provenance.
        crs: CRS of the coordinates when the caller states it; must not contradict the document.
        sha256: digest of the file it came from.

    Raises:
        AreaInvalid: no polygon, or polygons that cannot be used.
        ConfigError: when the caller's CRS contradicts the document's.
    """
    chosen, features = parse_features(document, name, crs)
    polygons = tuple(polygon for feature in features for polygon in feature.polygons)
    for polygon in polygons:
        _refuse_crossing(polygon, name)
    if not polygons:
        raise AreaInvalid(f"{name!r} holds no polygon: {_ADVICE}")
    return Area(chosen, polygons, name, sha256)


def parse_features(
    document: dict[str, Any], name: str, crs: CRS | None = None, *, max_points: int = _MAX_POINTS
) -> tuple[CRS, tuple[Feature, ...]]:
    """The features of a GeoJSON object; a bare geometry is one feature. Sides that cross are not looked for.

    Args:
        document: a geometry, a Feature or a FeatureCollection.
        name: what it is called in messages.
        crs: CRS of the coordinates when the caller states it; must not contradict the document.
        max_points: most points of all polygons together.

    Returns:
        The CRS of the coordinates, and the features in the order of the document, those without polygons too.

    Raises:
        AreaInvalid: something that is no polygon, or a ring that is none.
        ConfigError: when the caller's CRS contradicts the document's.
    """
    chosen = _chosen_crs(document, crs, name)
    features, points = [], 0
    for properties, item in _features(document):
        polygons = []
        for rings in _polygons(item, name):
            made = tuple(_ring(ring, name) for ring in rings)
            points += sum(map(len, made))
            if points > max_points:
                raise AreaInvalid(f"{name!r} has more than {max_points:,} points; simplify it")
            refuse_off_earth(np.concatenate(made), chosen, repr(name), _CRS_ADVICE)
            polygons.append(unwrapped_polygon(made, turn_of(chosen)))
        features.append(Feature(properties, tuple(polygons)))
    return chosen, tuple(features)


def _features(item: Any) -> Iterator[tuple[Mapping[str, Any], Any]]:
    """Properties and the object that holds the polygons, feature by feature."""
    match item:
        case {"type": "FeatureCollection", "features": list(parts)}:
            for part in parts:
                yield from _features(part)
        case {"type": "Feature", "properties": dict(properties)}:
            yield properties, item
        case _:
            yield {}, item


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise AreaInvalid(f"{path.name!r} has more than {_MAX_BYTES >> 20} MB; simplify the area")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name is none"
        raise AreaInvalid(f"the area {path.name!r} cannot be read: {reason}") from error


def _document(content: bytes, name: str) -> dict[str, Any]:
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise AreaInvalid(f"{name!r} is no GeoJSON: it cannot be read as JSON; {_ADVICE}") from error
    if not isinstance(document, dict) or not isinstance(document.get("type"), str):
        raise AreaInvalid(f"{name!r} is no GeoJSON: it has no type; {_ADVICE}")
    return document


def _chosen_crs(document: dict[str, Any], crs: CRS | None, name: str) -> CRS:
    member = document.get("crs")
    if member is None:
        return crs or CRS.from_user_input(WGS84)
    properties = member.get("properties") if isinstance(member, dict) else None
    text = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(text, str):
        raise AreaInvalid(f"{name!r} has a member 'crs' that names no CRS; correct or remove it")
    try:
        stated = parse_crs(text)
    except ConfigError as error:
        raise AreaInvalid(f"{name!r} names the CRS {text!r}, which is not known; correct its member 'crs'") from error
    if crs is not None and not same_crs(stated, crs):
        raise ConfigError(f"--aoi-crs {crs.name} contradicts {name!r}, which says {stated.name}; give one")
    return stated


def _polygons(item: Any, name: str) -> Iterator[Sequence[Any]]:
    """Rings of all polygons below an object."""
    match item:
        case {"type": "FeatureCollection", "features": list(parts)} | {
            "type": "GeometryCollection",
            "geometries": list(parts),
        }:
            for part in parts:
                yield from _polygons(part, name)
        case {"type": "Feature", "geometry": None}:
            return
        case {"type": "Feature", "geometry": geometry}:
            yield from _polygons(geometry, name)
        case {"type": "Polygon", "coordinates": list(rings)}:
            yield from [rings] if rings else []
        case {"type": "MultiPolygon", "coordinates": list(several)}:
            yield from (rings for rings in several if rings)
        case {"type": str(kind)}:
            raise AreaInvalid(f"{name!r} holds a {kind[:40]} that is no area: {_ADVICE}")
        case _:
            raise AreaInvalid(f"{name!r} is no GeoJSON: it holds something without a type; {_ADVICE}")


def _ring(positions: Any, name: str) -> Ring:
    """The points of a ring without the last one, which repeats the first."""
    try:
        points = np.array([[_number(x), _number(y)] for x, y, *_ in positions])
    except (TypeError, ValueError, OverflowError) as error:
        raise AreaInvalid(f"{name!r} has a ring with something else than positions [x, y] of two numbers") from error
    if not np.isfinite(points).all():
        raise AreaInvalid(f"{name!r} has a position that is no number")
    if len(points) < _MIN_POINTS or (points[0] != points[-1]).any():
        raise AreaInvalid(
            f"{name!r} has a ring of {len(points)} positions that is not closed: expected at least {_MIN_POINTS}, the "
            "last one the same as the first"
        )
    return points[:-1]


def _number(value: Any) -> float:
    """A JSON number; text such as "9.16" is none.

    Raises:
        TypeError: when it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(type(value).__name__)
    return float(value)


def refuse_off_earth(points: Ring, crs: CRS, what: str, advice: str) -> None:
    """Refuse coordinates that are said to be longitude and latitude and cannot be.

    Args:
        points: (point, 2).
        crs: what they are said to be in.
        what: what they belong to, for the message.
        advice: how metres get their CRS.

    Raises:
        AreaInvalid: with what may be the reason.
    """
    turn = turn_of(crs)
    if turn is None or not crs.is_geographic:
        return
    degrees = np.abs(points).max(axis=0) * 360 / turn
    if degrees[0] <= _MAX_LONGITUDE and degrees[1] <= _MAX_LATITUDE:
        return
    swapped = degrees[0] <= _MAX_LATITUDE and degrees[1] <= _MAX_LONGITUDE
    hint = "are longitude and latitude swapped?" if swapped else f"metres want their CRS: {advice}"
    raise AreaInvalid(f"{what} has coordinates that are no longitude and latitude; {hint}")


def unwrapped_polygon(polygon: Polygon, turn: float | None) -> Polygon:
    """The polygon with longitudes that run on: a side of more than half a turn crosses the antimeridian instead.

    A side of a whole turn, from -180 to 180, is the long one that is written.

    Args:
        polygon: rings of points (x, y), the outer one first.
        turn: how far x runs around the Earth, see ``landcover.raster.positions.turn_of``.
    """
    if turn is None:
        return polygon
    rings: list[Ring] = []
    for ring in polygon:
        jumps = np.diff(ring[:, 0], append=ring[:1, 0])
        turns = np.where(np.abs(jumps) < turn, np.round(jumps / turn), 0)
        x = ring[:, 0] - turn * np.concatenate([[0.0], np.cumsum(turns[:-1])])
        if rings:  # a hole, on the side of the antimeridian where its polygon lies
            outer = rings[0][:, 0]
            x = x + turn * round(float(outer.min() + outer.max() - x.min() - x.max()) / 2 / turn)
        rings.append(np.column_stack([x, ring[:, 1]]))
    return tuple(rings)


def _refuse_crossing(polygon: Polygon, name: str) -> None:
    crossing = crossing_sides(polygon)
    if crossing is not None:
        raise AreaInvalid(
            f"{name!r} has a polygon whose sides cross near {crossing[0]:.6g}, {crossing[1]:.6g}; correct it, for "
            "example with 'Fix geometries' in QGIS"
        )
    x, y = (polygon[0] - polygon[0].mean(axis=0)).T
    if np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) == 0:
        raise AreaInvalid(f"{name!r} has a polygon without area: its points lie on a line")

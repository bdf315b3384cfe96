"""Polygons with their attributes from the vector files that hubs have: GeoPackage, Shapefile (zipped or not), GeoJSON.

GeoJSON is read here, without OGR. The other two are opened by GDAL's OGR in this process, after a look at the first
bytes: what is neither is never shown to OGR, which knows many formats that refer to other files and addresses. So this
is for commands, whose user names files of their own. A service takes GeoJSON only, see ``landcover.raster.geojson``.

The coordinate reference system is the one that the file states; none is guessed.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from landcover.errors import AreaInvalid, ConfigError, NoCrs
from landcover.raster.digest import file_digest, files_digest
from landcover.raster.geojson import (
    Feature,
    parse_crs,
    parse_features,
    read_document,
    refuse_off_earth,
    unwrapped_polygon,
)
from landcover.raster.polygons import Polygon
from landcover.raster.positions import turn_of

MAX_POINTS: Final = 1_000_000
"""Of all polygons of a layer together: the outline of a large country in full detail."""

_MAX_FEATURES: Final = 100_000
_MAX_BYTES: Final = 1 << 30
_KINDS: Final = "a GeoPackage, a Shapefile (.shp with its .dbf, .prj and .shx, or all in one .zip) or GeoJSON"
_SQLITE: Final = b"SQLite format 3\x00"
_GPKG: Final = (b"GPKG", b"GP10", b"GP11")  # application ids of OGC 12-128
_GPKG_AT: Final = 68
_SHAPE: Final = b"\x00\x00\x27\x0a"  # file code 9994, ESRI Shapefile technical description
_ZIP: Final = b"PK\x03\x04"
_SIDECARS: Final = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_POLYGONAL: Final = ("Polygon", "Unknown", "GeometryCollection")  # in the names of geometry types
_POLYGON_IDS: Final = (3, 6)  # shapely's type ids of Polygon and MultiPolygon


@dataclass(frozen=True, slots=True, eq=False)
class VectorLayer:
    """A layer of polygons.

    Attributes:
        name: of the file, for messages and provenance.
        crs: of the coordinates (x, y).
        features: in the order of the file, those without polygons too.
        fields: names of the attributes.
        sha256: digest of the file; of an unpacked Shapefile, of its files together.
    """

    name: str
    crs: CRS
    features: tuple[Feature, ...]
    fields: tuple[str, ...]
    sha256: str


def read_layer(path: Path, *, layer: str | None = None) -> VectorLayer:
    """The polygons of one layer of a vector file.

    Args:
        path: a GeoPackage, a Shapefile or a GeoJSON file.
        layer: which layer, where the file has several of polygons.

    Raises:
        AreaInvalid: no such file, another format, a damaged file, something that is no polygon, or too many points.
        NoCrs: the file does not say what its coordinates mean.
        ConfigError: the file has no such layer, or several and none was chosen.
    """
    start = _first_bytes(path)
    if start.startswith(_ZIP):
        return _from_ogr(path, *_in_zip(path, layer))
    if start.startswith(_SHAPE) and path.suffix.lower() == ".shp":
        _refuse_other_layer(path, layer, [path.stem])
        return _from_ogr(path, str(path.resolve()), path.stem)
    if start.startswith(_SQLITE) and start[_GPKG_AT : _GPKG_AT + 4] in _GPKG:
        return _from_ogr(path, str(path.resolve()), _layer_of_gpkg(path, layer))
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return _from_geojson(path, layer)
    raise AreaInvalid(f"{path.name!r} is no vector file that is read here: expected {_KINDS}")


def _first_bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise AreaInvalid(f"{path.name!r} has more than {_MAX_BYTES >> 20} MB; simplify the polygons")
        with path.open("rb") as stream:
            return stream.read(_GPKG_AT + 64)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name is none"
        raise AreaInvalid(f"the polygons {path.name!r} cannot be read: {reason}") from error


def _from_geojson(path: Path, layer: str | None) -> VectorLayer:
    _refuse_other_layer(path, layer, [path.stem])
    document, sha256 = read_document(path)
    crs, features = parse_features(document, path.name, max_points=MAX_POINTS)
    return VectorLayer(path.name, crs, features, fields_of(features), sha256)


def fields_of(features: Sequence[Feature]) -> tuple[str, ...]:
    """Names of the attributes of all features, in the order in which they come."""
    return tuple(dict.fromkeys(field for feature in features for field in feature.properties))


def _refuse_other_layer(path: Path, wanted: str | None, known: Sequence[str]) -> None:
    if wanted is not None and wanted not in known:
        raise ConfigError(f"{path.name!r} has no layer {wanted!r}; it has {', '.join(known) or 'none'}")


def _chosen(path: Path, wanted: str | None, known: Sequence[str]) -> str:
    """The layer that was asked for, or the only one."""
    _refuse_other_layer(path, wanted, known)
    if wanted is None and len(known) != 1:
        raise (
            ConfigError(f"{path.name!r} has {len(known)} layers of polygons: choose one of {', '.join(known)}")
            if known
            else AreaInvalid(f"{path.name!r} has no layer of polygons")
        )
    return wanted or known[0]


def _in_zip(path: Path, layer: str | None) -> tuple[str, str]:
    """Where OGR finds a Shapefile in a zip, and its layer."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [entry for entry in archive.infolist() if not entry.filename.startswith("__MACOSX/")]
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise AreaInvalid(f"{path.name!r} is a damaged zip; expected {_KINDS}") from error
    shapes = {PurePosixPath(entry.filename).stem: entry for entry in members if _is_shape(entry.filename)}
    if not shapes:
        raise AreaInvalid(f"{path.name!r} is a zip without a .shp; expected {_KINDS}")
    if sum(entry.file_size for entry in members) > _MAX_BYTES:
        raise AreaInvalid(f"{path.name!r} unpacks to more than {_MAX_BYTES >> 20} MB; simplify the polygons")
    chosen = _chosen(path, layer, list(shapes))
    return f"/vsizip/{{{path.resolve()}}}/{shapes[chosen].filename}", chosen


def _is_shape(name: str) -> bool:
    return name.lower().endswith(".shp") and ".." not in PurePosixPath(name).parts


def _layer_of_gpkg(path: Path, wanted: str | None) -> str:
    import pyogrio  # noqa: PLC0415 - only commands that are given such a file need OGR

    try:
        with _quiet():
            layers = [(str(name), str(kind)) for name, kind in pyogrio.list_layers(str(path.resolve()))]
    except _ogr_errors() as error:
        raise _unreadable(path) from error
    return _chosen(path, wanted, [name for name, kind in layers if any(word in kind for word in _POLYGONAL)])


def _from_ogr(path: Path, source: str, layer: str) -> VectorLayer:
    """A layer that OGR reads, for example of ``/vsizip/``."""
    import pyogrio  # noqa: PLC0415 - as above
    import pyogrio.raw  # noqa: PLC0415

    try:
        with _quiet():
            info = pyogrio.read_info(source, layer=layer)
            _refuse_many(path, int(info["features"]), _MAX_FEATURES, "features")
            crs = _stated(path, info["crs"])
            _, _, blobs, columns = pyogrio.raw.read(source, layer=layer, force_2d=True)
    except _ogr_errors() as error:
        raise _unreadable(path) from error
    fields = tuple(map(str, info["fields"]))
    polygons = _polygons_of(path, blobs, crs)
    rows = zip(*map(_plain, columns), strict=True) if fields else ((),) * len(polygons)
    features = tuple(
        Feature(dict(zip(fields, row, strict=True)), parts) for row, parts in zip(rows, polygons, strict=True)
    )
    return VectorLayer(path.name, crs, features, fields, _digest(path))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without OGR's warnings: they are of what is refused here, or of nothing that matters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _ogr_errors() -> tuple[type[Exception], ...]:
    import pyogrio.errors as ogr  # noqa: PLC0415 - as above

    return ogr.DataSourceError, ogr.DataLayerError, ogr.FeatureError, ogr.GeometryError, ogr.FieldError


def _unreadable(path: Path) -> AreaInvalid:
    return AreaInvalid(f"{path.name!r} is damaged or incomplete and cannot be read; expected {_KINDS}")


def _refuse_many(path: Path, count: int, most: int, what: str) -> None:
    if count > most:
        raise AreaInvalid(f"{path.name!r} has {count:,} {what}, at most {most:,} are read; simplify it")


def _stated(path: Path, text: str | None) -> CRS:
    """The CRS that the file states; GeoPackage has two names for none."""
    if text is None or "Undefined " in text[:80]:
        raise NoCrs(
            f"{path.name!r} has no coordinate reference system; assign the right one, for example in QGIS under 'Set "
            "layer CRS'"
        )
    try:
        return parse_crs(text)
    except ConfigError as error:
        raise NoCrs(
            f"{path.name!r} has a coordinate reference system that has no place on Earth or is not known; assign an "
            "EPSG code, for example in QGIS"
        ) from error


def _plain(column: NDArray[Any]) -> list[Any]:
    """Values of a column as Python's own; missing ones are None."""
    return [None if value is None or value != value else value for value in column.tolist()]  # noqa: PLR0124 - NaN


def _polygons_of(path: Path, blobs: NDArray[Any] | None, crs: CRS) -> list[tuple[Polygon, ...]]:
    """The polygons of each feature from well-known binary; a missing geometry has none."""
    import shapely  # noqa: PLC0415 - as above

    if blobs is None:
        return []
    try:
        shapes = shapely.from_wkb(blobs)
    except (shapely.errors.GEOSException, TypeError, ValueError) as error:
        raise _unreadable(path) from error
    kinds = shapely.get_type_id(shapes)
    other = ~np.isin(kinds, (-1, *_POLYGON_IDS))
    if other.any():
        kind = shapes[other][0].geom_type
        raise AreaInvalid(f"{path.name!r} holds {int(other.sum())} features of the kind {kind}; expected polygons")
    _refuse_many(path, int(shapely.get_num_coordinates(shapes).sum()), MAX_POINTS, "points")
    points = shapely.get_coordinates(shapes)
    if not np.isfinite(points).all():
        raise AreaInvalid(f"{path.name!r} has a position that is no number; correct it")
    if len(points):
        refuse_off_earth(points, crs, repr(path.name), "assign it, for example in QGIS under 'Set layer CRS'")
    turn = turn_of(crs)
    return [
        tuple(unwrapped_polygon(_rings(part), turn) for part in shapely.get_parts(shape) if not part.is_empty)
        for shape in shapes
    ]


def _rings(polygon: Any) -> Polygon:
    """Outer ring and holes of shapely's polygon, not closed."""
    return tuple(np.asarray(ring.coords)[:-1] for ring in (polygon.exterior, *polygon.interiors))


def _digest(path: Path) -> str:
    if path.suffix.lower() != ".shp":
        return file_digest(path)
    return files_digest(one for one in path.parent.glob(f"{path.stem}.*") if one.suffix.lower() in _SIDECARS)

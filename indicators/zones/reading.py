"""Zones from vector files and from GeoJSON objects.

A file is a GeoPackage, a Shapefile or GeoJSON, opened in the process of a command. A service takes GeoJSON only, with
``parse_zones``: OGR, which knows formats that refer to other files and addresses, never sees what a stranger sends.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pyproj import CRS

from indicators.zones.errors import ZonesInvalid
from indicators.zones.zone import Zone, Zones
from landcover.errors import ConfigError
from landcover.raster.geojson import Area, Feature, parse_features
from landcover.raster.polygons import Polygon
from landcover.raster.vectors import VectorLayer, fields_of, read_layer

_USUAL: Final = "name"
_MAX_NAME: Final = 120


def read_zones(path: Path, *, layer: str | None = None, name_field: str | None = None) -> Zones:
    """The zones in a vector file.

    Features of one name are one zone. Without ``name_field`` the names come from the field "name", in whatever case;
    where there is none, zones are numbered in the order of the file, and a single feature has the name of the file.

    Args:
        path: a GeoPackage, a Shapefile (.shp or zipped) or GeoJSON.
        layer: which layer, where the file has several of polygons.
        name_field: attribute that names the zones.

    Raises:
        AreaInvalid: no such file, another format, something that is no polygon, or too many points.
        NoCrs: the file does not state the CRS of its coordinates; none is guessed.
        ConfigError: no such layer or field.
        ZonesInvalid: no polygons, polygons that are none, features without a name.
        ZonesOverlap: zones that share ground.
    """
    return zones_of(read_layer(path, layer=layer), name_field=name_field)


def parse_zones(document: dict[str, Any], name: str, *, name_field: str | None = None, crs: CRS | None = None) -> Zones:
    """The zones in a GeoJSON object, without OGR; otherwise as ``read_zones``.

    Args:
        document: a geometry, a Feature or a FeatureCollection.
        name: what it is called in messages and in provenance.
        name_field: property that names the zones.
        crs: CRS of the coordinates when the caller states it; must not contradict the document.

    Raises:
        SteppeError: as ``read_zones``.
    """
    stated, features = parse_features(document, name, crs)
    return zones_of(VectorLayer(name, stated, features, fields_of(features), ""), name_field=name_field)


def zones_of(layer: VectorLayer, *, name_field: str | None = None) -> Zones:
    """The zones of a layer that was read; arguments and errors as ``read_zones``."""
    named: dict[str, list[Polygon]] = {}
    for number, (name, feature) in enumerate(zip(_names(layer, name_field), layer.features, strict=True), start=1):
        if not feature.polygons:
            raise ZonesInvalid(f"feature {number} of {layer.name!r} has no polygon; remove or draw it")
        named.setdefault(name, []).extend(feature.polygons)
    sha256 = layer.sha256 or None
    zones = (Zone(name, Area(layer.crs, tuple(polygons), name, sha256)) for name, polygons in named.items())
    return Zones(layer.name, tuple(zones), sha256)


def _names(layer: VectorLayer, name_field: str | None) -> list[str]:
    """The zone that each feature belongs to."""
    field = _field(layer, name_field)
    if field is None and len(layer.features) == 1:
        return [Path(layer.name).stem]
    if field is None:
        return [f"zone {number}" for number in range(1, len(layer.features) + 1)]
    return [_name(feature, field, number, layer.name) for number, feature in enumerate(layer.features, start=1)]


def _field(layer: VectorLayer, wanted: str | None) -> str | None:
    if wanted is not None:
        if wanted not in layer.fields:
            raise ConfigError(f"{layer.name!r} has no field {wanted!r}; it has {_listed(layer.fields)}")
        return wanted
    return next((field for field in layer.fields if field.lower() == _USUAL), None)


def _listed(fields: Sequence[str]) -> str:
    return ", ".join(fields) or "none"


def _name(feature: Feature, field: str, number: int, file: str) -> str:
    value = feature.properties.get(field)
    whole = isinstance(value, float) and value.is_integer()
    text = "" if value is None else str(int(value) if whole else value).strip()
    if not text or len(text) > _MAX_NAME or not text.isprintable():
        raise ZonesInvalid(
            f"feature {number} of {file!r} has no usable name in field {field!r}: expected 1 to {_MAX_NAME} printable "
            "characters; fill it in or choose another field"
        )
    return text

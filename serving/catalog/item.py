"""STAC Items, checked: https://github.com/radiantearth/stac-spec/blob/v1.1.0/item-spec/item-spec.md."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from serving.catalog.dates import parse_time
from serving.catalog.errors import DatesInvalid, StacInvalid
from serving.fetch.errors import UrlBlocked, UrlInvalid, UrlScheme
from serving.fetch.fetcher import JSON_DEPTH
from serving.fetch.urls import parse_url
from serving.strictjson import check_depth

MAX_ASSETS: Final = 300
"""A Sentinel-2 Item has some forty."""

MAX_POINTS: Final = 2000
"""Of a footprint; those of scenes have up to a hundred."""

_MAX_ID: Final = 200
_MIN_RING: Final = 4
_VERSION: Final = re.compile(r"1\.[0-9]+\.[0-9]+(?:-[A-Za-z0-9.]+)?")
_PROJ_NUMBERS: Final[Mapping[str, tuple[int, ...]]] = {
    "proj:transform": (6, 9),
    "proj:bbox": (4, 6),
    "proj:shape": (2,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What Steppe reads of an Item.

    Attributes:
        id: its name.
        collection: that it is in, or None.
        geometry: GeoJSON Polygon or MultiPolygon, closed.
        address: its link ``self``, without a query, which may be a secret; None where that is no https address.
        moment: nominal time, UTC; of a range its beginning.
        properties: all of them.
        assets: by key; each an object with a text ``href``.
    """

    id: str
    collection: str | None
    address: str | None
    geometry: Mapping[str, Any]
    moment: datetime
    properties: Mapping[str, Any]
    assets: Mapping[str, Mapping[str, Any]]


def check_item(document: Any) -> Item:
    """An Item from JSON, or the reason why it is none.

    Raises:
        StacInvalid: naming the member.
    """
    try:
        check_depth(document, JSON_DEPTH)
    except ValueError as error:
        raise StacInvalid(f"the STAC Item cannot be used: {error}") from error
    if not isinstance(document, dict) or document.get("type") != "Feature":
        raise _wrong("type", "Feature")
    version = document.get("stac_version")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise _wrong("stac_version", "1.0.0 or 1.1.0")
    properties = document.get("properties")
    if not isinstance(properties, dict):
        raise _wrong("properties", "an object")
    _check_projection(properties)
    return Item(
        id=_identifier(document.get("id"), "id"),
        collection=None if document.get("collection") is None else _identifier(document["collection"], "collection"),
        address=_address(document.get("links")),
        geometry=_geometry(document.get("geometry")),
        moment=_moment(properties),
        properties=properties,
        assets=_assets(document.get("assets")),
    )


def _wrong(member: str, expected: str) -> StacInvalid:
    return StacInvalid(f"the STAC Item's member {member!r} is missing or wrong: expected {expected}")


def _identifier(value: Any, member: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_ID or not value.isprintable() or "/" in value:
        raise _wrong(member, f"printable text of at most {_MAX_ID} letters without a slash")
    return value


def _address(links: Any) -> str | None:
    """Where the Item says that it is; other links are nobody's business here."""
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("rel") == "self" and isinstance(link.get("href"), str):
            try:
                return str(parse_url(link["href"].partition("?")[0]))
            except (UrlInvalid, UrlScheme, UrlBlocked):
                return None
    return None


def _moment(properties: Mapping[str, Any]) -> datetime:
    text = properties.get("datetime") or properties.get("start_datetime")
    try:
        return parse_time(text if isinstance(text, str) else "")
    except DatesInvalid as error:
        raise _wrong("datetime", "an RFC 3339 time in UTC") from error


def _assets(value: Any) -> Mapping[str, Mapping[str, Any]]:
    if not isinstance(value, dict) or not value:
        raise _wrong("assets", "an object with the files of the scene")
    if len(value) > MAX_ASSETS:
        raise StacInvalid(f"the STAC Item has {len(value):,} assets, at most {MAX_ASSETS} are read; leave out the rest")
    for asset in value.values():
        if not isinstance(asset, dict) or not isinstance(asset.get("href"), str):
            raise _wrong("assets", "objects with an href")
        _check_projection(asset)
    return value


def _check_projection(holder: Mapping[str, Any]) -> None:
    """The projection extension, where it is used: what is not even numbers tells of a broken catalogue."""
    for name, lengths in _PROJ_NUMBERS.items():
        value = holder.get(name)
        if value is None:
            continue
        if not isinstance(value, list) or len(value) not in lengths or not all(map(_is_number, value)):
            raise _wrong(name, f"{' or '.join(map(str, lengths))} numbers")
    code, epsg = holder.get("proj:code"), holder.get("proj:epsg")
    if not isinstance(code, str | None) or not isinstance(epsg, int | None) or isinstance(epsg, bool):
        raise _wrong("proj:code", "a code such as EPSG:32633")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _geometry(value: Any) -> Mapping[str, Any]:
    match value:
        case {"type": "Polygon", "coordinates": list(rings)}:
            polygons: Sequence[Any] = [rings]
        case {"type": "MultiPolygon", "coordinates": list(several)}:
            polygons = several
        case _:
            raise _wrong("geometry", "a Polygon or MultiPolygon, the footprint of the scene")
    points = 0
    for ring in _rings(polygons):
        points += len(ring)
        if points > MAX_POINTS:
            raise StacInvalid(f"the STAC Item's footprint has more than {MAX_POINTS} points; simplify it")
        _check_ring(ring)
    return {"type": value["type"], "coordinates": value["coordinates"]}


def _rings(polygons: Sequence[Any]) -> Iterator[list[Any]]:
    if not polygons:
        raise _wrong("geometry", "at least one polygon")
    for polygon in polygons:
        if not isinstance(polygon, list) or not polygon or not all(isinstance(ring, list) for ring in polygon):
            raise _wrong("geometry", "polygons of rings")
        yield from polygon


def _check_ring(ring: list[Any]) -> None:
    for point in ring:
        if not isinstance(point, list) or len(point) not in {2, 3} or not all(map(_is_number, point)):
            raise _wrong("geometry", "positions of two numbers")
        if abs(point[0]) > 180 or abs(point[1]) > 90:  # noqa: PLR2004 - degrees
            raise _wrong("geometry", "longitudes up to 180 and latitudes up to 90 degrees")
    if len(ring) < _MIN_RING or ring[0] != ring[-1]:
        raise _wrong("geometry", "closed rings: at least four positions, the last one the same as the first")

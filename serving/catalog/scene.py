"""One scene of a catalogue: its band files and what is known of them, ready to be kept with a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from landcover.sensors import Radiometry
from serving.catalog.bands import band_assets, objects
from serving.catalog.errors import TileInvalid
from serving.catalog.item import Item
from serving.catalog.library import Library, Place
from serving.catalog.mgrs import parse_tile
from serving.catalog.radiometry import level_of, radiometry_of
from serving.fetch.reference import Reference

_MAX_TEXT: Final = 300
_CLOUDIEST: Final = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneAssets:
    """The band files of one scene.

    Attributes:
        id: of the Item.
        collection: of the Item, or None.
        bands: where each band is, in the order that was wanted.
        datetime: RFC 3339, UTC.
        level: processing level, or None.
        radiometry: scale and offset of the digital numbers, or None.
        cloud_cover: percent, or None.
        tile: MGRS tile such as ``33UUP``, or None.
        footprint: GeoJSON geometry, longitude and latitude.
        pixels: of the finest band, as the Item states; 0 = not stated. Good for costs; the files decide.
        licence: SPDX id or what the Item says, or None.
        attribution: who made it, or None.
        warnings: what has to be said when the scene is used.
        address: of the Item, or None.
    """

    id: str
    collection: str | None
    bands: Mapping[str, Reference]
    datetime: str
    level: str | None
    radiometry: Radiometry | None
    cloud_cover: float | None
    tile: str | None
    footprint: Mapping[str, Any]
    pixels: int = 0
    licence: str | None = None
    attribution: str | None = None
    warnings: tuple[str, ...] = ()
    address: str | None = None

    @property
    def order(self) -> tuple[float, str, str]:
        """The clearest first, unknown cloud cover last; then by date and name."""
        return (_CLOUDIEST + 1 if self.cloud_cover is None else self.cloud_cover), self.datetime, self.id

    def summary(self) -> Mapping[str, Any]:
        """What a client is told of it: no addresses of files."""
        return {
            "id": self.id,
            "collection": self.collection,
            "datetime": self.datetime,
            "cloud_cover": self.cloud_cover,
            "tile": self.tile,
            "bands": list(self.bands),
            "level": self.level,
            "scale": None if self.radiometry is None else self.radiometry.scale,
            "offset": None if self.radiometry is None else self.radiometry.offset,
            "geometry": self.footprint,
            "pixels": self.pixels,
            "license": self.licence,
            "attribution": self.attribution,
            "warnings": list(self.warnings),
        }

    def to_json(self) -> Mapping[str, Any]:
        """As it is kept with a job."""
        files = {band: place.to_json() for band, place in self.bands.items()}
        return {**self.summary(), "address": self.address, "files": files}

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> SceneAssets:
        """Back from ``to_json``."""
        return cls(
            id=kept["id"],
            collection=kept["collection"],
            bands={band: Reference.of_json(kept["files"][band]) for band in kept["bands"]},
            datetime=kept["datetime"],
            level=kept["level"],
            radiometry=None if kept["scale"] is None else Radiometry(kept["scale"], kept["offset"]),
            cloud_cover=kept["cloud_cover"],
            tile=kept["tile"],
            footprint=kept["geometry"],
            pixels=kept["pixels"],
            licence=kept["license"],
            attribution=kept["attribution"],
            warnings=tuple(kept["warnings"]),
            address=kept.get("address"),
        )


def scene_of(item: Item, place: Place, library: Library, wanted: Sequence[str]) -> SceneAssets:
    """The scene of a checked Item.

    Args:
        item: the Item.
        place: where it was read, against which its references count.
        library: follows references.
        wanted: the bands that are needed; others are not looked at.

    Raises:
        StacInvalid: when a band is missing, or the Item contradicts itself.
        DataError: when the address of a band must not be asked for.
    """
    assets = band_assets(item, wanted)
    radiometry, warnings = radiometry_of(item, assets)
    return SceneAssets(
        id=item.id,
        collection=item.collection,
        bands={band: library.reference(place, one.asset["href"]) for band, one in zip(wanted, assets, strict=True)},
        datetime=moment_text(item.moment),
        level=level_of(item),
        radiometry=radiometry,
        cloud_cover=cloud_cover_of(item),
        tile=tile_of(item),
        footprint=item.geometry,
        pixels=max(_pixels(one.asset, item.properties) for one in assets),
        licence=_text(item.properties.get("license")),
        attribution=_attribution(item),
        warnings=warnings,
        address=item.address,
    )


def moment_text(moment: datetime) -> str:
    """RFC 3339, whole seconds."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def cloud_cover_of(item: Item) -> float | None:
    """Percent, where the Item states a number that can be one."""
    value = item.properties.get("eo:cloud_cover")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _CLOUDIEST:
        return None
    return float(value)


def tile_of(item: Item) -> str | None:
    """MGRS tile, where the Item states one that exists."""
    properties = item.properties
    parts = (properties.get(f"mgrs:{name}") for name in ("utm_zone", "latitude_band", "grid_square"))
    stated = [properties.get("grid:code"), properties.get("s2:mgrs_tile"), "".join(str(part or "") for part in parts)]
    for text in stated:
        try:
            return str(parse_tile(str(text or "")))
        except TileInvalid:
            continue
    return None


def _pixels(asset: Mapping[str, Any], properties: Mapping[str, Any]) -> int:
    """From ``proj:shape``, whose members ``check_item`` found to be numbers."""
    shape = asset.get("proj:shape") or properties.get("proj:shape") or (0, 0)
    return max(int(shape[0]), 0) * max(int(shape[1]), 0)


def _attribution(item: Item) -> str | None:
    names = [_text(provider.get("name")) for provider in objects(item.properties, "providers")]
    return _text(", ".join(dict.fromkeys(name for name in names if name)))


def _text(value: Any) -> str | None:
    """Short printable text, or None."""
    return value[:_MAX_TEXT] if isinstance(value, str) and value and value.isprintable() else None

"""Which asset of an Item is which band: by names that are stated, never by position.

Names understood: a product's own (``B02``, ``B8A``, ``SR_B4``), with a resolution (``B02_10m``), and the common names
of the STAC eo extension. ``rededge`` of its first version stands for three bands of Sentinel-2 and names none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from landcover.sensors import PRODUCTS, canonical_band_name
from serving.catalog.errors import StacInvalid
from serving.catalog.item import Item

_RESOLUTION: Final = re.compile(r"(.+)_([0-9]{2})m")
_UNREAD: Final = frozenset({"thumbnail", "overview", "metadata"})
_FAR: Final = 1e9
_TIFF: Final = "image/tiff"
_RASTERS: Final = ("image/tiff", "image/jp2", "image/vnd.stac.geotiff", "application/x-geotiff")

_SENTINEL2: Final[Mapping[str, str]] = {
    # Keys and names of https://earth-search.aws.element84.com/v1, which numbers the red edges.
    "rededge1": "B05",
    "rededge2": "B06",
    "rededge3": "B07",
    **{band.common_name: band.name for band in PRODUCTS["sentinel-2-l1c"].bands},
}
_LANDSAT: Final[Mapping[str, str]] = {band.common_name: band.name for band in PRODUCTS["landsat-8-c2-l2"].bands}


@dataclass(frozen=True, slots=True)
class BandAsset:
    """One asset that holds one band.

    Attributes:
        band: the product's own name.
        key: key among the Item's assets.
        asset: the asset.
    """

    band: str
    key: str
    asset: Mapping[str, Any]

    @property
    def rank(self) -> tuple[int, int, float]:
        """Order among assets of the same band: readable address, TIFF before others, fine before coarse."""
        href, kind = self.asset["href"], self.asset.get("type")
        reachable = "://" not in href or href.startswith("https://")
        tiff = isinstance(kind, str) and kind.startswith(_TIFF)
        return int(not reachable), int(not tiff), self._pixel_m

    @property
    def _pixel_m(self) -> float:
        """Size of pixels where the asset states it."""
        match = _RESOLUTION.fullmatch(self.key)
        stated = [self.asset.get("gsd"), self.asset.get("raster:spatial_resolution")]
        stated += [band.get("spatial_resolution") for band in objects(self.asset, "raster:bands")]
        stated += [float(match[2])] if match else []
        return next((float(size) for size in stated if isinstance(size, int | float)), _FAR)


def objects(holder: Mapping[str, Any], member: str) -> Sequence[Mapping[str, Any]]:
    """The objects of a list member; empty when it is something else."""
    value = holder.get(member)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def is_landsat(item: Item) -> bool:
    """Whether the Item says that it is of Landsat 8 or 9."""
    return str(item.properties.get("platform", "")).lower() in {"landsat-8", "landsat-9"}


def band_assets(item: Item, wanted: Sequence[str]) -> tuple[BandAsset, ...]:
    """The assets of the wanted bands, in that order.

    Raises:
        StacInvalid: when a band is missing, or is in several files that are equally good.
    """
    found: dict[str, list[BandAsset]] = {}
    for key, asset in item.assets.items():
        band = _band_of(key, asset, common=_LANDSAT if is_landsat(item) else _SENTINEL2)
        if band is not None:
            found.setdefault(band, []).append(BandAsset(band, key, asset))
    missing = [band for band in wanted if (canonical_band_name(band) or band) not in found]
    if missing:
        raise StacInvalid(
            f"the STAC Item {item.id!r} has no asset for the bands {', '.join(missing)}; it has "
            f"{', '.join(sorted(found)) or 'none that are known by name'}"
        )
    return tuple(_best(found[canonical_band_name(band) or band], item) for band in wanted)


def _best(assets: list[BandAsset], item: Item) -> BandAsset:
    first, *others = sorted(assets, key=lambda one: one.rank)
    if others and others[0].rank == first.rank and others[0].asset["href"] != first.asset["href"]:
        raise StacInvalid(
            f"the STAC Item {item.id!r} has band {first.band} in {first.key!r} and in {others[0].key!r}; leave one out"
        )
    return first


def _band_of(key: str, asset: Mapping[str, Any], *, common: Mapping[str, str]) -> str | None:
    """The band of an asset; None when it holds none, or several."""
    kind, roles = asset.get("type"), asset.get("roles")
    if isinstance(kind, str) and not kind.startswith(_RASTERS):
        return None
    if isinstance(roles, list) and _UNREAD.intersection(role for role in roles if isinstance(role, str)):
        return None
    stated = objects(asset, "bands") or objects(asset, "eo:bands")
    if len(stated) > 1:
        return None
    match = _RESOLUTION.fullmatch(key)
    names = [match[1] if match else key.removesuffix("-jp2")]
    for entry in stated:
        names += [str(entry.get("name", "")), str(entry.get("eo:common_name") or entry.get("common_name") or "")]
    known = {band for name in names if (band := canonical_band_name(name) or common.get(name.casefold()))}
    if len(known) > 1:
        raise StacInvalid(f"the STAC Item's asset {key[:40]!r} is named as the bands {', '.join(sorted(known))}")
    return known.pop() if known else None

"""What the numbers of an Item's bands mean: from what it says, never from pixels; what was believed is said.

Three statements occur. ``scale`` and ``offset`` of the raster extension, per asset. ``earthsearch:boa_offset_applied``:
the catalogue subtracted Sentinel-2's offset of 1000 when it made its files. The processing baseline, from which ESA's
own files follow: 04.00 and later have the offset, https://sentiwiki.copernicus.eu/web/s2-processing. They contradict
each other in public catalogues, where the raster extension kept the offset after it had been subtracted, and where the
flag denies a subtraction that was made (https://github.com/Element84/earth-search/issues/9, 66 and 71). Nothing in an
Item shows which is right, so one order is kept and every doubt becomes a warning.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from landcover.errors import LevelMismatch, RadiometryMismatch
from landcover.raster.metadata import Statement, agreed_level, agreed_radiometry
from landcover.sensors import Radiometry, get_product
from serving.catalog.bands import BandAsset, is_landsat, objects
from serving.catalog.errors import StacInvalid
from serving.catalog.item import Item

_FLAGS: Final = ("earthsearch:boa_offset_applied", "sentinel:boa_offset_applied")
_BASELINES: Final = ("s2:processing_baseline", "sentinel:processing_baseline", "processing:version")
_BASELINE: Final = re.compile(r"([0-9]{2})\.([0-9]{2})")
_OFFSET_BASELINE: Final = (4, 0)
_PRODUCT_NAME: Final = re.compile(r"S2[A-Z]_MSI(L1C|L2A)_")
_COLLECTION_LEVEL: Final = re.compile(r"(?:^|[-_])(l1c|l2a)(?:$|[-_])")


def level_of(item: Item) -> str | None:
    """The processing level that the Item states, or None.

    Raises:
        StacInvalid: when it states two.
    """
    said = [Statement(text, f"the Item's {name}") for name, text in _levels(item)]
    try:
        return agreed_level(said)
    except LevelMismatch as error:
        raise StacInvalid(f"the STAC Item contradicts itself: {error}") from error


def _levels(item: Item) -> list[tuple[str, str]]:
    properties = item.properties
    if is_landsat(item):
        correction = properties.get("landsat:correction")
        return [("landsat:correction", correction)] if isinstance(correction, str) else []
    found = []
    stated = properties.get("processing:level")
    if isinstance(stated, str) and len(stated) <= len("Level-2A"):
        found.append(("processing:level", stated))
    kind = properties.get("s2:product_type")
    if isinstance(kind, str) and kind in {"S2MSI1C", "S2MSI2A"}:
        found.append(("s2:product_type", f"L{kind[-2:]}"))
    name = _PRODUCT_NAME.match(str(properties.get("s2:product_uri", "")))
    if name:
        found.append(("s2:product_uri", name[1]))
    collection = _COLLECTION_LEVEL.search(item.collection or "")
    if collection:
        found.append(("collection", collection[1].upper()))
    return found


def radiometry_of(item: Item, assets: Sequence[BandAsset]) -> tuple[Radiometry | None, tuple[str, ...]]:
    """Scale and offset of the bands, and what has to be said about them.

    Returns:
        the radiometry, None when nothing is stated; and warnings.

    Raises:
        StacInvalid: when bands state different ones, or what is stated cannot be.
    """
    try:
        stated = agreed_radiometry(
            Statement(value, f"asset {one.key[:40]!r}") for one in assets if (value := _stated(one.asset)) is not None
        )
    except RadiometryMismatch as error:
        raise StacInvalid(f"the STAC Item states a radiometry that cannot be used: {error}") from error
    if is_landsat(item):
        return stated, () if stated else (_silent(item),)
    return _of_sentinel2(item, stated)


def _stated(asset: Mapping[str, Any]) -> Radiometry | None:
    """Scale and offset of the raster extension, version 1 or 2; a missing one is the identity, as it defines."""
    holders: list[tuple[Mapping[str, Any], str]] = [(band, "") for band in objects(asset, "raster:bands")]
    holders += [(band, "raster:") for band in objects(asset, "bands")] + [(asset, "raster:")]
    for holder, prefix in holders:
        scale, offset = holder.get(f"{prefix}scale"), holder.get(f"{prefix}offset")
        if scale is None and offset is None:
            continue
        return Radiometry(_number(scale, 1.0), _number(offset, 0.0))
    return None


def _number(value: Any, default: float) -> float:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise RadiometryMismatch("scale or offset is no number")
    return float(value)


def _of_sentinel2(item: Item, stated: Radiometry | None) -> tuple[Radiometry | None, tuple[str, ...]]:
    applied = next((value for name in _FLAGS if isinstance(value := item.properties.get(name), bool)), None)
    delivered = _delivered(item)
    plain = get_product("sentinel-2-l2a").radiometry
    if applied:
        if stated is not None and not _same(stated, plain):
            return plain, (
                f"{item.id}: the Item says that the offset of baseline 04.00 was subtracted already "
                f"(boa_offset_applied), and states offset {stated.offset:g} all the same; scale {plain.scale:g} and "
                "offset 0 were used",
            )
        return plain, ()
    chosen = stated or delivered
    if chosen is None:
        return None, (_silent(item),)
    return chosen, tuple(_doubts(item, chosen, stated=stated, delivered=delivered, applied=applied))


def _doubts(
    item: Item, chosen: Radiometry, *, stated: Radiometry | None, delivered: Radiometry | None, applied: bool | None
) -> list[str]:
    used = f"scale {chosen.scale:g} and offset {chosen.offset:g} were used"
    doubts = []
    if stated is None:
        doubts.append(f"{item.id}: the Item states no scale and offset; from its processing baseline, {used}")
    elif delivered is not None and not _same(stated, delivered):
        doubts.append(
            f"{item.id}: the Item's scale and offset are not those of its processing baseline (offset "
            f"{delivered.offset:g}); {used}"
        )
    if applied is False and delivered is not None and delivered.offset != 0:
        doubts.append(
            f"{item.id}: the Item says that the offset was not subtracted (boa_offset_applied), which catalogues "
            f"are known to say of some scenes where it was; {used}: compare with another date"
        )
    return doubts


def _delivered(item: Item) -> Radiometry | None:
    """What ESA's own files of this baseline mean."""
    for name in _BASELINES:
        match = _BASELINE.fullmatch(str(item.properties.get(name, "")))
        if match:
            late = (int(match[1]), int(match[2])) >= _OFFSET_BASELINE
            return get_product("sentinel-2-l2a-0400" if late else "sentinel-2-l2a").radiometry
    return None


def _silent(item: Item) -> str:
    return f"{item.id}: the Item states neither scale and offset nor a processing baseline; the files decide"


def _same(one: Radiometry, other: Radiometry) -> bool:
    return math.isclose(one.scale, other.scale, rel_tol=1e-6) and math.isclose(
        one.offset, other.offset, rel_tol=1e-6, abs_tol=1e-9
    )

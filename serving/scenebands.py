"""Open a scene by the letters of spectral indices: which band of which sensor is red."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from landcover.errors import BandMapping, DtypeMismatch, RadiometryMismatch
from landcover.raster.band_names import band_key
from landcover.raster.scene import Scene, existing
from landcover.sensors import PRODUCTS, Product, Radiometry, get_product
from serving.opener import IN_PROCESS, Opener

DTYPES: Final = ("uint16", "int16", "float32")
"""Sample types of digital numbers, and of reflectance."""

_COLOURS: Final[Mapping[str, tuple[str, ...]]] = {
    "B": ("blue",),
    "G": ("green",),
    "R": ("red",),
    "N": ("nir", "nir08"),
    "S1": ("swir16",),
    "S2": ("swir22",),
}
"""Common names of the STAC eo extension by letter; the first that a product has."""

_NARROW: Final = {"nir": "nir08"}
_DISPLAY: Final = "display"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What the caller says of a scene.

    Attributes:
        bands: names of the file's bands in file order, or None.
        product: id of a product, or None; stands for its bands, scale and offset.
    """

    bands: tuple[str, ...] | None = None
    product: str | None = None


UNSTATED: Final = Stated()


@dataclass(frozen=True, slots=True)
class LetteredScene:
    """An opened scene whose bands are known by letter.

    Attributes:
        scene: its bands in the order of ``letters``; closed by whoever opened it.
        letters: band name by letter.
        radiometry: digital numbers to reflectance.
    """

    scene: Scene
    letters: Mapping[str, str]
    radiometry: Radiometry


def open_lettered(path: Path, letters: Sequence[str], stated: Stated, opener: Opener = IN_PROCESS) -> LetteredScene:
    """Open the bands that some letters stand for.

    Args:
        path: a scene as ``landcover.raster.scene.open_scene`` takes it.
        letters: which bands, see ``indicators.spectral.registry.BANDS``.
        stated: what the caller says.
        opener: who opens it.

    Raises:
        BandMapping: when the scene does not have the bands by any names that are known.
        DtypeMismatch: when its samples are neither digital numbers nor reflectance.
        RadiometryMismatch: when nobody states how they become reflectance, or they are no reflectance.
        DataError: when it cannot be opened.
        ConfigError: when the product is not known.
    """
    product = get_product(stated.product) if stated.product else None
    if product is not None and product.level == _DISPLAY:
        raise RadiometryMismatch(
            f"product {product.id!r} holds display values, not reflectance, of which no index can be computed"
        )
    families = [family for family in _families(product, letters) if _named(family, stated.bands)]
    for family in families:
        scene = _opened(existing(path), family, stated.bands, product, opener)
        if scene is not None:
            return _lettered(scene, family)
    raise BandMapping(f"{existing(path).name!r} does not name the bands {_wanted(letters)}; name them with --bands")


def _lettered(scene: Scene, family: Mapping[str, str]) -> LetteredScene:
    if scene.radiometry is None:
        scene.close()
        raise RadiometryMismatch(
            f"{scene.identifier!r} does not state how its numbers become reflectance; name its product with --product, "
            f"one of {', '.join(name for name, one in PRODUCTS.items() if one.level != _DISPLAY)}"
        )
    return LetteredScene(scene, dict(family), scene.radiometry)


def _families(product: Product | None, letters: Sequence[str]) -> list[dict[str, str]]:
    """Names of the bands by letter, of one product or of all sensors that are known; plain names last."""
    products = [product] if product else [get_product("sentinel-2-l2a"), get_product("landsat-8-c2-l2")]
    found = []
    for one in products:
        names = {band.common_name: band.name for band in one.bands}
        wide = {letter: next((names[c] for c in _COLOURS[letter] if c in names), "") for letter in letters}
        narrow = wide | {"N": names.get(_NARROW["nir"], "")} if "N" in letters else wide
        found += [wide, *([narrow] if narrow != wide else [])]
    found.append({letter: _COLOURS[letter][0] for letter in letters})
    return [family for family in found if all(family.values())]


def _named(family: Mapping[str, str], bands: Sequence[str] | None) -> bool:
    """Whether the names that the caller gives to the bands, if any, are those of a family."""
    return bands is None or {band_key(name) for name in family.values()} <= {band_key(name) for name in bands}


def _opened(
    path: Path, family: Mapping[str, str], bands: tuple[str, ...] | None, product: Product | None, opener: Opener
) -> Scene | None:
    """The scene; None when it does not have these bands.

    Raises:
        BandMapping: when the caller's names do not fit the file.
        DtypeMismatch: when its samples are of another type.
    """
    mismatch = None
    for dtype in DTYPES:
        try:
            return opener.scene(
                path,
                bands_wanted=tuple(family.values()),
                bands=bands,
                level=product.level if product else None,
                radiometry=product.radiometry if product else None,
                dtype_wanted=dtype,
            )
        except BandMapping:
            if bands is not None:
                raise
            return None
        except DtypeMismatch as error:
            mismatch = error
    raise DtypeMismatch(
        f"{path.name!r} holds neither digital numbers (uint16, int16) nor reflectance (float32); give the product as "
        "it was delivered, not rendered"
    ) from mismatch


def _wanted(letters: Sequence[str]) -> str:
    """What the letters are called by each sensor."""
    families = _families(None, letters)
    return ", ".join(
        f"{letter} ({' or '.join(dict.fromkeys(family[letter] for family in families))})" for letter in letters
    )

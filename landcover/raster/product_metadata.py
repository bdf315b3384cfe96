"""Level, radiometry and date of a product made of many files: from its metadata file and from its names.

Sentinel-2: reflectance = (DN + RADIO_ADD_OFFSET) / QUANTIFICATION_VALUE for L1C, with BOA_ADD_OFFSET for L2A; the
offsets came with processing baseline 04.00 (-1000 DN) and are per band,
https://sentiwiki.copernicus.eu/web/s2-processing. Names: https://sentiwiki.copernicus.eu/web/s2-products.
Landsat Collection 2: https://www.usgs.gov/landsat-missions/landsat-collection-2-level-2-science-products.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from landcover.errors import RadiometryMismatch
from landcover.raster.metadata import Statement
from landcover.raster.product_xml import Leaf, read_leaves
from landcover.sensors import Radiometry, canonical_band_name, get_product

_BAND_IDS: Final = get_product("sentinel-2-l1c").band_names  # band_id 0..12 in metadata files
_SAFE_NAME: Final = re.compile(r"S2[A-Z]_MSI(?P<level>L1C|L2A)_(?P<start>\d{8}T\d{6})_N(?P<baseline>\d{4})_")
_TILE_FILE: Final = re.compile(
    r"(?:(?P<level>L2A|L1C)_)?T\d{2}[A-Z]{3}_(?P<start>\d{8}T\d{6})_[A-Z0-9]+(?P<gsd>_\d0m)?"
)
_LANDSAT_FILE: Final = re.compile(r"LC0(?P<platform>[89])_(?P<level>L\w{3})_\d{6}_(?P<date>\d{8})_\d{8}_02_")
_OFFSET_BASELINE: Final = 400  # 04.00


@dataclass(slots=True)
class ProductStatements:
    """Everything the product says about itself, with where it says so; the date is the first one found."""

    levels: list[Statement[str]] = field(default_factory=list)
    radiometries: list[Statement[Radiometry]] = field(default_factory=list)
    datetimes: list[str] = field(default_factory=list)


def product_root(folder: Path) -> Path:
    """The SAFE folder that a granule, IMG_DATA or resolution folder lies in; otherwise the folder itself."""
    root = folder.absolute()
    if re.fullmatch(r"R\d0m", root.name):
        root = root.parent
    if root.name == "IMG_DATA":
        root = root.parent
    if root.parent.name == "GRANULE":
        root = root.parent
    return root.parent if root.name == "GRANULE" else root


def _metadata_file(folder: Path) -> Path | None:
    for pattern in ("MTD_MSIL*.xml", "*_MTD_SAFL*.xml"):  # compact names since 2016, and before
        for path in sorted(folder.glob(pattern)):
            return path
    return None


def product_statements(root: Path, files: Sequence[Path], bands: Sequence[str]) -> ProductStatements:
    """Collect what metadata file, folder name and file names say.

    Args:
        root: from ``product_root``.
        files: the files of the wanted bands.
        bands: the wanted bands.

    Raises:
        RasterUnreadable: when the metadata file is no XML that is read.
        RadiometryMismatch: when its numbers are none.
    """
    said = ProductStatements()
    metadata_file = _metadata_file(root)
    if metadata_file:
        _from_xml(said, metadata_file, bands)
    _from_safe_name(said, root.name)
    for path in files:
        _from_tile_file(said, path.name)
        _from_landsat_file(said, path.name)
    return said


def _from_xml(said: ProductStatements, path: Path, bands: Sequence[str]) -> None:
    leaves = read_leaves(path)
    said.levels += [Statement(leaf.text, repr(path.name)) for leaf in leaves.get("PROCESSING_LEVEL", [])]
    said.datetimes += [leaf.text for leaf in leaves.get("PRODUCT_START_TIME", [])]
    quantification = leaves.get("BOA_QUANTIFICATION_VALUE") or leaves.get("QUANTIFICATION_VALUE")
    if not quantification:
        return
    offsets = leaves.get("BOA_ADD_OFFSET") or leaves.get("RADIO_ADD_OFFSET") or []
    try:
        divisor, added = float(quantification[0].text), _offsets_by_band(offsets)
        pairs = [(band, Radiometry(1 / divisor, added.get(canonical_band_name(band), 0.0) / divisor)) for band in bands]
    except (ValueError, KeyError, IndexError, ZeroDivisionError) as error:
        raise RadiometryMismatch(f"{path.name!r} states an unusable quantification value or offset") from error
    said.radiometries += [Statement(value, f"{path.name!r} for {band}") for band, value in pairs]


def _offsets_by_band(leaves: Sequence[Leaf]) -> dict[str | None, float]:
    return {_BAND_IDS[int(leaf.attributes["band_id"])]: float(leaf.text) for leaf in leaves}


def _from_safe_name(said: ProductStatements, name: str) -> None:
    match = _SAFE_NAME.match(name)
    if not match:
        return
    said.levels.append(Statement(match["level"], f"the product name {name!r}"))
    said.datetimes.append(match["start"])
    suffix = "-0400" if int(match["baseline"]) >= _OFFSET_BASELINE else ""
    product = get_product(f"sentinel-2-{match['level'].lower()}{suffix}")
    said.radiometries.append(Statement(product.radiometry, f"the processing baseline in the product name {name!r}"))


def _from_tile_file(said: ProductStatements, name: str) -> None:
    """Sentinel-2 image names; only L2A images carry their resolution (``_10m``)."""
    match = _TILE_FILE.match(name)
    if not match:
        return
    said.datetimes.append(match["start"])
    level = match["level"] or ("L2A" if match["gsd"] else None)
    if level:
        said.levels.append(Statement(level, f"the file name {name!r}"))


def _from_landsat_file(said: ProductStatements, name: str) -> None:
    match = _LANDSAT_FILE.match(name)
    if not match:
        return
    said.levels.append(Statement(match["level"], f"the file name {name!r}"))
    said.datetimes.append(match["date"])
    if match["level"] == "L2SP":
        product = get_product(f"landsat-{match['platform']}-c2-l2")
        said.radiometries.append(Statement(product.radiometry, f"the file name {name!r}"))

"""Small rasters made by code, for tests of reading and writing."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning

BANDS = ("B02", "B03", "B04", "B08")
UTM33 = "EPSG:32633"


def north_up(pixel=10.0):
    """Upper left corner at 500 km east, 5500 km north."""
    return Affine(pixel, 0, 500_000, 0, -pixel, 5_500_000)


def numbers(bands, height, width, *, seed=0, low=1, high=4000):
    """Random digital numbers (band, row, col) uint16, none of them 0."""
    return np.random.default_rng(seed).integers(low, high, (bands, height, width), dtype=np.uint16)


def write_tiff(path, data, *, names=None, tags=None, domain_tags=None, mask=None, scaling=None, **profile):
    """Write (band, row, col) as TIFF.

    Args:
        path: the file.
        data: its pixels.
        names: band descriptions, None for unnamed bands.
        tags: dataset tags.
        domain_tags: tags of other metadata domains, {domain: {key: value}}.
        mask: (row, col) bool, stored as internal mask.
        scaling: (scale, offset) for each band.
        profile: rasterio's creation profile, over the defaults.
    """
    profile = {
        "driver": "GTiff",
        "count": data.shape[0],
        "height": data.shape[1],
        "width": data.shape[2],
        "dtype": data.dtype.name,
        "crs": UTM33,
        "transform": north_up(),
    } | profile
    with (
        warnings.catch_warnings(),
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"),
    ):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # some rasters lack a transform on purpose
        with rasterio.open(path, "w", **profile) as dataset:
            if names:
                dataset.descriptions = names
            if scaling:
                dataset.scales, dataset.offsets = zip(*scaling, strict=True)
            dataset.update_tags(**(tags or {}))
            for domain, values in (domain_tags or {}).items():
                dataset.update_tags(ns=domain, **values)
            dataset.write(data)  # after the header, so that a file cut short keeps its header
            if mask is not None:
                dataset.write_mask(mask)
    return Path(path)


def write_jp2(path, data, **profile):
    """Write (row, col) as lossless JPEG 2000 in small tiles."""
    lossless = {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES", "blockxsize": 64, "blockysize": 64}
    return write_tiff(path, data[None], **(lossless | profile))


def write_band_folder(folder, bands, *, prefix="T33UUU_20170216T102101_", suffix=".jp2", pixel=10.0):
    """Write one file for each band, {name: (row, col) array}; the largest array has pixels of ``pixel`` metres."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    widest = max(data.shape[1] for data in bands.values())
    for name, data in bands.items():
        transform = north_up(pixel * widest / data.shape[1])
        path = Path(folder) / f"{prefix}{name}{suffix}"
        if suffix == ".jp2":
            write_jp2(path, data, transform=transform)
        else:
            write_tiff(path, data[None], transform=transform)
    return Path(folder)


def cut(path, share):
    """Cut a file to a share of its bytes."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path

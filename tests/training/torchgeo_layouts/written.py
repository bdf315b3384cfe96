"""What a layout wrote, and how it writes rasters and pictures."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning

HEIGHT, WIDTH = 64, 72


@dataclass
class Written:
    """One scene as it was written.

    ``image_BHW`` holds digital numbers of all bands that the config keeps (both dates), ``labels_HW`` the data set's
    own classes by the number that its documentation gives them, ``exact`` is False for lossy pictures.
    """

    image_BHW: np.ndarray
    labels_HW: np.ndarray
    split: str | None = None
    exact: bool = True


def draw(seed, bands, *, high, height=HEIGHT, width=WIDTH, dtype=np.uint16):
    """Smooth enough for JPEG, different in every band, no pixel with 0 in all bands but for a nodata corner."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(0.2, 0.9, height)[:, None] * np.linspace(0.3, 1.0, width)
    gains = rng.uniform(0.4, 1.0, (bands, 1, 1))
    return (1 + gains * ramp * (high - 2)).astype(dtype)


def stripes(codes, *, height=HEIGHT, width=WIDTH, shift=0):
    """Every code in a stripe of columns; the order turns with ``shift`` so that scenes differ."""
    codes = np.roll(np.array(codes), shift)
    return np.broadcast_to(codes[np.arange(width) * len(codes) // width], (height, width))


def picture(path: Path, array, **options):
    """A PNG, JPEG or JPEG 2000 of HW or HW3 bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(array)).save(path, **options)


def raster(path: Path, bands_BHW, *, crs=None, transform=None, nodata=None, driver="GTiff", **options):
    """A raster; without a CRS it is a plain picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = bands_BHW.shape
    profile = {"driver": driver, "count": count, "height": height, "width": width, "dtype": bands_BHW.dtype}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **profile, crs=crs, transform=transform, nodata=nodata, **options) as out:
            out.write(np.ascontiguousarray(bands_BHW))

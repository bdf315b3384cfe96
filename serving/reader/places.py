"""What a reader may read: its input, and what Python, GDAL and PROJ consist of."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from typing import Final

import pyproj
import rasterio
from rasterio.env import GDALDataFinder, PROJDataFinder

import landcover
import serving
from landcover.raster.product_metadata import product_root

_METADATA: Final = ("MTD_MSIL*.xml", "*_MTD_SAFL*.xml")


def input_places(place: Path) -> list[Path]:
    """What belongs to an input: the file, or the folder, or the whole product that a folder is a part of.

    Links in a folder are followed only to what lies in it.

    Args:
        place: absolute path of the input.
    """
    if place.suffix.lower() == ".xml":
        place = place.parent
    if not place.is_dir():
        return [place]
    root = product_root(place)
    return [root if _is_product(root) else place]


def runtime_places() -> list[Path]:
    """Folders that libraries may load more of themselves from.

    A folder with the source code of Steppe has other things beside it: only its packages are among them.
    """
    paths = sysconfig.get_paths()
    packages = [Path(entry) for entry in sys.path if Path(entry).name in {"site-packages", "dist-packages"}]
    own = [Path(package.__path__[0]) for package in (landcover, serving)]
    libraries = [Path(rasterio.__file__).parent, Path(pyproj.__file__).parent]
    return [Path(paths["stdlib"]), *packages, *own, *libraries, *_data_places()]


def _data_places() -> list[Path]:
    """Where GDAL and PROJ have their tables, wherever the system or an operator put them."""
    found = [GDALDataFinder().search(), PROJDataFinder().search(), pyproj.datadir.get_data_dir()]
    stated = [os.environ.get(name) for name in ("GDAL_DATA", "PROJ_DATA", "PROJ_LIB")]
    return [Path(part) for entry in (*found, *stated) if entry for part in str(entry).split(os.pathsep)]


def _is_product(root: Path) -> bool:
    return root.suffix == ".SAFE" or any(path for pattern in _METADATA for path in root.glob(pattern))

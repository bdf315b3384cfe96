"""A small version of a large map of codes, from its overviews: for pictures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy.typing as npt
from affine import Affine
from rasterio.enums import Resampling

from landcover.grid import Grid
from landcover.raster.georeference import grid_of
from landcover.raster.opening import open_raster, pixel_errors, reading_env
from landcover.raster.protocol import DEFAULT_POLICY


def read_decimated(path: Path, most: int) -> tuple[npt.NDArray[Any], Grid]:
    """The pixels of a map of one band, no more than so many along a side, and their grid.

    Args:
        path: the map; with overviews only these are read.
        most: longest side, pixels.

    Raises:
        DataError: when it cannot be read.
    """
    with reading_env():
        file, dataset = open_raster(path, DEFAULT_POLICY)
        with dataset:
            grid = grid_of(dataset, file.name)
            step = max(1.0, max(grid.height, grid.width) / most)
            height, width = (max(1, math.ceil(side / step)) for side in (grid.height, grid.width))
            with pixel_errors(file.path):
                codes_HW = dataset.read(1, out_shape=(height, width), resampling=Resampling.nearest)
    scale = Affine.scale(grid.width / width, grid.height / height)
    return codes_HW, Grid(grid.crs, grid.transform @ scale, height, width)

"""Small class maps made by code, with their areas."""

from __future__ import annotations

import numpy as np
from affine import Affine
from pyproj import CRS

from indicators.areas import ClassAreas
from landcover.grid import Grid
from landcover.legends import get_legend

LEGEND = get_legend("unccd7")


def utm(height, width, *, epsg=32636, x=500_000.0, y=4_000_000.0, size=10.0):
    return Grid(CRS.from_epsg(epsg), Affine(size, 0, x, 0, -size, y), height, width)


def geographic(height, width, *, west=10.0, north=60.0, size=0.001):
    return Grid(CRS.from_epsg(4326), Affine(size, 0, west, 0, -size, north), height, width)


def patches(height, width, *, codes=(1, 2, 3, 4, 5, 6, 7, 255), side=16, seed=0):
    """Square patches of random classes."""
    rng = np.random.default_rng(seed)
    small = rng.choice(np.array(codes, np.uint8), (-(-height // side), -(-width // side)))
    return np.repeat(np.repeat(small, side, axis=0), side, axis=1)[:height, :width]


def areas(grid, codes, legend=LEGEND):
    counter = ClassAreas(grid, legend, nodata=legend.nodata)
    counter.add(0, codes)
    return counter.table()

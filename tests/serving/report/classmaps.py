"""Class maps made by code."""

import numpy as np
from affine import Affine
from pyproj import CRS

from landcover.grid import Grid
from landcover.legends import get_legend
from landcover.raster.cog import MapWriter

UTM = Grid(CRS.from_epsg(32633), Affine(30, 0, 500_000, 0, -30, 5_500_000), 60, 80)


def class_codes(height=60, width=80, *, seed=0):
    """Codes of unccd7, mostly of large classes; a corner has no data."""
    codes = np.random.default_rng(seed).choice([1, 2, 3, 7], (height, width), p=[0.05, 0.25, 0.4, 0.3])
    codes[:6, :9] = 255
    return codes.astype(np.uint8)


def write_map(path, codes=None, *, grid=UTM, legend="unccd7"):
    """A map as Steppe writes it: with its legend in a tag."""
    codes = class_codes() if codes is None else codes
    found = get_legend(legend)
    with MapWriter(path, grid, dtype=found.dtype.name, nodata=found.nodata, legend=found) as writer:
        writer.write_rows(0, codes.astype(found.dtype))
    return path

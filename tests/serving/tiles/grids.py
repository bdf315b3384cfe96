"""Grids in many corners of the Earth, and GDAL's own nearest pixel as the oracle of what a tile shows."""

import math

import numpy as np
import rasterio
from affine import Affine
from pyproj import CRS
from rasterio.enums import Resampling
from rasterio.warp import reproject

from landcover.grid import Grid
from landcover.legends import get_legend
from landcover.raster.cog import MapWriter
from serving.tiles.matrix import Tile, zoom_grid

LEGEND = get_legend("unccd7")
TIE = 3e-3
"""Pixels; a centre that lies so near to a border may fall on either side."""


def grid(epsg, x, y, *, step=10.0, height=300, width=400, turn=0.0):
    """A grid by its upper left corner."""
    transform = Affine.translation(x, y) @ Affine.rotation(turn) @ Affine.scale(step, -step)
    return Grid(CRS.from_epsg(epsg), transform, height, width)


GRIDS = {
    "UTM": grid(32633, 500_000, 5_500_000),
    "degrees": grid(4326, 10.36, 43.75, step=1e-4),
    "rotated": grid(32633, 500_000, 5_500_000, turn=30),
    "Mercator": grid(3857, 1_000_000, 6_000_000),
    "south": grid(32733, 500_000, 6_500_000),
    "UTM 60 over the date line": grid(32660, 760_000, 7_200_000, height=300, width=3000),
    "UTM 1 over the date line": grid(32601, 238_000, 7_200_000, height=300, width=600),
    "north of Greenland": grid(3413, 100_000, -700_000, step=40),
    "Antarctica": grid(3031, 300_000, 1_200_000, step=100),
}


def codes_on(grid, *, seed=0, hole=True):
    """Patches of classes with a hole, uint8 (row, col)."""
    random = np.random.default_rng(seed)
    patches = random.integers(0, len(LEGEND), (grid.height // 8 + 1, grid.width // 8 + 1))
    index_HW = np.kron(patches, np.ones((8, 8), np.uint8)).astype(np.uint8)[: grid.height, : grid.width]
    codes_HW = LEGEND.encode(index_HW).copy()
    if hole:
        codes_HW[40:80, 30:90] = 255
    return codes_HW


def write_map(path, grid, codes_HW, legend=LEGEND, **kind):
    """A map as jobs make it."""
    tags = {
        "steppe_legend": f"{legend.id} version {legend.version}",
        "steppe_model": "tiny@0.1.0",
        "steppe_attribution": "Nobody",
    }
    with MapWriter(path, grid, legend=legend, tags=tags, **kind) as writer:
        writer.write_rows(0, codes_HW)
    return path


def tiles_over(lon, lat, zoom, reach=1):
    """The tile of a place and its neighbours."""
    count = 1 << zoom
    x = math.floor((lon + 180) / 360 * count)
    y = math.floor((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * count)
    return [
        Tile(zoom, (x + right) % count, y + down)
        for down in range(-reach, reach + 1)
        for right in range(-reach, reach + 1)
        if 0 <= y + down < count
    ]


def by_gdal(path, tile, *, overview=None, nodata=255, shift=None):
    """The codes that GDAL finds nearest to the centres of a tile's pixels."""
    there = zoom_grid(tile.zoom).crop(tile.window)
    options = {} if overview is None else {"OVERVIEW_LEVEL": str(overview)}
    with rasterio.open(path, **options) as source:
        out_HW = np.full((256, 256), nodata, source.dtypes[0])
        reproject(
            source.read(1),
            out_HW,
            src_transform=source.transform if shift is None else Affine.translation(shift, 0) @ source.transform,
            src_crs=source.crs,
            src_nodata=nodata,
            dst_transform=there.transform,
            dst_crs="EPSG:3857",
            dst_nodata=nodata,
            resampling=Resampling.nearest,
            tolerance=0,
        )
    return out_HW


def near_border(placing, tile, factor=1.0):
    """Where a centre lies so near to a pixel's border that either side is right, (row, col)."""
    col_HW, row_HW = placing.of(tile)
    return np.logical_or.reduce([~(np.abs(one / factor - np.rint(one / factor)) > TIE) for one in (col_HW, row_HW)])

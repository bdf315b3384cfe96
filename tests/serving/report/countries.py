"""Small countries made by code: land cover of two years, layers, areas, and the words of a command about them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.rasters import north_up, write_tiff

HEIGHT, WIDTH = 40, 50
CLASSES = np.array([1, 2, 3, 4, 5, 6, 7], np.uint8)
EAST, NORTH, PIXEL = 500_000, 5_500_000, 30.0
"""Upper left corner in EPSG:32633."""


def cover(seed=0, shape=(HEIGHT, WIDTH)):
    """Codes of unccd7 with some no data (255)."""
    codes = np.random.default_rng(seed).choice(CLASSES, shape)
    codes[:2, :3] = 255
    return codes


def conditions(seed=0, shape=(HEIGHT, WIDTH), codes=(-1, 0, 1)):
    """A layer of conditions with some no data (-32768)."""
    values = np.random.default_rng(seed).choice(np.array(codes, np.int16), shape)
    values[-2:, :4] = -32768
    return values


def raster(path, codes, *, nodata=255, pixel=PIXEL, **profile):
    """A plain TIFF of one band, in UTM where nothing else is said."""
    profile = {"transform": north_up(pixel), "nodata": nodata, "compress": "deflate"} | profile
    return write_tiff(Path(path), codes if codes.ndim == 3 else codes[None], **profile)


def layer(path, codes, **profile):
    """A layer of conditions or of the like."""
    return raster(path, codes, nodata=-32768, **profile)


def box(west, north, width, height):
    """A closed ring in columns and rows of the maps, in metres."""
    corners = [(0, 0), (width, 0), (width, height), (0, height), (0, 0)]
    return [[EAST + PIXEL * (west + x), NORTH - PIXEL * (north + y)] for x, y in corners]


def polygon(*rings):
    return {"type": "Polygon", "coordinates": list(rings)}


def feature(geometry, **properties):
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def collection(*features, epsg=32633):
    crs = {} if epsg is None else {"crs": {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{epsg}"}}}
    return {"type": "FeatureCollection", **crs, "features": list(features)}


def write_json(path, document):
    path = Path(path)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def areas(path, **boxes):
    """A GeoJSON of named boxes (west, north, width, height) in pixels."""
    return write_json(path, collection(*(feature(polygon(box(*each)), name=name) for name, each in boxes.items())))


def maps(folder, **profile):
    """Both land-cover maps."""
    return [raster(folder / f"{name}.tif", cover(seed), **profile) for seed, name in enumerate(("before", "after"))]


def sub_indicators(folder):
    """Options of trend, state and performance, and of the condition of soil carbon."""
    found = []
    names = {"trend": (-1, 0, 1), "state": (-1, 0, 1), "performance": (-1, 0), "soc-condition": (-1, 0, 1)}
    for seed, (name, codes) in enumerate(names.items(), start=10):
        found += [f"--{name}", layer(folder / f"{name}.tif", conditions(seed, codes=codes))]
    return found


def words(folder, *options, before=None, after=None, years="2000-2015", legend="unccd7", out=None):
    """The words of a command; what is not given is a good map."""
    good = None if before is not None and after is not None else maps(folder)
    stated = () if legend is None else ("--legend", legend)
    found = ("report", before or good[0], after or good[1], "--years", years, *stated)
    return [str(word) for word in (*found, "-o", out or folder / "out" / "report", *options)]

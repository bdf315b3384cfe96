"""A user's own data, made by code: three places with images and labels, and the configuration that reads them."""

from __future__ import annotations

import json

import numpy as np
import yaml
from affine import Affine

from tests.rasters import BANDS, UTM33, numbers, write_tiff

SHAPE = (60, 70)
PLACES = ("alpha", "beta", "gamma")
TAGS = {"processing_level": "L2A", "scale": "0.0001", "offset": "0.0"}


def grid_at(number, *, pixel=10.0, shift=0.0):
    """North-up, every place 20 km further east; ``shift`` in pixels, to the east and to the south."""
    move = shift * pixel
    return Affine(pixel, 0, 500_000 + 20_000 * number + move, 0, -pixel, 5_500_000 - move)


def dark_numbers(seed, shape=SHAPE, bands=4):
    """Digital numbers from 100 on, so that nothing looks like a forgotten offset."""
    return numbers(bands, *shape, seed=seed, low=100)


def codes(seed, shape=SHAPE, classes=7):
    """Class codes 1..7 in vertical stripes, some of them in every window."""
    return np.random.default_rng(seed).integers(1, classes + 1, shape).astype(np.uint8)


def write_image(path, dn_BHW, number=0, **profile):
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"names": BANDS, "tags": TAGS, "transform": grid_at(number), "nodata": 0} | profile
    return write_tiff(path, dn_BHW, **profile)


def write_labels(path, codes_HW, number=0, **profile):
    path.parent.mkdir(parents=True, exist_ok=True)
    data = codes_HW if codes_HW.ndim == 3 else codes_HW[None]
    return write_tiff(path, data, **({"transform": grid_at(number)} | profile))


def make_data(folder, places=PLACES):
    """``images/`` and ``labels/`` of some places."""
    for number, place in enumerate(places):
        write_image(folder / "images" / f"{place}.tif", dark_numbers(number), number)
        write_labels(folder / "labels" / f"{place}.tif", codes(number), number)
    return folder


def write_geojson(path, features, crs=UTM33):
    """Features as (geometry in GeoJSON, properties); the CRS is named in the file."""
    name = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{crs.split(':')[1]}"}}
    made = [{"type": "Feature", "geometry": geometry, "properties": values} for geometry, values in features]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": {"type": "name"} | name, "features": made}))
    return path


def box(left, top, right, bottom, number=0):
    """A rectangle in pixels of a place, as GeoJSON."""
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    return {"type": "Polygon", "coordinates": [[grid_at(number) @ corner for corner in corners]]}


def source(folder, **options):
    """The ``source`` part of a configuration."""
    defaults = {
        "bands": list(BANDS),
        "product": "sentinel-2-l2a",
        "legend": "unccd7",
        "files": {"root": str(folder)},
    }
    return {"class_path": "training.sources.own.OwnImages", "init_args": defaults | options}


def write_config(folder, *, split=None, path=None, **options):
    """A configuration for `make_data`: a place for each split."""
    split = split or {"sites": {"train": ["alpha"], "val": ["beta"], "test": ["gamma"]}}
    data = {"class_path": "training.datamodule.SceneData"}
    data["init_args"] = {"source": source(folder, **options), "split": split}
    path = path or folder / "own.yaml"
    path.write_text(yaml.safe_dump({"data": data}))
    return path

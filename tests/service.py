"""Scenes, settings and a registry for tests that go through a door of the service."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from serving.settings import Settings
from tests.bundles import BANDS, tiny_bundle
from tests.rasters import write_tiff
from tests.scenes import smooth_numbers

HOLE = (slice(10, 30), slice(5, 25))
"""Rows and columns without data in ``write_scene``."""


PATIENCE_S = 20.0
"""Seconds after which a test that waits for an answer has failed."""


def make_registry(folder):
    """A registry with the tiny model, and an empty zoo; returns both folders."""
    tiny_bundle(folder / "registry")
    (folder / "zoo").mkdir()
    return folder / "registry", folder / "zoo"


def make_settings(folder, registry, zoo, **changes):
    """Settings for the tiny model; scratch files go to a folder of their own."""
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    base = {
        "state": folder / "state",
        "registry": registry,
        "zoo": zoo,
        "model": "tiny",
        "provider": "cpu",
        "threads": 1,
        "scratch": scratch,
        "sync_timeout_s": PATIENCE_S,
    }
    return Settings(**(base | changes))


def scene_numbers(height=70, width=90, *, hole=True):
    """Digital numbers (band, row, col) of the tiny model's bands; a hole of zeros where there is room for it."""
    dn_BRC = smooth_numbers(height, width, bands=len(BANDS))
    if hole:
        dn_BRC[(slice(None), *HOLE)] = 0
    return dn_BRC


def write_scene(path, dn_BRC=None, **profile):
    """A GeoTIFF the tiny model takes: bands named, level and radiometry stated."""
    dn_BRC = scene_numbers() if dn_BRC is None else dn_BRC
    tags = {"processing_level": "L1C", "scale": "0.0001", "offset": "0", "datetime": "2020-06-01T10:20:30Z"}
    return write_tiff(path, dn_BRC, **({"names": BANDS, "tags": tags, "nodata": 0} | profile))


def left_in(folder):
    """Everything in a folder, hidden files and whatever lies deeper included."""
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*"))


def valid_of(dn_BRC):
    """Where any band has data, (row, col)."""
    return np.any(dn_BRC != 0, axis=0)

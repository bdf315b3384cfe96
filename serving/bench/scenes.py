"""Make large Sentinel-2-like scenes: ten named bands of uint16, DEFLATE, a nodata corner.

Values are smooth fields of several sizes plus noise, different in every block, so that compression, decoding and the
network meet what they meet in real scenes: nothing is constant, nothing repeats.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin
from rasterio.windows import Window

from landcover.errors import WrongUse
from landcover.raster.staging import check_target, write_errors
from landcover.staging import StagingFolder, publish, sweep

BANDS: Final = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
LEVELS: Final = (900, 900, 850, 1150, 1900, 2200, 2300, 2400, 1800, 1200)
"""Digital numbers about which the bands vary, as over mixed land."""

BLOCK: Final = 512
"""Rows and columns of a block of the file."""

BYTES_PER_PIXEL: Final = 16
"""Room for a pixel of all bands: such scenes take 14 bytes, compressed (1.69 GB for 10980 x 10980)."""

HEADER: Final = 2**20
"""Room for what a file holds beside its pixels, and for the empty part of its last blocks."""

WAVES: Final = 6


def scene_bytes(height: int, width: int) -> int:
    """Room that a scene takes on the disk, at most."""
    return height * width * BYTES_PER_PIXEL + HEADER


class _Waves(NamedTuple):
    frequencies: NDArray[np.float64]
    phases: NDArray[np.float64]


def make_scene(path: Path, *, height: int, width: int, seed: int = 0, replace: bool = True) -> None:
    """Write a scene, row of blocks by row of blocks; it appears when it is whole.

    Args:
        path: the file, ``.tif``.
        height: rows.
        width: columns.
        seed: of the noise and the fields.
        replace: whether a file of that name may go.

    Raises:
        WrongUse: when there is one that may not.
        OutputNotWritable: when it cannot be written there.
        DiskFull: when there is no room.
    """
    if not replace and os.path.lexists(path):
        raise WrongUse(f"{path.name!r} exists; choose another name, or replace it with --force")
    needed = scene_bytes(height, width)
    sweep(path.parent)
    check_target(path, needed_bytes=needed)
    random = np.random.default_rng(seed)
    waves = _Waves(random.uniform(0.003, 0.15, (WAVES, 2)), random.uniform(0, 2 * np.pi, WAVES))
    with StagingFolder(path) as folder:
        staged = folder / path.name
        with (
            write_errors(path, folder, needed_bytes=needed),
            rasterio.open(staged, "w", **_profile(height, width)) as scene,
        ):
            scene.update_tags(processing_level="L1C", scale="0.0001", offset="0", datetime="20200601")
            scene.descriptions = BANDS
            for row in range(0, height, BLOCK):
                rows = min(BLOCK, height - row)
                scene.write(_strip(row, rows, width, waves, random), window=Window(0, row, width, rows))
        publish(staged, path)


def _profile(height: int, width: int) -> dict[str, Any]:
    return {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": len(BANDS),
        "dtype": "uint16",
        "nodata": 0,
        "crs": "EPSG:32633",
        "transform": from_origin(300_000, 5_900_040, 10, 10),
        "tiled": True,
        "blockxsize": BLOCK,
        "blockysize": BLOCK,
        "compress": "deflate",
        "predictor": 2,
        "zlevel": 6,
        "num_threads": "all_cpus",
        "BIGTIFF": "YES",
    }


def _strip(row: int, rows: int, width: int, waves: _Waves, random: np.random.Generator) -> NDArray[np.uint16]:
    """Rows of all bands, (band, row, col); a triangle in the upper left is nodata, as at the edge of a swath."""
    y, x = np.mgrid[row : row + rows, :width].astype(np.float32)
    fields = [np.sin(fy * y + fx * x + phase) for (fy, fx), phase in zip(waves.frequencies, waves.phases, strict=True)]
    empty = x + y < width / 8
    dn_BHW = np.empty((len(BANDS), rows, width), dtype=np.uint16)
    for index, level in enumerate(LEVELS):
        mix = 1 + 0.25 * fields[index % 6] + 0.2 * fields[(index + 2) % 6] + 0.1 * fields[(index * 5 + 1) % 6]
        noise = random.normal(0, 0.04, (rows, width)).astype(np.float32)
        dn_BHW[index] = np.clip(level * (mix + noise), 1, 12_000).astype(np.uint16)
        dn_BHW[index][empty] = 0
    return dn_BHW

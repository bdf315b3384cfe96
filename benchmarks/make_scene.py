"""Make a large Sentinel-2-like scene: ten named bands of uint16, DEFLATE, a nodata corner.

Values are smooth fields of several sizes plus noise, different in every block, so that compression, decoding and the
network meet what they meet in real scenes: nothing is constant, nothing repeats.

    python -m benchmarks.make_scene scene.tif --side 10980
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin
from rasterio.windows import Window

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
LEVELS = (900, 900, 850, 1150, 1900, 2200, 2300, 2400, 1800, 1200)
"""Digital numbers about which the bands vary, as over mixed land."""
ROWS = 512


def main() -> None:
    """Write the scene row of blocks by row of blocks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--side", type=int, default=10980, help="rows, and columns unless --width is given")
    parser.add_argument("--width", type=int)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    height, width = options.side, options.width or options.side
    profile = {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": len(BANDS),
        "dtype": "uint16",
        "nodata": 0,
        "crs": "EPSG:32633",
        "transform": from_origin(300_000, 5_900_040, 10, 10),
        "tiled": True,
        "blockxsize": ROWS,
        "blockysize": ROWS,
        "compress": "deflate",
        "predictor": 2,
        "zlevel": 6,
        "num_threads": "all_cpus",
        "BIGTIFF": "YES",
    }
    random = np.random.default_rng(options.seed)
    waves = random.uniform(0.003, 0.15, (6, 2)), random.uniform(0, 6.28, 6)
    with rasterio.open(options.path, "w", **profile) as scene:
        scene.update_tags(processing_level="L1C", scale="0.0001", offset="0", datetime="20200601")
        for number, name in enumerate(BANDS, start=1):
            scene.set_band_description(number, name)
        for row in range(0, height, ROWS):
            rows = min(ROWS, height - row)
            scene.write(strip(row, rows, width, waves, random), window=Window(0, row, width, rows))


def strip(
    row: int, rows: int, width: int, waves: tuple[NDArray[np.float64], NDArray[np.float64]], random: np.random.Generator
) -> NDArray[np.uint16]:
    """Rows of all bands, (band, row, col); a triangle in the upper left is nodata, as at the edge of a swath."""
    y, x = np.mgrid[row : row + rows, :width].astype(np.float32)
    frequencies, phases = waves
    fields = [np.sin(fy * y + fx * x + phase) for (fy, fx), phase in zip(frequencies, phases, strict=True)]
    empty = x + y < width / 8
    values = np.empty((len(BANDS), rows, width), dtype=np.uint16)
    for index, level in enumerate(LEVELS):
        mix = 1 + 0.25 * fields[index % 6] + 0.2 * fields[(index + 2) % 6] + 0.1 * fields[(index * 5 + 1) % 6]
        noise = random.normal(0, 0.04, (rows, width)).astype(np.float32)
        values[index] = np.clip(level * (mix + noise), 1, 12_000).astype(np.uint16)
        values[index][empty] = 0
    return values


if __name__ == "__main__":
    main()

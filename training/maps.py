"""Whole scenes as maps on disk: what a trained model makes of them, tiled and blended as in the service.

Axes: B band, K class, H row, W column.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from landcover.errors import OutputNotWritable
from landcover.grid import Grid
from landcover.legends import CLASS_NODATA, Legend
from landcover.raster.cog import MapWriter
from training.inference import Predictor, Strip, predict_strips, scene_plan
from training.scenes import Scene

TILE: Final = 512
OVERLAP: Final = 32
"""The service's own sizes; benchmarks/README.md says what they cost in seams."""


def write_maps(predict: Predictor, scenes: Iterable[Scene], legend: Legend, folder: Path) -> Iterator[tuple[str, bool]]:
    """Write a class map of every scene that knows where it lies.

    Args:
        predict: The network.
        scenes: The scenes.
        legend: Of the classes; maps hold its codes.
        folder: Where maps are written, ``SCENE.tif``.

    Yields:
        Scene name, and whether a map was written: an image without georeference has no map.

    Raises:
        OutputNotWritable: The folder cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputNotWritable(f"cannot make the folder of maps {folder.name}: {error.strerror}") from error
    for scene in scenes:
        if scene.info.grid is not None:
            _write_map(predict, scene, scene.info.grid, legend, folder / f"{_file_name(scene.info.name)}.tif")
        yield scene.info.name, scene.info.grid is not None


def _write_map(predict: Predictor, scene: Scene, grid: Grid, legend: Legend, path: Path) -> None:
    plan = scene_plan(scene, tile=TILE, overlap=OVERLAP)
    with MapWriter(path, grid, dtype=legend.dtype.name, nodata=legend.nodata, legend=legend) as writer:
        for strip in predict_strips(predict, scene, plan):
            writer.write_rows(strip.row, legend.encode(_classes(strip)))


def _classes(strip: Strip) -> NDArray[np.uint8]:
    """Most probable class (row, col), 255 where the image has no data."""
    index_HW = strip.probabilities_KHW.argmax(axis=0).astype(np.uint8)
    index_HW[(strip.sample["image"] == 0).all(dim=0).numpy()] = CLASS_NODATA
    return index_HW


def _file_name(scene: str) -> str:
    return re.sub(r"[^\w.-]+", "_", scene)

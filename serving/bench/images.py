"""The real images that a caller gives for comparisons."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from landcover.errors import DataError
from serving.engine import Engine
from serving.pipeline import plan_windows
from serving.predict import predict_rows
from serving.request import Inputs
from serving.settings import Settings
from serving.sources import open_input

SUFFIXES: Final = frozenset({".tif", ".tiff", ".safe"})


def images_in(folder: Path) -> list[Path]:
    """GeoTIFF files and SAFE folders of a folder, by name.

    Raises:
        DataError: when there are none.
    """
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES) if folder.is_dir() else []
    if not found:
        raise DataError(f"{folder.name!r} holds no images: expected a folder of GeoTIFF files or SAFE folders")
    return found


def codes_of(path: Path, engine: Engine, settings: Settings) -> NDArray[np.generic]:
    """The map of an image as ``steppe classify`` makes it: legend codes (row, col)."""
    with open_input(Inputs(source=path), engine.bundle.manifest) as scene:
        plan, batch_size = plan_windows(scene, engine, settings)
        return np.concatenate([rows.codes_HW for rows in predict_rows(scene, engine, plan, batch_size=batch_size)])

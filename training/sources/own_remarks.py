"""What a person should know of the files of a scene that are read, but not quite as they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from rasterio.io import DatasetReader

from landcover.grid import Window
from landcover.raster.opening import open_raster, pixel_errors, reading_env
from landcover.raster.protocol import DEFAULT_POLICY
from training.scenes import SceneInfo
from training.sources.own_image import ImageFiles
from training.sources.own_rasters import RasterHeader
from training.sources.own_vectors import VectorFile

_STRIP: Final = 1024


@dataclass(frozen=True, slots=True)
class Remark:
    """One sentence about a file.

    Attributes:
        file: Its name.
        message: The sentence.
        count: Pixels that it is about, where it is about pixels.
        warning: Whether it may spoil a model.
    """

    file: str
    message: str
    count: int | None = None
    warning: bool = False


def image_remarks(image: ImageFiles, files: tuple[Path, ...]) -> Iterator[Remark]:
    """Radiometry that nobody states, and numbers that are none."""
    with image.open() as opened:
        if opened.radiometry is None:
            yield Remark(
                image.path.name,
                "does not state scale and offset: taken to be those of the source's product; "
                "state reading.product (Sentinel-2 from processing baseline 04.00 on is another product)",
                warning=True,
            )
    if np.issubdtype(np.dtype(image.dtype), np.floating):
        for path in files:
            yield from _nonfinite(path)


def _nonfinite(path: Path) -> Iterator[Remark]:
    _, dataset = open_raster(path, DEFAULT_POLICY)
    with dataset:
        count = sum(_count_nonfinite(dataset, row) for row in range(0, dataset.height, _STRIP))
        if count and not (dataset.nodata is not None and np.isnan(dataset.nodata)):
            yield Remark(
                path.name,
                "holds numbers that are NaN or infinite and does not declare them as nodata: pixels with one of them "
                "are taken as nodata",
                count=count,
                warning=True,
            )


def _count_nonfinite(dataset: DatasetReader, row: int) -> int:
    window = rasterio.windows.Window(0, row, dataset.width, min(_STRIP, dataset.height - row))
    with reading_env(), pixel_errors(Path(dataset.name)):
        return int(np.count_nonzero(~np.isfinite(dataset.read(window=window))))


def label_remarks(path: Path, header: RasterHeader) -> Iterator[Remark]:
    """Label rasters of unusual kinds that are accepted."""
    if header.dtype.startswith("float"):
        yield Remark(path.name, f"labels are {header.dtype}: accepted where all are whole numbers, NaN is no label")
    if header.palette:
        yield Remark(path.name, "labels have a colour table: its positions are read as codes")


def vector_remarks(vectors: VectorFile, info: SceneInfo) -> Iterator[Remark]:
    """Pixels that lost their label because features of different classes lie on them."""
    height, width = info.height, info.width
    clashes = sum(vectors.burn(Window(row, 0, min(_STRIP, height - row), width))[1] for row in range(0, height, _STRIP))
    if clashes:
        yield Remark(
            vectors.path.name,
            "features of different classes overlap: those pixels have no label",
            count=clashes,
        )

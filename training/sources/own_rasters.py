"""Rasters that belong to an image (labels, weights, masks): opened on its grid, or refused with what is different."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio.windows
from numpy.typing import NDArray
from rasterio.crs import CRS as RasterioCRS
from rasterio.enums import Resampling
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT

from landcover.errors import GridMismatch
from landcover.grid import Grid, Window
from landcover.raster.georeference import grid_of
from landcover.raster.opening import open_raster, pixel_errors, reading_env
from landcover.raster.protocol import DEFAULT_POLICY
from training.sources.own_handles import OPEN, stamp

_UNSEEN: Final = 1e-6  # shifts below a millionth of a pixel are rounding


@dataclass(frozen=True, slots=True)
class Companion:
    """A raster of an image.

    Attributes:
        path: Its file.
        grid: Grid of the image.
        resample: Bring it to that grid, nearest neighbour; else it lies there already.
    """

    path: Path
    grid: Grid
    resample: bool

    def read(self, window: Window) -> NDArray[Any]:
        """Numbers of a window of the image, (band, row, col) as in the file.

        Raises:
            RasterTruncated: Pixels are missing or damaged.
        """
        dataset = OPEN.get((self, stamp(self.path)), self.open)
        place = rasterio.windows.Window(window.col, window.row, window.width, window.height)
        with reading_env(), pixel_errors(self.path):
            numbers_BHW: NDArray[Any] = dataset.read(window=place)
        return numbers_BHW

    def open(self) -> DatasetReader:
        """A handle whose pixels are those of the image's grid."""
        _, dataset = open_raster(self.path, DEFAULT_POLICY)
        if not self.resample:
            return dataset
        return WarpedVRT(
            dataset,
            crs=RasterioCRS.from_wkt(self.grid.crs.to_wkt()),
            transform=self.grid.transform,
            width=self.grid.width,
            height=self.grid.height,
            resampling=Resampling.nearest,
        )


@dataclass(frozen=True, slots=True)
class RasterHeader:
    """What a companion's file says about itself.

    Attributes:
        bands: Number of bands.
        dtype: Sample type.
        nodata: Declared nodata, or none.
        palette: Whether it has a colour table.
        colors: Colour interpretation of each band, for example ``red``.
    """

    bands: int
    dtype: str
    nodata: float | None
    palette: bool
    colors: tuple[str, ...]


def open_companion(
    path: Path, grid: Grid, *, what: str, resample: bool, max_shift: float
) -> tuple[Companion, RasterHeader]:
    """Look at a raster that belongs to an image.

    Args:
        path: Its file.
        grid: Grid of the image.
        what: What it is, for messages: "labels", "weights", "mask".
        resample: Whether it may lie on another grid.
        max_shift: How far it may be shifted, in pixels.

    Raises:
        GridMismatch: It lies on another grid.
        DataError: It cannot be opened or has no georeference.
    """
    _, dataset = open_raster(path, DEFAULT_POLICY)
    with dataset:
        found = grid_of(dataset, path.name)
        difference = grid_difference(found, grid, max_shift=max_shift)
        if difference and not resample:
            raise GridMismatch(f"file {path.name!r} of the {what} {difference}")
        return Companion(path, grid, resample=difference is not None), _header(dataset)


def _header(dataset: DatasetReader) -> RasterHeader:
    colors = tuple(color.name for color in dataset.colorinterp)
    return RasterHeader(dataset.count, dataset.dtypes[0], dataset.nodata, "palette" in colors, colors)


def grid_difference(found: Grid, wanted: Grid, *, max_shift: float) -> str | None:
    """What is different between the grid of a companion and that of its image, as the end of a sentence.

    Args:
        found: Grid of the companion.
        wanted: Grid of the image.
        max_shift: Largest shift in pixels that does not count.

    Returns:
        None where they are the same.
    """
    advice = "; warp it to the image's grid, or set reading.resample to do it while reading"
    if found.crs != wanted.crs:
        return f"is in {found.crs.name!r}, its image in {wanted.crs.name!r}{advice}"
    if not np.allclose(found.pixel_size, wanted.pixel_size, rtol=1e-4):
        size, other = (f"{grid.pixel_size[0]:g} x {grid.pixel_size[1]:g}" for grid in (found, wanted))
        return f"has pixels of {size} units, its image of {other}{advice}"
    if (found.height, found.width) != (wanted.height, wanted.width):
        return f"has {found.height} x {found.width} pixels, its image {wanted.height} x {wanted.width}{advice}"
    shift = grid_shift(found, wanted)
    if max(shift) > max(max_shift, _UNSEEN):
        return (
            f"is shifted against its image by {shift[0]:,.2f} pixels across and {shift[1]:,.2f} down; at most "
            f"{max_shift:g} is tolerated (reading.max_shift): correct its transform, or set reading.resample"
        )
    return None


def grid_shift(found: Grid, wanted: Grid) -> tuple[float, float]:
    """Largest distance between corners of two grids of one size, in pixels of the second: across and down."""
    corners = [(col, row) for col in (0, wanted.width) for row in (0, wanted.height)]
    to_pixel = ~wanted.transform
    there = [to_pixel @ (found.transform @ (float(col), float(row))) for col, row in corners]
    apart = [(abs(x - col), abs(y - row)) for (x, y), (col, row) in zip(there, corners, strict=True)]
    return max(across for across, _ in apart), max(down for _, down in apart)

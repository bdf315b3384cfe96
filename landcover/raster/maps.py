"""Read finished single-band maps back, and store a scene's bands as one GeoTIFF."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS as RasterioCRS
from rasterio.windows import Window as RasterioWindow

from landcover.errors import DtypeMismatch
from landcover.grid import Grid, Window
from landcover.raster.georeference import grid_of
from landcover.raster.opening import gdal_env, open_raster, pixel_errors
from landcover.raster.protocol import DEFAULT_POLICY, Scene
from landcover.raster.staging import check_target, write_errors
from landcover.staging import StagingFolder, publish

_ROWS: Final = 512


def read_map(path: Path) -> tuple[NDArray[np.uint8], Grid]:
    """All pixels of a uint8 map, (row, col), and its grid.

    Args:
        path: a class or confidence map; small enough for memory.

    Raises:
        RasterUnreadable: when it is no raster.
        RasterTruncated: when pixels are missing or damaged.
        DtypeMismatch: when it is not one band of uint8.
    """
    file, dataset = open_raster(path, DEFAULT_POLICY)
    with dataset:
        if dataset.count != 1 or dataset.dtypes[0] != "uint8":
            raise DtypeMismatch(
                f"{file.name!r} has {dataset.count} bands of {dataset.dtypes[0]}; a map has one of uint8"
            )
        with pixel_errors(file.path):
            codes_HW: NDArray[np.uint8] = dataset.read(1)
        return codes_HW, grid_of(dataset, file.name)


def store_scene(scene: Scene, path: Path, *, nodata: int = 0) -> None:
    """Write the scene's bands, at the scene's grid, as one GeoTIFF with named bands; row by row.

    Args:
        scene: opened with the bands wanted.
        path: the file; replaced when it exists.
        nodata: digital number of invalid pixels.

    Raises:
        OutputNotWritable: when it cannot be written there.
        DiskFull: when there is no space.
    """
    grid = scene.grid
    needed = grid.height * grid.width * len(scene.bands) * scene.dtype.itemsize
    check_target(path, needed_bytes=needed)
    with StagingFolder(path) as folder:
        staged = folder / path.name
        with write_errors(path, folder, needed_bytes=needed), gdal_env(GDAL_NUM_THREADS="ALL_CPUS"):
            _write(scene, staged, nodata)
        publish(staged, path)


def _write(scene: Scene, path: Path, nodata: int) -> None:
    grid = scene.grid
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=grid.width,
        height=grid.height,
        count=len(scene.bands),
        dtype=scene.dtype.name,
        nodata=nodata,
        crs=RasterioCRS.from_wkt(grid.crs.to_wkt()),
        transform=grid.transform,
        tiled=True,
        blockxsize=_ROWS,
        blockysize=_ROWS,
        compress="deflate",
        predictor=2,
        BIGTIFF="IF_SAFER",
    ) as stack:
        for index, band in enumerate(scene.bands, start=1):
            stack.set_band_description(index, band)
        stack.update_tags(**_tags(scene))
        for row in range(0, grid.height, _ROWS):
            rows = min(_ROWS, grid.height - row)
            block = scene.read(Window(row, 0, rows, grid.width))
            stack.write(block.data, window=RasterioWindow(0, row, grid.width, rows))


def _tags(scene: Scene) -> dict[str, str]:
    """What the scene states, in the tags that opening it again reads."""
    tags = {"processing_level": scene.level, "datetime": scene.datetime}
    if scene.radiometry is not None:
        tags |= {"scale": repr(scene.radiometry.scale), "offset": repr(scene.radiometry.offset)}
    return {name: value for name, value in tags.items() if value is not None}

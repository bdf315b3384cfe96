"""Merging the small patches of a class map into their neighbours: its minimum mapping unit.

GDAL's sieve (https://gdal.org/api/gdal_alg.html, GDALSieveFilter) compares the sizes of whole patches, which may reach
across the map, so it runs when all rows have come. Rows wait on disk, and the result lies in a mapped file: the memory
of the process grows with the number of patches (about 30 bytes for each), not with the number of pixels.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import features
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window as RasterioWindow

from landcover.errors import OutputNotWritable
from landcover.grid import Grid
from landcover.raster.opening import gdal_env, limit_block_cache
from landcover.raster.readback import RowLedger, read_back
from landcover.raster.staging import check_target, write_errors
from landcover.staging import StagingFolder, os_errors

CONNECTIVITY: Final = 4
"""Pixels of one patch share a side; corners do not join them."""

_BLOCK: Final = 512


class PatchSieve:
    """Takes the rows of a class map, then hands them out with patches below a size merged.

    A patch is a set of pixels of one class joined by their sides. One of fewer than ``min_pixels`` takes the class of
    its largest neighbour; if that is too small as well, of that one's largest neighbour, and so on. Pixels without data
    stay as they are and are nobody's neighbour. A small patch among pixels without data stays, too.

    Classes are told by a byte, 255 = no data: give the indices of a legend whose codes do not fit one.

    Use as a context manager; every row must come before ``rows`` is asked.

    Args:
        path: the map; its folder takes the waiting rows, two bytes a pixel, until the context ends.
        grid: grid of the map.
        min_pixels: size of the smallest patch that stays, at least 2.

    Raises:
        OutputNotWritable: the place cannot be written to.
        DiskFull: the disk has no room for the waiting rows.
    """

    def __init__(self, path: Path, grid: Grid, *, min_pixels: int) -> None:
        self._path, self._grid, self._min_pixels = path, grid, min_pixels
        self._bytes = grid.height * grid.width
        self._ledger = RowLedger.of(1, grid.height)
        self._stack = ExitStack()
        check_target(path, needed_bytes=2 * self._bytes)

    def __enter__(self) -> Self:
        """Make room for the rows."""
        limit_block_cache()
        with self._stack:
            self._folder = self._stack.enter_context(StagingFolder(self._path))
            with self._errors(), gdal_env():
                self._waiting = rasterio.open(
                    self._folder / "waiting.tif",
                    "w",
                    driver="GTiff",
                    width=self._grid.width,
                    height=self._grid.height,
                    count=1,
                    dtype="uint8",
                    crs=self._grid.crs.to_wkt(),
                    transform=self._grid.transform,
                    tiled=True,
                    blockxsize=_BLOCK,
                    blockysize=_BLOCK,
                    BIGTIFF="IF_SAFER",
                )
            self._stack.callback(self._close)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Throw the waiting rows away."""
        self._stack.close()

    def _close(self) -> None:
        with suppress(RasterioError), gdal_env():
            self._waiting.close()

    def add(self, row_start: int, codes_RW: NDArray[np.uint8]) -> None:
        """Take whole rows, in any order; 255 = no data.

        Raises:
            DiskFull: when the disk is full.
            OutputNotWritable: when writing fails otherwise.
        """
        # One up, so that no data (255) becomes 0: then the rows are their own mask.
        shifted_BRW = (codes_RW + np.uint8(1))[None]
        window = RasterioWindow(0, row_start, self._grid.width, len(codes_RW))
        with self._errors(), gdal_env():
            self._waiting.write(shifted_BRW, window=window)
        self._ledger.record(row_start, shifted_BRW)

    def rows(self) -> Iterator[tuple[int, NDArray[np.uint8], NDArray[np.uint8]]]:
        """Merge, and hand out the map from top to bottom: first row, codes before, codes after, (row, col) each.

        Raises:
            WindowError: when rows were never given.
            DiskFull: when there is no room for the result.
            OutputNotWritable: when the waiting rows read differently from what was given, or merging failed.
        """
        self._ledger.require_complete()
        with self._errors(), gdal_env():
            self._waiting.close()
            read_back(Path(self._waiting.name), self._grid, np.dtype(np.uint8), self._ledger)
            waiting = rasterio.open(self._waiting.name, driver="GTiff")
        with waiting:
            merged_HW = self._merge(waiting)
            for row in range(0, self._grid.height, _BLOCK):
                after_RW = np.array(merged_HW[row : row + _BLOCK])
                with self._errors(), gdal_env():
                    before_RW = waiting.read(1, window=RasterioWindow(0, row, self._grid.width, len(after_RW)))
                if not np.array_equal(after_RW == 0, before_RW == 0):  # rasterio does not hear when GDAL gives up
                    raise OutputNotWritable(f"small patches of {self._path.name!r} could not be merged; free memory")
                yield row, before_RW - np.uint8(1), after_RW - np.uint8(1)

    def _merge(self, waiting: DatasetReader) -> NDArray[np.uint8]:
        """The merged rows in a file whose space is taken beforehand: a full disk would end the process later on."""
        path = self._folder / "merged.raw"
        with os_errors(self._path), path.open("wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, self._bytes)
            else:
                file.truncate(self._bytes)
        merged_HW = np.memmap(path, np.uint8, "r+", shape=(self._grid.height, self._grid.width))
        band = rasterio.band(waiting, 1)
        with gdal_env():
            features.sieve(
                band, min(self._min_pixels, self._bytes), out=merged_HW, mask=band, connectivity=CONNECTIVITY
            )
        return merged_HW

    def _errors(self) -> AbstractContextManager[None]:
        return write_errors(self._path, self._folder, needed_bytes=self._bytes + 2**20)  # and the file's header

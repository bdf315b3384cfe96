"""Checking a written map by reading it again: GDAL loses write errors, some only at close, some altogether.

A map of zeros that opens without complaint is the worst result there is, so every pixel of the full resolution is
compared, by one checksum per row; overviews must decode and stay within the range of what was written.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.io import DatasetReader
from rasterio.windows import Window as RasterioWindow

from landcover.errors import OutputNotWritable, WindowError
from landcover.grid import Grid
from landcover.raster.opening import reading_env
from landcover.raster.protocol import AnyArray

_ROWS = 512


@dataclass(slots=True)
class RowLedger:
    """What was written: one CRC-32 per row and band, and the range of the values.

    Attributes:
        checksum: (band, row) uint32.
        written: (row,) bool.
        low: least value written.
        high: greatest value written.
    """

    checksum: npt.NDArray[np.uint32]
    written: npt.NDArray[np.bool_]
    low: float = field(default=np.inf)
    high: float = field(default=-np.inf)

    @classmethod
    def of(cls, bands: int, height: int) -> RowLedger:
        """An empty ledger."""
        return cls(np.zeros((bands, height), np.uint32), np.zeros(height, np.bool_))

    def record(self, row_start: int, values_BRC: AnyArray) -> None:
        """Note rows that are about to be written; a row written twice counts as written last."""
        rows = slice(row_start, row_start + values_BRC.shape[1])
        for checksum, values_RC in zip(self.checksum, values_BRC, strict=True):
            checksum[rows] = _row_checksums(values_RC)
        self.written[rows] = True
        self.low = min(self.low, float(values_BRC.min()))
        self.high = max(self.high, float(values_BRC.max()))

    def require_complete(self) -> None:
        """Refuse to call a map finished that is not.

        Raises:
            WindowError: naming the first row that was never written.
        """
        if not self.written.all():
            missing = int((~self.written).sum())
            raise WindowError(
                f"{missing} of {self.written.size} rows were never written, the first is {int(np.argmin(self.written))}"
            )


def _row_checksums(values_RC: AnyArray) -> npt.NDArray[np.uint32]:
    rows = np.ascontiguousarray(values_RC)
    return np.fromiter((zlib.crc32(row) for row in rows), np.uint32, count=len(rows))


def read_back(path: Path, grid: Grid, dtype: np.dtype[Any], ledger: RowLedger) -> None:
    """Compare a finished map with what was written to it.

    Raises:
        OutputNotWritable: when it differs in any pixel, in size, place or type.
        RasterioError: when it does not open or decode; the caller says why.
    """
    with reading_env(), rasterio.open(path, driver="GTiff") as dataset:
        place = (dataset.height, dataset.width, dataset.dtypes)
        wanted = (grid.height, grid.width, (dtype.name,) * len(ledger.checksum))
        if place != wanted or not dataset.transform.almost_equals(grid.transform, 1e-9):
            raise OutputNotWritable(f"{path.name!r} came out on another grid or with another type than was written")
        for band, row, values_RC in _strips(dataset):
            if not np.array_equal(_row_checksums(values_RC), ledger.checksum[band, row : row + len(values_RC)]):
                raise OutputNotWritable(f"{path.name!r} reads differently from what was written, from row {row} on")
        levels = len(dataset.overviews(1))
    for level in range(levels):
        _check_overview(path, level, ledger)


def _strips(dataset: DatasetReader) -> Iterator[tuple[int, int, AnyArray]]:
    """Every band of all rows, in pieces: number of the band from 0, first row, values (row, col)."""
    for row in range(0, dataset.height, _ROWS):
        window = RasterioWindow(0, row, dataset.width, min(_ROWS, dataset.height - row))
        for band, index in enumerate(dataset.indexes):
            yield band, row, dataset.read(index, window=window)


def _check_overview(path: Path, level: int, ledger: RowLedger) -> None:
    with reading_env(), rasterio.open(path, driver="GTiff", overview_level=level) as overview:
        for _, _, values_RC in _strips(overview):
            whole = np.issubdtype(values_RC.dtype, np.integer)  # averages of floats may leave the range by rounding
            if whole and (values_RC.min() < ledger.low or values_RC.max() > ledger.high):
                raise OutputNotWritable(f"{path.name!r} has a damaged overview")

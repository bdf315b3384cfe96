"""Maps of finished jobs, read by whoever asks for a tile of them.

They are Steppe's own files, so the process that answers reads them itself: at the overview whose pixels are about as
large as the tile's, the pixel in which each centre lies. Overviews were made by the most frequent class.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.io import DatasetReader
from rasterio.windows import Window as RasterioWindow

from landcover.legends import CLASS_NODATA, Legend, get_legend
from landcover.postprocess import CONFIDENCE_NODATA
from landcover.raster.georeference import grid_of
from landcover.raster.opening import limit_block_cache, reading_env
from landcover.raster.positions import Floats
from serving.processes.outputs import FILES
from serving.results import Results
from serving.tiles.matrix import Tile
from serving.tiles.placing import Placing, whole, within

KEPT: Final = 16
"""Maps that are held open."""

HANDLES: Final = 4
"""Idle handles of a map."""

COARSER: Final = 1.2
"""Pixels of an overview may be so many times larger than the tile's. GDAL draws the line there, too."""

MOST_PIXELS: Final = 1 << 24
"""Pixels read for a tile; where a tile is so distorted that it needs more, it gets a coarser overview."""


@dataclass(frozen=True, slots=True)
class Level:
    """A map at one of its resolutions.

    Attributes:
        number: of the overview; None = the map itself.
        height: rows.
        width: columns.
    """

    number: int | None
    height: int
    width: int


class ResultMap:
    """One finished map. Threads may share it.

    Args:
        folder: of the result.
        digest: SHA-256 of the map.
        file: its name.

    Raises:
        OSError: when the file is gone.
    """

    def __init__(self, folder: Path, digest: str, file: str = FILES["map"]) -> None:
        self.digest = digest
        self._path, self._confidence = folder / file, folder / FILES["confidence"]
        self._idle: list[tuple[int | None, DatasetReader]] = []
        self._lock, self._closed = Lock(), False
        with self._handle(None) as dataset:
            tags = dataset.tags()
            self.placing = Placing(grid_of(dataset, "the map"))
            factors = dataset.overviews(1)
        self.legend: Legend = get_legend(tags["steppe_legend"].partition(" ")[0])
        self.model: str | None = tags.get("steppe_model")
        self.attribution: str | None = tags.get("steppe_attribution")
        self.datetime: str | None = tags.get("datetime")
        self.levels = (Level(None, *self._shape), *(self._level(index) for index in range(len(factors))))

    def index(self, tile: Tile) -> NDArray[np.uint8] | None:
        """Class indices of a tile (row, col), 255 = no data; None where the map does not reach."""
        col_HW, row_HW = self.placing.of(tile)
        inside_HW = within(col_HW, self._shape[1]) & within(row_HW, self._shape[0])
        if not inside_HW.any():
            return None
        for level in self._levels_for(_step(col_HW, row_HW)):
            rows_HW = whole(row_HW * (level.height / self._shape[0]), inside_HW)
            cols_HW = whole(col_HW * (level.width / self._shape[1]), inside_HW)
            top, bottom = _span(rows_HW, inside_HW, level.height)
            left, right = _span(cols_HW, inside_HW, level.width)
            if (bottom - top) * (right - left) <= MOST_PIXELS:
                break
        with self._handle(level.number) as dataset:
            codes_RC = dataset.read(1, window=RasterioWindow(left, top, right - left, bottom - top))
        codes_HW = codes_RC[np.clip(rows_HW, top, bottom - 1) - top, np.clip(cols_HW, left, right - 1) - left]
        index_HW: NDArray[np.uint8] = self._table[codes_HW.astype(np.uint16, copy=False)]
        index_HW[~inside_HW] = CLASS_NODATA
        return index_HW

    def at(self, row: int, col: int) -> tuple[int | None, int | None]:
        """Code of a pixel, and percent of confidence where there is such a raster; None = no data."""
        place = RasterioWindow(col, row, 1, 1)
        with self._handle(None) as dataset:
            code = int(dataset.read(1, window=place)[0, 0])
        if code == self.legend.nodata:
            return None, None
        if not self._confidence.exists():
            return code, None
        with reading_env(), rasterio.open(self._confidence, driver="GTiff", sharing=False) as dataset:
            percent = int(dataset.read(1, window=place)[0, 0])
        return code, None if percent == CONFIDENCE_NODATA else percent

    def close(self) -> None:
        """Close every idle handle, and those that are in use after their use."""
        with self._lock:
            self._closed, idle, self._idle = True, self._idle, []
        for _, dataset in idle:
            dataset.close()

    @property
    def _shape(self) -> tuple[int, int]:
        return self.placing.grid.height, self.placing.grid.width

    @cached_property
    def _table(self) -> NDArray[np.uint8]:
        """Class index of every code; negative ones count from the end."""
        table = np.full(1 << 16, CLASS_NODATA, np.uint8)
        table[np.array(self.legend.codes, np.int16).view(np.uint16)] = np.arange(len(self.legend), dtype=np.uint8)
        return table

    def _level(self, number: int) -> Level:
        with self._handle(number) as dataset:
            return Level(number, dataset.height, dataset.width)

    def _levels_for(self, step: float) -> tuple[Level, ...]:
        """The best level for pixels that are so many pixels of the map apart, and the coarser ones."""
        fitting = [level for level in self.levels if self._shape[1] / level.width <= max(COARSER * step, 1.0)]
        return self.levels[len(fitting) - 1 :]

    @contextmanager
    def _handle(self, number: int | None) -> Iterator[DatasetReader]:
        """A handle for one thread."""
        with self._lock:
            found = next((entry for entry in self._idle if entry[0] == number), None)
            if found is not None:
                self._idle.remove(found)
        with reading_env():
            entry = found or (number, self._open(number))
            try:
                yield entry[1]
            finally:
                self._give_back(entry)

    def _open(self, number: int | None) -> DatasetReader:
        options: dict[str, Any] = {} if number is None else {"OVERVIEW_LEVEL": str(number)}
        return rasterio.open(self._path, driver="GTiff", sharing=False, GEOREF_SOURCES="INTERNAL", **options)

    def _give_back(self, entry: tuple[int | None, DatasetReader]) -> None:
        with self._lock:
            self._idle.append(entry)
            surplus = self._idle if self._closed else self._idle[:-HANDLES]
            self._idle = [] if self._closed else self._idle[-HANDLES:]
        for _, dataset in surplus:
            dataset.close()


class ResultMaps:
    """The maps asked for last. Threads may share it.

    Args:
        results: where results are.
        kept: how many are held open.
    """

    def __init__(self, results: Results, kept: int = KEPT) -> None:
        self._results, self._kept = results, kept
        self._held: OrderedDict[str, ResultMap] = OrderedDict()
        self._lock = Lock()
        limit_block_cache()

    def get(self, result: str) -> ResultMap:
        """The map of a result, by the name that the job table has.

        Raises:
            OSError: when it is gone.
        """
        with self._lock:
            found = self._held.get(result)
            if found is None:
                found = self._held[result] = self._open(result)
            self._held.move_to_end(result)
            surplus = [self._held.popitem(last=False)[1] for _ in range(len(self._held) - self._kept)]
        for old in surplus:
            old.close()
        return found

    def drop(self, result: str) -> None:
        """Close the map of a result that is gone."""
        with self._lock:
            found = self._held.pop(result, None)
        if found is not None:
            found.close()

    def drop_gone(self) -> None:
        """Close the maps of results whose folders are gone, so that the disk gets its room back."""
        for result in list(self._held):
            if not (self._results.root / result).exists():
                self.drop(result)

    def close(self) -> None:
        """Close all of them."""
        for result in list(self._held):
            self.drop(result)

    def _open(self, result: str) -> ResultMap:
        outputs: dict[str, Any] = self._results.outcome(result)["outputs"]
        return ResultMap(self._results.root / result, outputs["map"]["sha256"], outputs["map"]["file"])


def _step(col_HW: Floats, row_HW: Floats) -> float:
    """Pixels of the map from one pixel of the tile to the next, along rows and columns; the smaller of both."""
    steps = [float(np.nanmedian(np.hypot(np.diff(col_HW, axis=axis), np.diff(row_HW, axis=axis)))) for axis in (0, 1)]
    return min(steps)


def _span(numbers_HW: NDArray[np.int64], inside_HW: NDArray[np.bool_], length: int) -> tuple[int, int]:
    """From the first to behind the last of the pixels that are wanted."""
    wanted = numbers_HW[inside_HW]
    return int(wanted.min()), min(int(wanted.max()) + 1, length)

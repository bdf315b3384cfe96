"""Writing maps: rows are streamed in, a Cloud Optimized GeoTIFF appears under its name when all is well.

Several bands lie one after the other in the file (INTERLEAVE=BAND), because one band at a time is what people look at:
showing one of seven classes then reads a seventh of the bytes, and neighbours of one band compress better.

Names of the classes: GDAL keeps category names only in a side-car file (.aux.xml), so they are stored as tags inside
the map: ``STEPPE_CLASS_<code>`` = machine name, and ``legend`` = the whole legend as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Final, Self

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.errors import RasterioError
from rasterio.io import DatasetWriter
from rasterio.windows import Window as RasterioWindow

from landcover.errors import DtypeMismatch, WindowError
from landcover.grid import Grid
from landcover.legends import Legend
from landcover.raster.modes import with_modes
from landcover.raster.opening import gdal_env, limit_block_cache
from landcover.raster.protocol import AnyArray
from landcover.raster.readback import RowLedger, read_back
from landcover.raster.staging import check_target, write_errors
from landcover.raster.stated_legend import TAG, legend_text
from landcover.staging import StagingFolder, publish

_BLOCK: Final = 512
_TRANSPARENT: Final = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class MapBand:
    """What one band of a map says of itself.

    Attributes:
        description: its name.
        unit: of the stored numbers, or of the numbers times ``scale``; empty when they have none.
        scale: GDAL's band scale; what a stored number has to be multiplied with.
    """

    description: str = ""
    unit: str = ""
    scale: float = 1.0


def legend_tags(legend: Legend) -> dict[str, str]:
    """The legend as dataset tags."""
    names = {f"STEPPE_CLASS_{item.code}": item.name for item in legend.classes}
    return {**names, TAG: legend_text(legend)}


def _writing_env() -> rasterio.Env:
    """GDAL builds overviews in a file of its own; packing and unpacking that took a seventh of finishing a map."""
    return gdal_env(GDAL_NUM_THREADS="ALL_CPUS", COG_TMP_COMPRESSION="NONE")


class MapWriter:
    """Writes one map, of one band or several, exactly on a grid.

    Use as a context manager. Rows may come in any order; each must come. When the context ends well, the map is built
    as a COG (512 x 512 blocks, DEFLATE, overviews), read back, compared, flushed and renamed to ``path``, replacing
    what was there. When it ends with an exception, ``path`` is as it was before. Memory does not depend on the size
    of the map; the disk holds the map and its overviews uncompressed for a while.

    Args:
        path: the map; its folder must exist.
        grid: where the pixels are.
        dtype: sample type.
        nodata: value that means "no data".
        legend: for class maps; makes overviews by mode (by average without it), a colour table for uint8, and tags.
        tags: dataset tags, for provenance.
        description: name of the only band, or all that each of several bands says of itself.

    Raises:
        OutputNotWritable: the place cannot be written to; found here, before anything is computed.
        DiskFull: the disk has no room for the uncompressed map.
    """

    effort: ClassVar[int] = 6
    """How hard DEFLATE tries, 1 to 9."""

    def __init__(
        self,
        path: str | Path,
        grid: Grid,
        *,
        dtype: str = "uint8",
        nodata: float = 255,
        legend: Legend | None = None,
        tags: Mapping[str, str] | None = None,
        description: str | Sequence[MapBand] = "",
    ) -> None:
        self._path, self._grid = Path(path), grid
        self._dtype, self._nodata, self._legend = np.dtype(dtype), nodata, legend
        self._tags = {**(legend_tags(legend) if legend else {}), **(tags or {})}
        self._bands = (MapBand(description),) if isinstance(description, str) else tuple(description)
        self._raw_bytes = len(self._bands) * grid.height * grid.width * self._dtype.itemsize
        self._ledger = RowLedger.of(len(self._bands), grid.height)
        self._stack = ExitStack()
        check_target(self._path, needed_bytes=self._raw_bytes)

    def __enter__(self) -> Self:
        """Make room for the rows.

        Raises:
            OutputNotWritable: when nothing can be written after all.
            DiskFull: when the disk is full.
        """
        limit_block_cache()
        with self._stack:
            self._folder = self._stack.enter_context(StagingFolder(self._path))
            with self._write_errors(), _writing_env():
                self._raw = self._create_raw()
            self._stack.callback(self._close_raw)
            self._stack = self._stack.pop_all()
        return self

    def _write_errors(self) -> AbstractContextManager[None]:
        # A COG that does not compress, with its overviews, and beside it the overviews as they were made.
        needed_bytes = self._raw_bytes * 5 // 3 + 2**20
        return write_errors(self._path, self._folder, needed_bytes=needed_bytes)

    def _create_raw(self) -> DatasetWriter:
        """The uncompressed tiles that take the rows; blocks that are never written cost no disk."""
        raw = rasterio.open(
            self._folder / "rows.tif",
            "w",
            driver="GTiff",
            width=self._grid.width,
            height=self._grid.height,
            count=len(self._bands),
            dtype=self._dtype.name,
            nodata=self._nodata,
            crs=self._grid.crs.to_wkt(),
            transform=self._grid.transform,
            tiled=True,
            blockxsize=_BLOCK,
            blockysize=_BLOCK,
            interleave="band",
            SPARSE_OK=True,
            BIGTIFF="IF_SAFER",
        )
        raw.update_tags(**self._tags)
        for index, band in enumerate(self._bands, start=1):
            raw.set_band_description(index, band.description)
            raw.set_band_unit(index, band.unit)
        raw.scales = tuple(band.scale for band in self._bands)
        if self._legend and self._dtype == np.uint8:
            colours = {item.code: (*item.rgb, 255) for item in self._legend.classes}
            raw.write_colormap(1, {**colours, int(self._nodata): _TRANSPARENT})
        return raw

    def _close_raw(self) -> None:
        with suppress(RasterioError), _writing_env():  # the rows are thrown away; the Env keeps GDAL's own lines away
            self._raw.close()

    def write_rows(self, row_start: int, values: AnyArray) -> None:
        """Write whole rows.

        Args:
            row_start: first row.
            values: (rows, width), or (bands, rows, width) for several bands, of the map's dtype.

        Raises:
            WindowError: when the rows are not whole or reach beyond the grid.
            DtypeMismatch: when the samples are not of the map's type.
            DiskFull: when the disk is full.
            OutputNotWritable: when writing fails otherwise.
        """
        height, width = self._grid.height, self._grid.width
        values_BRC = values[None] if len(self._bands) == 1 else values
        count = values_BRC.shape[1] if values_BRC.ndim == 3 else 0  # noqa: PLR2004 (band, row, column)
        if not count or values_BRC.shape != (len(self._bands), count, width) or not 0 <= row_start <= height - count:
            raise WindowError(
                f"rows of shape {values.shape} from row {row_start} on do not fit a map of {height} x {width} pixels"
                + (f" in {len(self._bands)} bands" if len(self._bands) > 1 else "")
            )
        if values.dtype != self._dtype:
            raise DtypeMismatch(f"{self._path.name!r} is a map of {self._dtype.name}; {values.dtype.name} was written")
        with self._write_errors(), _writing_env():
            self._raw.write(values_BRC, window=RasterioWindow(0, row_start, width, count))
        self._ledger.record(row_start, values_BRC)

    def tag(self, tags: Mapping[str, str]) -> None:
        """Add dataset tags, such as are known only after the last row.

        Raises:
            DiskFull: when the disk is full.
            OutputNotWritable: when writing fails otherwise.
        """
        with self._write_errors(), _writing_env():
            self._raw.update_tags(**tags)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Publish the map, or leave nothing.

        Raises:
            WindowError: when rows were never written.
            DiskFull: when the disk is full.
            OutputNotWritable: when writing fails otherwise, or the map reads differently from what was written.
        """
        with self._stack:
            if error is None:
                self._finish()

    def _finish(self) -> None:
        self._ledger.require_complete()
        staged = self._folder / self._path.name
        with self._write_errors():
            with _writing_env():
                self._raw.close()
                rasterio.shutil.copy(self._source(), staged, driver="COG", **self._cog_options())
            read_back(staged, self._grid, self._dtype, self._ledger)
        publish(staged, self._path)

    def _source(self) -> Path:
        """The uncompressed map, of classes with its overviews."""
        raw = Path(self._raw.name)
        return with_modes(raw, block=_BLOCK, nodata=self._nodata) if self._by_mode else raw

    @property
    def _by_mode(self) -> bool:
        return self._legend is not None and len(self._bands) == 1

    def _cog_options(self) -> dict[str, str]:
        """See https://gdal.org/drivers/raster/cog.html."""
        smooth = self._legend is None
        return {
            "BLOCKSIZE": str(_BLOCK),
            "COMPRESS": "DEFLATE",
            "LEVEL": str(self.effort),
            "INTERLEAVE": "BAND",
            "PREDICTOR": "YES" if smooth and self._dtype.itemsize > 1 else "NO",
            "OVERVIEW_RESAMPLING": "AVERAGE" if smooth else "MODE",
            "BIGTIFF": "IF_SAFER",
            "NUM_THREADS": "ALL_CPUS",
        }


class LargeMapWriter(MapWriter):
    """For maps of a whole country: compressed in half the time, a seventh larger."""

    effort = 3

"""Maps of numbers: stocks, percents, annual NDVI. Integers or floats, in which only what the file says is no data.

Beside ``categorical``, with the same guarantees: the header is checked before a pixel is read, and no nodata value is
assumed. Floats that are not finite are no data, too. Where a file states a scale or an offset, they are applied, once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import rasterio.windows
from rasterio.enums import ColorInterp, Interleaving
from rasterio.io import DatasetReader

from landcover.errors import BandCount, DtypeMismatch
from landcover.grid import Window
from landcover.raster import metadata
from landcover.raster.bands import data_bands, load_mask
from landcover.raster.base import BaseScene, SceneHeader
from landcover.raster.digest import Stopped, file_digest
from landcover.raster.georeference import grid_of
from landcover.raster.handles import HandlePool
from landcover.raster.numberreading import reading_of
from landcover.raster.openedmap import OpenedMap
from landcover.raster.opening import open_raster
from landcover.raster.protocol import DEFAULT_POLICY, AnyArray, Block, BoolArray, ReadPolicy
from landcover.raster.scene import existing
from landcover.raster.strips import Layout, Load, StripCache
from landcover.raster.validity import has_mask

_TYPES: Final = frozenset({"uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"})
_COLUMNS: Final = 1024
"""Columns that are loaded at once of files that store all bands of a pixel together."""

_FLOATS: Final = frozenset({"float32", "float64"})


@dataclass(frozen=True, slots=True)
class NumberMap(OpenedMap[float]):
    """An opened map of numbers. Use as a context manager, or close it.

    Attributes:
        scene: its pixels, one band or more. A pixel is valid where **any** band has a number; which band has none only
            ``nodata`` says.
        nodata: number that missing samples have: NaN in floats, in integers the file's own or the one that was named;
            None when integers have none, and only ``Block.valid`` says what is data.
        scaled: whether the file states a scale or an offset, which are applied: the numbers are the true ones.
        descriptions: what the file calls its bands, all of them, also those that are left out; empty where it does not.
    """

    scaled: bool
    descriptions: tuple[str, ...] = ("",)


def open_numbers(path: str | Path, *, policy: ReadPolicy = DEFAULT_POLICY) -> NumberMap:
    """Open a local raster of numbers of one band; everything that can be refused is refused before a pixel is read.

    Args:
        path: a TIFF or JPEG 2000 file.
        policy: limits and threads; its assumed nodata is not used.

    Raises:
        RasterUnreadable: it is no raster, or not there.
        BandCount: it has several bands.
        DtypeMismatch: its samples are no numbers.
        DataError: another of its nouns, see ``MultibandScene``.
    """
    opened = open_number_stack(path, policy=policy)
    if len(opened.scene.bands) != 1:
        opened.close()
        raise BandCount(
            f"{Path(path).name!r} has {len(opened.scene.bands)} bands; a layer of numbers has one: extract it first"
        )
    return opened


def open_number_stack(
    path: str | Path,
    *,
    only: slice = slice(None),
    missing: float | None = None,
    policy: ReadPolicy = DEFAULT_POLICY,
) -> NumberMap:
    """Open a local raster of numbers of one band or more, all of one type.

    Args:
        path: a TIFF or JPEG 2000 file.
        only: which bands to read, counted from 0; the others cost nothing.
        missing: a stored value, before scale and offset, that is no data, too, beside what the file says.
        policy: limits and threads; its assumed nodata is not used.

    Raises:
        RasterUnreadable: it is no raster, or not there.
        BandCount: it has no such band beside an alpha band.
        DtypeMismatch: its samples are no numbers, or bands differ in type, scale or nodata value.
        DataError: another of its nouns, see ``MultibandScene``.
    """
    scene = _NumberScene(existing(path), policy, only, missing)
    return NumberMap(scene, scene.nodata, scene.scaled, scene.descriptions)


class _NumberScene(BaseScene):
    """Bands of numbers as a scene, see ``protocol.Scene``; memory is that of ``MultibandScene``."""

    def __init__(self, path: Path, policy: ReadPolicy, only: slice, missing: float | None) -> None:
        file, dataset = open_raster(path, policy)
        try:
            every = _bands(dataset, file.name)
            self.descriptions = tuple(dataset.descriptions[band - 1] or "" for band in every)
            bands = _chosen(every, only, file.name)
            self._reading = reading_of(dataset, bands, file.name, missing=missing)
            header = SceneHeader(
                grid=grid_of(dataset, file.name),
                bands=tuple(dataset.descriptions[band - 1] or f"band{band}" for band in bands),
                dtype=self._reading.dtype,
                level=None,
                radiometry=None,
                datetime=metadata.normalise_datetime(metadata.tags_of(dataset).get("datetime", "")),
                identifier=file.path.stem,
            )
        except Exception:
            dataset.close()
            raise
        pool = HandlePool(file, dataset)
        super().__init__(header, [pool], policy)
        layout, parts = Layout.of(dataset, bands=len(bands), dtype=self._reading.stored), policy.decode_threads
        self._strips = StripCache(pool, layout, _load_of(dataset, bands), parts=parts)
        self._mask_strips: StripCache | None = None
        if has_mask(dataset, alpha=True):
            mask_layout = Layout.of(dataset, bands=1, dtype=np.dtype(np.uint8))
            self._mask_strips = StripCache(pool, mask_layout, load_mask, parts=parts)

    @property
    def nodata(self) -> float | None:
        """What missing samples have in blocks."""
        return self._reading.nodata

    @property
    def scaled(self) -> bool:
        """Whether a scale or an offset of the file is applied."""
        return self._reading.scaled

    def read(self, window: Window) -> Block:
        """The pixels of a window.

        Raises:
            WindowError: when the window reaches beyond the grid.
            RasterTruncated: when pixels are missing or damaged.
            ValueError: when the scene is closed.
        """
        self.grid.crop(window)
        self._fetch(window)
        stored_BRC = self._strips.take(window)
        present_BRC = self._reading.present(stored_BRC)
        valid_RC: BoolArray = present_BRC.any(axis=0)
        if self._mask_strips is not None:
            valid_RC &= self._mask_strips.take(window)[0] != 0
        return Block(self._reading.numbers(stored_BRC, present_BRC), valid_RC)

    def _plans(self, window: Window) -> Iterator[tuple[StripCache, Window]]:
        yield self._strips, window
        if self._mask_strips is not None:
            yield self._mask_strips, window

    def _take_digest(self, paths: list[Path], stopped: Stopped) -> str:
        return file_digest(paths[0], stopped)


def _bands(dataset: DatasetReader, name: str) -> list[int]:
    """Indexes of the bands, from 1.

    Raises:
        BandCount: when there is none beside an alpha band.
        DtypeMismatch: when samples are no numbers, or bands differ in type.
    """
    bands, _ = data_bands(dataset)
    if not bands:
        raise BandCount(f"{name!r} has no band of numbers; give another file")
    if any(dataset.colorinterp[band - 1] == ColorInterp.palette for band in bands):
        raise DtypeMismatch(f"{name!r} is a picture with a colour table, whose numbers measure nothing; give the data")
    kinds = sorted({dataset.dtypes[band - 1] for band in bands})
    if len(kinds) > 1 or kinds[0] not in _TYPES | _FLOATS:
        raise DtypeMismatch(
            f"{name!r} has {' and '.join(kinds)} samples; a layer of numbers is of one type, integers or float32 or "
            "float64: convert it, for example with gdal_translate -ot Float32 IN.tif OUT.tif"
        )
    return bands


def _load_of(dataset: DatasetReader, bands: list[int]) -> Load:
    """Loads bands: one call for each where the file stores each for itself, else some columns at a time.

    Of many bands in one call LIBERTIFF holds all decoded blocks beside what it returns: a gigabyte for 16 bands of
    20,000 columns.
    """
    if dataset.interleaving == Interleaving.band:
        return _by_band(bands)
    width = dataset.block_shapes[0][1]
    return _by_columns(bands, width * max(1, _COLUMNS // width))


def _by_band(bands: list[int]) -> Load:
    def load(dataset: DatasetReader, window: rasterio.windows.Window, out_BRC: AnyArray) -> None:
        for band, out_RC in zip(bands, out_BRC, strict=True):
            dataset.read(band, window=window, out=out_RC)

    return load


def _by_columns(bands: list[int], step: int) -> Load:
    """Loads whole blocks; windows begin where a block begins."""

    def load(dataset: DatasetReader, window: rasterio.windows.Window, out_BRC: AnyArray) -> None:
        for col in range(0, out_BRC.shape[2], step):
            part = out_BRC[:, :, col : col + step]
            place = rasterio.windows.Window(window.col_off + col, window.row_off, part.shape[2], part.shape[1])
            dataset.read(bands, window=place, out=part)

    return load


def _chosen(bands: list[int], only: slice, name: str) -> list[int]:
    chosen = bands[only]
    if not chosen:
        raise BandCount(f"{name!r} has {len(bands)} bands, none of which was asked for")
    return chosen

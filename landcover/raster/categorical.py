"""Maps of codes: one band of whole numbers in which only what the file itself calls nodata is none.

Unlike scenes of a sensor, a class map may have a colour table, any integer type, and a class with the code 0 (water in
Dynamic World): no nodata value is ever assumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from rasterio.io import DatasetReader

from landcover.errors import BandCount, DtypeMismatch
from landcover.grid import Window
from landcover.legends import Legend
from landcover.raster import metadata
from landcover.raster.bands import data_bands, load_bands, load_mask
from landcover.raster.base import BaseScene, SceneHeader
from landcover.raster.digest import Stopped, file_digest
from landcover.raster.georeference import grid_of
from landcover.raster.handles import HandlePool
from landcover.raster.openedmap import OpenedMap
from landcover.raster.opening import open_raster
from landcover.raster.protocol import DEFAULT_POLICY, Block, ReadPolicy
from landcover.raster.scene import existing
from landcover.raster.stated_legend import TAG, parse_legend
from landcover.raster.strips import Layout, StripCache
from landcover.raster.validity import NodataRule, has_mask, make_block

CODES: Final = "codes"
"""Name of the only band."""


@dataclass(frozen=True, slots=True)
class CodeMap(OpenedMap[int]):
    """An opened map of codes. Use as a context manager, or close it.

    Attributes:
        scene: its pixels, one band of an integer type.
        nodata: value that means "no data" in the blocks, and that all invalid pixels have; None when the file has no
            such value, and only ``Block.valid`` says what is data.
        legend: what the file itself says of its codes; None when it says nothing that can be read.
        scaled: whether the file states a scale or an offset; codes have none, so it is not applied.
    """

    legend: Legend | None = None
    scaled: bool = False


def open_codes(path: str | Path, *, policy: ReadPolicy = DEFAULT_POLICY) -> CodeMap:
    """Open a local raster of class codes; everything that can be refused is refused before a pixel is read.

    Args:
        path: a TIFF or JPEG 2000 file of one band.
        policy: limits and threads; its assumed nodata is not used.

    Raises:
        RasterUnreadable: it is no raster, or not there.
        BandCount: it has several bands.
        DtypeMismatch: its samples are no integers.
        DataError: another of its nouns, see ``MultibandScene``.
    """
    scene = _CodeScene(existing(path), policy)
    return CodeMap(scene, scene.nodata, scene.legend, scene.scaled)


class _CodeScene(BaseScene):
    """One band of integers as a scene, see ``protocol.Scene``; memory is that of ``MultibandScene``."""

    def __init__(self, path: Path, policy: ReadPolicy) -> None:
        file, dataset = open_raster(path, policy)
        try:
            band, tags = _only_band(dataset, file.name), metadata.tags_of(dataset)
            dtype = np.dtype(dataset.dtypes[band - 1])
            header = SceneHeader(
                grid=grid_of(dataset, file.name),
                bands=(CODES,),
                dtype=dtype,
                level=None,
                radiometry=None,
                datetime=metadata.normalise_datetime(tags.get("datetime", "")),
                identifier=file.path.stem,
            )
        except Exception:
            dataset.close()
            raise
        pool = HandlePool(file, dataset)
        super().__init__(header, [pool], policy)
        self.legend = parse_legend(tags.get(TAG, ""))
        self.scaled = (dataset.scales[band - 1], dataset.offsets[band - 1]) != (1.0, 0.0)
        self._rule = NodataRule.of([dataset.nodatavals[band - 1]], dtype, None)
        layout, parts = Layout.of(dataset, bands=1, dtype=dtype), policy.decode_threads
        self._strips = StripCache(pool, layout, load_bands([band]), parts=parts)
        self._mask_strips: StripCache | None = None
        if has_mask(dataset, alpha=True):
            mask_layout = Layout.of(dataset, bands=1, dtype=np.dtype(np.uint8))
            self._mask_strips = StripCache(pool, mask_layout, load_mask, parts=parts)

    @property
    def nodata(self) -> int | None:
        """The file's own nodata value, None when it declares none that its pixels can have."""
        value = self._rule.nodata
        return None if value is None else int(value)

    def read(self, window: Window) -> Block:
        """The pixels of a window.

        Raises:
            WindowError: when the window reaches beyond the grid.
            RasterTruncated: when pixels are missing or damaged.
            ValueError: when the scene is closed.
        """
        self.grid.crop(window)
        self._fetch(window)
        masks = [] if self._mask_strips is None else [self._mask_strips.take(window)[0] != 0]
        return make_block(self._strips.take(window), self._rule, masks)

    def _plans(self, window: Window) -> Iterator[tuple[StripCache, Window]]:
        yield self._strips, window
        if self._mask_strips is not None:
            yield self._mask_strips, window

    def _take_digest(self, paths: list[Path], stopped: Stopped) -> str:
        return file_digest(paths[0], stopped)


def _only_band(dataset: DatasetReader, name: str) -> int:
    """Index of the band, from 1.

    Raises:
        BandCount: with several bands, or none beside an alpha band.
        DtypeMismatch: when its samples are no integers.
    """
    bands, _ = data_bands(dataset)
    if len(bands) != 1:
        raise BandCount(f"{name!r} has {len(bands)} bands; a map of classes has one: extract it first")
    kind = dataset.dtypes[bands[0] - 1]
    if not _is_integer(kind):
        raise DtypeMismatch(
            f"{name!r} has {kind} samples; codes of classes are whole numbers: convert it, for example with "
            "gdal_translate -ot Int16 IN.tif OUT.tif"
        )
    return bands[0]


def _is_integer(kind: str) -> bool:
    try:
        return np.issubdtype(np.dtype(kind), np.integer)
    except TypeError:  # GDAL's complex integers have no numpy type
        return False

"""One band of a scene that is made of many files: its pixels on the scene's grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rasterio.io import DatasetReader

from landcover.grid import Grid, Window
from landcover.raster.bands import load_bands, load_mask
from landcover.raster.handles import HandlePool
from landcover.raster.opening import RasterFile
from landcover.raster.protocol import AnyArray, BoolArray
from landcover.raster.strips import Layout, StripCache
from landcover.raster.upsample import coarse_window, spread, upsample
from landcover.raster.validity import NodataRule, has_mask, valid_pixels


@dataclass(frozen=True, slots=True)
class BandFile:
    """An opened and accepted file of one band.

    Attributes:
        file: path and driver.
        dataset: the handle it was accepted with.
        grid: its own grid.
        index: the band in the file, counted from 1.
    """

    file: RasterFile
    dataset: DatasetReader
    grid: Grid
    index: int


class BandReader:
    """One band on the scene's grid.

    Args:
        opened: the band's file.
        pool: handles on it.
        ratio: pixels of the scene per pixel of the file, down and across.
        rule: what means nodata in this band.
        parts: in how many parts a strip is decoded at once.
    """

    def __init__(
        self, opened: BandFile, pool: HandlePool, *, ratio: tuple[int, int], rule: NodataRule, parts: int
    ) -> None:
        dataset = opened.dataset
        self._ratio, self._rule = ratio, rule
        self._shape = (opened.grid.height, opened.grid.width)
        layout = Layout.of(dataset, bands=1, dtype=np.dtype(dataset.dtypes[opened.index - 1]))
        self._strips = StripCache(pool, layout, load_bands([opened.index]), parts=parts)
        self._mask_strips: StripCache | None = None
        if has_mask(dataset, alpha=True):
            mask_layout = Layout.of(dataset, bands=1, dtype=np.dtype(np.uint8))
            self._mask_strips = StripCache(pool, mask_layout, load_mask, parts=parts)

    def plans(self, window: Window) -> list[tuple[StripCache, Window]]:
        """What must be fetched before ``take``."""
        own = self._native(window)
        return [(cache, own) for cache in (self._strips, self._mask_strips) if cache is not None]

    def _native(self, window: Window) -> Window:
        """The file's pixels that the scene's window depends on."""
        return window if self._ratio == (1, 1) else coarse_window(window, self._ratio, self._shape)

    def take(self, window: Window, out_RC: AnyArray) -> list[BoolArray]:
        """Write the band's pixels of the scene's window to ``out_RC`` (row, col); answer its mask, if there is one."""
        own = self._native(window)
        native_BRC = self._rule.unify(self._strips.take(own))
        masks = [self._mask_strips.take(own)[0] != 0] if self._mask_strips else []
        if self._ratio == (1, 1):
            out_RC[:] = native_BRC[0]
            return masks
        valid_RC = valid_pixels(native_BRC, self._rule, masks)
        out_RC[:] = upsample(native_BRC[0], window, ratio=self._ratio, shape=self._shape, valid_RC=valid_RC)
        return [spread(mask_RC, window, ratio=self._ratio, shape=self._shape) for mask_RC in masks]

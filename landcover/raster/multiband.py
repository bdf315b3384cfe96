"""A scene in one file: several bands, told apart by their names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rasterio.io import DatasetReader

from landcover.grid import Window
from landcover.raster import metadata
from landcover.raster.band_names import select_bands
from landcover.raster.bands import check_dtype, data_bands, load_bands, load_mask
from landcover.raster.base import BaseScene, SceneHeader
from landcover.raster.digest import Stopped, file_digest
from landcover.raster.georeference import grid_of
from landcover.raster.handles import HandlePool
from landcover.raster.opening import open_raster
from landcover.raster.protocol import AnyArray, Block, BoolArray, SceneRequest
from landcover.raster.strips import Layout, StripCache
from landcover.raster.validity import NodataRule, has_mask, make_block


@dataclass(frozen=True, slots=True)
class _Selection:
    """Band indexes in the file, counted from 1: the wanted ones in order, and alpha when there is one."""

    wanted: tuple[int, ...]
    alpha: int | None

    @property
    def loaded(self) -> list[int]:
        return [*self.wanted, *([] if self.alpha is None else [self.alpha])]


def _select(dataset: DatasetReader, request: SceneRequest, name: str) -> _Selection:
    candidates, alpha = data_bands(dataset)
    stated = [dataset.descriptions[index - 1] for index in candidates]
    positions = select_bands(stated, request.bands_wanted, request.bands, name=name)
    return _Selection(tuple(candidates[position] for position in positions), alpha)


def _header(dataset: DatasetReader, selection: _Selection, request: SceneRequest, path: Path) -> SceneHeader:
    tags = metadata.tags_of(dataset)
    levels = [
        *metadata.level_statements(tags, path.name),
        *metadata.level_by_caller(request.level),
    ]
    radiometries = [
        *metadata.band_radiometry(dataset, selection.wanted, path.name),
        *metadata.tag_radiometry(tags, path.name),
        *metadata.radiometry_by_caller(request.radiometry),
    ]
    return SceneHeader(
        grid=grid_of(dataset, path.name),
        bands=request.bands_wanted,
        dtype=request.dtype,
        level=metadata.agreed_level(levels),
        radiometry=metadata.agreed_radiometry(radiometries),
        datetime=metadata.normalise_datetime(tags.get("datetime", "")),
        identifier=path.stem,
    )


class MultibandScene(BaseScene):
    """One multi-band TIFF or JPEG 2000 file as a scene. See ``protocol.Scene``.

    Memory of a read: the window itself and the strips of whole blocks it touches, whatever the height of the file
    (10 bands of 10980 columns, blocks and windows of 512 rows: 112 MB and at most 225 MB).

    Args:
        path: the file.
        request: what is wanted and what the caller states.

    Raises:
        RasterUnreadable: not a TIFF or JPEG 2000 file that can be opened.
        RasterTooLarge: beyond the limits of the request's policy.
        BandMapping: the wanted bands cannot be found by name.
        DtypeMismatch: the samples are not of the wanted type.
        NoCrs: no coordinate reference system, or none on Earth.
        NoGeoreference: no usable pixel-to-map transform.
        LevelMismatch: file and caller state different processing levels.
        RadiometryMismatch: file and caller, or two bands, state different scales and offsets.
    """

    def __init__(self, path: Path, request: SceneRequest) -> None:
        file, dataset = open_raster(path, request.policy)
        try:
            selection = _select(dataset, request, file.name)
            check_dtype(dataset, selection.wanted, request.dtype, file.name)
            header = _header(dataset, selection, request, file.path)
        except Exception:
            dataset.close()
            raise
        pool = HandlePool(file, dataset)
        super().__init__(header, [pool], request.policy)
        self._has_alpha = selection.alpha is not None
        declared = [dataset.nodatavals[index - 1] for index in selection.wanted]
        self._nodata = NodataRule.of(declared, request.dtype, request.policy.assumed_nodata)
        parts = request.policy.decode_threads
        layout = Layout.of(dataset, bands=len(selection.loaded), dtype=request.dtype)
        self._strips = StripCache(pool, layout, load_bands(selection.loaded), parts=parts)
        self._mask_strips: StripCache | None = None
        if has_mask(dataset, alpha=False):
            mask_layout = Layout.of(dataset, bands=1, dtype=np.dtype(np.uint8))
            self._mask_strips = StripCache(pool, mask_layout, load_mask, parts=parts)

    def _take_digest(self, paths: list[Path], stopped: Stopped) -> str:
        return file_digest(paths[0], stopped)

    def read(self, window: Window) -> Block:
        """The pixels of a window.

        Raises:
            WindowError: when the window reaches beyond the grid.
            RasterTruncated: when pixels are missing or damaged.
            ValueError: when the scene is closed.
        """
        self.grid.crop(window)
        self._fetch(window)
        loaded_BRC = self._strips.take(window)
        data_BRC = self._nodata.unify(loaded_BRC[: len(self.bands)])
        return make_block(data_BRC, self._nodata, self._masks(loaded_BRC, window))

    def _plans(self, window: Window) -> Iterator[tuple[StripCache, Window]]:
        yield self._strips, window
        if self._mask_strips is not None:
            yield self._mask_strips, window

    def _masks(self, loaded_BRC: AnyArray, window: Window) -> list[BoolArray]:
        """The alpha band and the file's own mask, whichever there are; True = valid."""
        masks = [loaded_BRC[-1] != 0] if self._has_alpha else []
        if self._mask_strips is not None:
            masks.append(self._mask_strips.take(window)[0] != 0)
        return masks

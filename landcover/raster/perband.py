"""A scene in many files: one per band, at mixed ground sample distances, in a folder or a SAFE product."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from affine import Affine

from landcover.errors import BandMapping, GridMismatch
from landcover.grid import Grid, Window
from landcover.raster import metadata
from landcover.raster.band_files import choose_band_files, find_band_files, scene_of
from landcover.raster.band_reader import BandFile, BandReader
from landcover.raster.bands import check_dtype, data_bands
from landcover.raster.base import BaseScene, SceneHeader
from landcover.raster.digest import Stopped, files_digest
from landcover.raster.georeference import grid_of
from landcover.raster.handles import HandlePool
from landcover.raster.opening import open_raster
from landcover.raster.product_metadata import product_root, product_statements
from landcover.raster.protocol import Block, SceneRequest
from landcover.raster.strips import StripCache
from landcover.raster.upsample import MAX_RATIO
from landcover.raster.validity import NodataRule, make_block

_TOLERANCE_PX = 1e-2  # of a fine pixel; how far corners of two bands may lie apart


def _open_band(path: Path, request: SceneRequest) -> BandFile:
    file, dataset = open_raster(path, request.policy)
    try:
        indexes, _ = data_bands(dataset)
        _check_single(indexes, file.name)
        check_dtype(dataset, indexes, request.dtype, file.name)
        return BandFile(file, dataset, grid_of(dataset, file.name), indexes[0])
    except Exception:
        dataset.close()
        raise


def _check_single(indexes: Sequence[int], name: str) -> None:
    if len(indexes) != 1:
        raise BandMapping(f"{name!r} has {len(indexes)} bands; a folder of bands has one in each file")


def _check_distinct(opened: Sequence[BandFile], band: str) -> None:
    first, *others = opened
    if others and others[0].grid.pixel_size == first.grid.pixel_size:
        raise BandMapping(
            f"band {band} is in {first.file.name!r} and in {others[0].file.name!r}, both with pixels of "
            f"{first.grid.pixel_size[0]:g}; keep one scene in the folder"
        )


def _open_finest(paths: Sequence[Path], request: SceneRequest, band: str) -> BandFile:
    """The file with the smallest pixels; the others are closed again.

    Raises:
        BandMapping: when two files have the same pixel size.
    """
    opened: list[BandFile] = []
    try:
        opened.extend(_open_band(path, request) for path in paths)
        opened.sort(key=lambda one: one.grid.pixel_size)
        _check_distinct(opened, band)
    except Exception:
        _close(opened)
        raise
    _close(opened[1:])
    return opened[0]


def _close(files: Sequence[BandFile]) -> None:
    for one in files:
        one.dataset.close()


def _ratio(fine: BandFile, coarse: BandFile) -> tuple[int, int]:
    """Fine pixels per coarse pixel, down and across.

    Raises:
        GridMismatch: when the two do not share CRS and extent, or the factor is not whole.
    """
    names = f"{fine.file.name!r} and {coarse.file.name!r}"
    if fine.grid.crs != coarse.grid.crs:
        raise GridMismatch(
            f"{names} have different coordinate reference systems ({fine.grid.crs.name!r}, {coarse.grid.crs.name!r}); "
            "warp the bands to one grid first"
        )
    down, rest_down = divmod(fine.grid.height, coarse.grid.height)
    across, rest_across = divmod(fine.grid.width, coarse.grid.width)
    stretched = Grid(
        coarse.grid.crs,
        coarse.grid.transform @ Affine.scale(1 / max(across, 1), 1 / max(down, 1)),
        fine.grid.height,
        fine.grid.width,
    )
    whole = not rest_down and not rest_across and max(down, across) <= MAX_RATIO
    if not whole or not fine.grid.aligned_with(stretched, tolerance_px=_TOLERANCE_PX):
        raise GridMismatch(
            f"{names} do not cover the same extent in whole pixels ({fine.grid.height} x {fine.grid.width} and "
            f"{coarse.grid.height} x {coarse.grid.width} pixels); cut or warp the bands to one grid first"
        )
    return down, across


class PerBandScene(BaseScene):
    """A folder of single-band files as a scene. See ``protocol.Scene``.

    The grid is that of the finest wanted band; coarser bands are upsampled on reading, bilinearly (``upsample``), so
    that reading by blocks equals reading at once. Of a band stored at several resolutions the finest is read.

    Args:
        folder: a folder of band files, or any level of a SAFE product down to its image folders.
        request: what is wanted and what the caller states.

    Raises:
        RasterUnreadable: no band files, or one that cannot be opened.
        RasterTooLarge: a file beyond the limits of the request's policy.
        BandMapping: a wanted band has no file or several, or the caller names bands (file names do that here).
        DtypeMismatch: the samples of a band are not of the wanted type.
        NoCrs: a file has no coordinate reference system.
        NoGeoreference: a file has no usable pixel-to-map transform.
        GridMismatch: two bands do not share CRS and extent.
        LevelMismatch: metadata, names and caller state different processing levels.
        RadiometryMismatch: metadata, names and caller, or two bands, state different scales and offsets.
    """

    def __init__(self, folder: Path, request: SceneRequest) -> None:
        if request.bands is not None:
            raise BandMapping(
                "band names were given for a folder, whose file names say which band is which; leave them out"
            )
        paths = choose_band_files(find_band_files(folder), request.bands_wanted, folder.name)
        opened: list[BandFile] = []
        try:
            for band, candidates in zip(request.bands_wanted, paths, strict=True):
                opened.append(_open_finest(candidates, request, band))
            finest = min(opened, key=lambda one: one.grid.pixel_size)
            ratios = [_ratio(finest, one) for one in opened]
            header = _header(opened, finest.grid, request, folder)
        except Exception:
            _close(opened)
            raise
        pools = [HandlePool(one.file, one.dataset) for one in opened]
        super().__init__(header, pools, request.policy)
        declared = [one.dataset.nodatavals[one.index - 1] for one in opened]
        self._rule = NodataRule.of(declared, request.dtype, request.policy.assumed_nodata)
        parts = request.policy.decode_threads
        self._readers = [
            BandReader(one, pool, ratio=ratio, rule=self._rule.of_band(position), parts=parts)
            for position, (one, pool, ratio) in enumerate(zip(opened, pools, ratios, strict=True))
        ]

    def _take_digest(self, paths: list[Path], stopped: Stopped) -> str:
        return files_digest(paths, stopped)

    def read(self, window: Window) -> Block:
        """The pixels of a window.

        Raises:
            WindowError: when the window reaches beyond the grid.
            RasterTruncated: when pixels are missing or damaged.
            ValueError: when the scene is closed.
        """
        self.grid.crop(window)
        self._fetch(window)
        data_BRC = np.empty((len(self._readers), window.height, window.width), self.dtype)
        bands = zip(self._readers, data_BRC, strict=True)
        futures = [self._executor.submit(reader.take, window, out_RC) for reader, out_RC in bands]
        masks = [mask_RC for future in futures for mask_RC in future.result()]
        return make_block(data_BRC, self._rule, masks)

    def _plans(self, window: Window) -> Iterator[tuple[StripCache, Window]]:
        for reader in self._readers:
            yield from reader.plans(window)


def _header(opened: Sequence[BandFile], grid: Grid, request: SceneRequest, folder: Path) -> SceneHeader:
    root = product_root(folder)
    said = product_statements(root, [one.file.path for one in opened], request.bands_wanted)
    for one in opened:
        tags = metadata.tags_of(one.dataset)
        said.levels += metadata.level_statements(tags, one.file.name)
        said.radiometries += metadata.band_radiometry(one.dataset, [one.index], one.file.name)
        said.radiometries += metadata.tag_radiometry(tags, one.file.name)
        said.datetimes += [tags["datetime"]] if "datetime" in tags else []
    dates = [date for date in map(metadata.normalise_datetime, said.datetimes) if date]
    return SceneHeader(
        grid=grid,
        bands=request.bands_wanted,
        dtype=request.dtype,
        level=metadata.agreed_level([*said.levels, *metadata.level_by_caller(request.level)]),
        radiometry=metadata.agreed_radiometry([*said.radiometries, *metadata.radiometry_by_caller(request.radiometry)]),
        datetime=dates[0] if dates else None,
        identifier=_identifier(root, [one.file.path for one in opened]),
    )


def _identifier(root: Path, paths: Sequence[Path]) -> str:
    """The product's name; for a plain folder what its files have in common, which says more than ``IMG_DATA``."""
    if root.suffix == ".SAFE":
        return root.stem
    return scene_of(paths) or root.name

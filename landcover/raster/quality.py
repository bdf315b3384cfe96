"""Find the mask band that came with a scene, and read it on the scene's grid.

The mask is a band of the same file, or a file beside the bands; in a SAFE product it may lie in ``QI_DATA``. Masks of
20 or 60 m are brought to the scene's pixels by the pixel that holds each centre: codes cannot be averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from rasterio.io import DatasetReader
from rasterio.windows import Window as RasterioWindow

from landcover.errors import BandMapping, GridMismatch
from landcover.grid import Grid
from landcover.quality import MASKS, UNKNOWN, MaskKind
from landcover.raster.bands import data_bands
from landcover.raster.digest import file_digest
from landcover.raster.georeference import grid_of
from landcover.raster.mask_files import mask_files
from landcover.raster.nearest import nearest_places
from landcover.raster.opening import RasterFile, open_raster, pixel_errors, reading_env
from landcover.raster.protocol import DEFAULT_POLICY
from landcover.raster.scene import place_of
from landcover.raster.target import touching

ELSEWHERE: Final = "lies elsewhere than the scene; correct its georeference, or leave --quality and --mask-clouds out"


class MaskReader:
    """A mask on the grid of a scene. Use as a context manager; one thread may read at a time.

    Attributes:
        kind: which mask it is.
        file: where it was found.
    """

    def __init__(self, found: _Found, grid: Grid) -> None:
        """Find the pixels of the mask that hold the centres of the scene's pixels, in whatever CRS the mask is.

        Raises:
            NoCrs: the mask has no coordinate reference system.
            NoGeoreference: it has no usable transform.
            GridMismatch: it lies elsewhere than the scene.
        """
        self.kind, self.file = found.kind, found.file
        self._dataset, self._indexes = found.dataset, list(found.indexes)
        own = grid_of(found.dataset, found.file.name)
        if not touching(grid, own):
            raise GridMismatch(f"the mask {found.kind.name} in {found.file.name!r} {ELSEWHERE}")
        self._places = nearest_places(grid, own)

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.file.name

    def input_digest(self) -> str:
        """SHA-256 of the file, hexadecimal.

        Raises:
            RasterUnreadable: when it can no longer be read.
        """
        return file_digest(self.file.path)

    def rows(self, row_start: int, row_stop: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Quality codes of some rows of the scene, uint8 (row, col), and where the mask reaches; unknown elsewhere.

        Raises:
            RasterTruncated: when pixels are missing or damaged.
            DtypeMismatch: when the samples are no mask's.
            RasterChanged: when the file is no longer what was opened.
        """
        rows, cols = self._places.rows(row_start, row_stop)
        inside_RW = (rows >= 0) & (cols >= 0)
        if not inside_RW.any():
            return np.full(inside_RW.shape, UNKNOWN, np.uint8), inside_RW
        top, left = int(rows[rows >= 0].min()), int(cols[cols >= 0].min())
        window = RasterioWindow(left, top, int(cols.max()) - left + 1, int(rows.max()) - top + 1)
        with reading_env(), pixel_errors(self.file.path):
            values_BRC = self._dataset.read(self._indexes, window=window)
        self.file.check_unchanged()
        mask_RC = self.kind.codes(values_BRC)
        codes_RW = mask_RC[np.maximum(rows - top, 0), np.maximum(cols - left, 0)]
        return np.where(inside_RW, codes_RW, np.uint8(UNKNOWN)), inside_RW

    def __enter__(self) -> Self:
        """The reader itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._dataset.close()


@dataclass(frozen=True, slots=True)
class _Found:
    """An opened mask: its file, its bands in the file counted from 1, and what they mean."""

    kind: MaskKind
    file: RasterFile
    dataset: DatasetReader
    indexes: tuple[int, ...]


def open_mask(source: Path, grid: Grid, *, bands: Sequence[str] | None = None) -> MaskReader | None:
    """The mask band that came with a scene; None when there is none.

    Args:
        source: what the scene was opened from: a file, a folder of bands, a SAFE product or its metadata file.
        grid: grid of the scene.
        bands: names of the file's bands in file order, where the file does not name them.

    Raises:
        DataError: when there is one that cannot be used; see ``MaskReader``.
        RasterUnreadable: when it cannot be opened.
        BandMapping: when it does not have the bands that such a mask has.
    """
    place = place_of(source)
    place = place.parent if place.suffix.lower() == ".xml" else place
    found = _among_files(place) if place.is_dir() else _among_bands(place, bands)
    if found is None:
        return None
    try:
        return MaskReader(found, grid)
    except BaseException:
        found.dataset.close()
        raise


def _among_bands(path: Path, given: Sequence[str] | None) -> _Found | None:
    file, dataset = open_raster(path, DEFAULT_POLICY)
    candidates, _ = data_bands(dataset)
    names = list(given) if given is not None else [dataset.descriptions[index - 1] or "" for index in candidates]
    index_of = {name.strip().upper(): index for name, index in zip(names, candidates, strict=False)}
    for kind in MASKS:
        if all(band in index_of for band in kind.bands):
            return _Found(kind, file, dataset, tuple(index_of[band] for band in kind.bands))
    dataset.close()
    return None


def _among_files(folder: Path) -> _Found | None:
    paths: dict[str, Path] = {}
    for mask, path in mask_files(folder):
        paths.setdefault(mask, path)  # the finest comes first
    for kind in MASKS:
        if kind.name in paths:
            file, dataset = open_raster(paths[kind.name], DEFAULT_POLICY)
            indexes, _ = data_bands(dataset)
            if len(indexes) != len(kind.bands):
                dataset.close()
                raise BandMapping(f"{file.name!r} has {len(indexes)} bands; the mask {kind.name} has {len(kind.bands)}")
            return _Found(kind, file, dataset, tuple(indexes))
    return None

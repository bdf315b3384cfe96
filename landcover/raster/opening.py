"""The one door through which foreign rasters are opened: which drivers, which options, which refusals.

Only TIFF and JPEG 2000 are read, told by their first bytes, and only when their header has passed ``header``. LIBERTIFF
is tried first: it is twice as fast as GTiff, knows no side-car files and refuses damaged tiles that GTiff reads as
garbage (https://gdal.org/drivers/raster/libertiff.html).

GDAL decodes with one thread per handle here, always. With more, JP2OpenJPEG and LIBERTIFF of GDAL 3.12 lose the error
of a block that cannot be decoded and answer with garbage (measured on truncated files: tests hold it). Threads of our
own, each with its own handle, are as fast and keep the errors: see ``strips``.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from rasterio.enums import Interleaving
from rasterio.env import get_gdal_config, set_gdal_config
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from landcover.errors import DataError, ExternalReference, RasterCorrupt, RasterTruncated, RasterUnreadable
from landcover.raster.far import check_far, far
from landcover.raster.gdal_far import open_far
from landcover.raster.header import check_header
from landcover.raster.limits import block_too_large, check_size
from landcover.raster.protocol import ReadPolicy
from landcover.raster.stamp import Stamp

BLOCK_CACHE_BYTES: Final = 32 * 2**20
"""Most memory that GDAL's block cache may hold; blocks are kept by ``strips``, GDAL only passes them through."""

_DRIVERS: Final = {"TIFF": ("LIBERTIFF", "GTiff"), "JPEG 2000": ("JP2OpenJPEG",)}
_OPEN_OPTIONS: Final[dict[str, dict[str, str]]] = {
    "LIBERTIFF": {},
    "GTiff": {"GEOREF_SOURCES": "INTERNAL", "NUM_THREADS": "1"},
    "JP2OpenJPEG": {"GEOREF_SOURCES": "INTERNAL"},
}
_FOREIGN_DOMAINS: Final = frozenset({"OVERVIEWS", "GEOLOCATION"})  # metadata that makes GDAL open other datasets


@dataclass(frozen=True, slots=True)
class RasterFile:
    """A file that has been opened and accepted once.

    Attributes:
        path: absolute path.
        driver: GDAL driver that took it.
        stamp: what the file was when it was accepted.
    """

    path: Path
    driver: str
    stamp: Stamp

    @property
    def name(self) -> str:
        """File name for messages."""
        return self.path.name

    def check_unchanged(self) -> None:
        """Refuse the file when it is no longer the one that was accepted.

        Raises:
            RasterChanged: when it was replaced or written to.
            RasterUnreadable: when it is no longer there, or a piece of a far file did not come.
        """
        check_far(self.path)
        self.stamp.check(self.path)


def gdal_env(**options: str) -> rasterio.Env:
    """GDAL settings for this thread: no side-car files, no probing of the folder; ``options`` come on top."""
    return rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_PAM_ENABLED="NO", **options)


def reading_env() -> rasterio.Env:
    """Settings under which foreign files are opened and read."""
    return gdal_env(GDAL_NUM_THREADS="1")


def limit_block_cache() -> None:
    """Bound GDAL's block cache for the whole process; a lower bound set by the operator stays.

    Not through ``rasterio.Env``: leaving an Env in any thread would restore 5 % of the machine's memory for all.
    """
    if get_gdal_config("GDAL_CACHEMAX") > BLOCK_CACHE_BYTES:
        set_gdal_config("GDAL_CACHEMAX", BLOCK_CACHE_BYTES)


def gdal_takes(path: Path) -> bool:
    """Whether GDAL can be told this path: its names must be UTF-8."""
    try:
        str(path.absolute()).encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_names(path: Path) -> None:
    """Refuse what is no file, or what GDAL cannot be told.

    Raises:
        RasterUnreadable: for either reason.
    """
    if str(path).startswith("/vsi") or not path.is_file():
        raise RasterUnreadable(f"{path.name!r} is not a file; give a TIFF or JPEG 2000 file, or a folder of bands")
    if not gdal_takes(path):
        raise RasterUnreadable(f"{path.name!r} or a folder above it has a name that is not UTF-8; rename it")


def open_handle(file: RasterFile) -> DatasetReader:
    """One more handle on an accepted file.

    Raises:
        RasterCorrupt: when GDAL does not take it.
    """
    with reading_env(), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # answered with NoGeoreference
        options, elsewhere = _OPEN_OPTIONS[file.driver], far(file.path)
        try:
            if elsewhere is not None:
                return open_far(elsewhere, file.path, file.driver, options)
            return rasterio.open(file.path, driver=file.driver, **options)
        except RasterioError as error:
            raise RasterCorrupt(f"{file.name!r} cannot be opened as a raster: its header is damaged") from error


def open_raster(path: Path, policy: ReadPolicy) -> tuple[RasterFile, DatasetReader]:
    """Open a foreign file with the drivers Steppe means, and refuse it when it is too large or points elsewhere.

    Raises:
        DataError: what ``header.check_header`` raises; a file that is cut off is only refused when its header is.
    """
    limit_block_cache()
    file, dataset = _open_with_first(path.absolute(), policy)
    try:
        _refuse_references(dataset, file)
        _refuse_bombs(dataset, file, policy)
    except Exception:
        dataset.close()
        raise
    return file, dataset


def _open_with_first(path: Path, policy: ReadPolicy) -> tuple[RasterFile, DatasetReader]:
    _refuse_names(path)
    stamp = Stamp.of(path)  # before the header is read, so that no other file can take its place after
    drivers = _DRIVERS[check_header(path, policy, whole=False).form]
    *preferred, last = (RasterFile(path, driver, stamp) for driver in drivers)
    for file in preferred:
        with suppress(RasterCorrupt):
            dataset = open_handle(file)
            if not (_has_short_raw_strip(dataset) or _hides_mask(dataset, last)):
                return file, dataset
            dataset.close()
    return last, open_handle(last)


def _has_short_raw_strip(dataset: DatasetReader) -> bool:
    """Whether the last strip is shorter than the others and uncompressed.

    GDAL writes such a strip at full length when it is empty, and LIBERTIFF of GDAL 3.12 takes the surplus for damage.
    Raw samples carry no check that GTiff could miss, and it finds a strip that was cut off as well.
    """
    rows, cols = dataset.block_shapes[0]
    return cols == dataset.width and dataset.height % rows != 0 and dataset.compression is None


def _hides_mask(dataset: DatasetReader, other: RasterFile) -> bool:
    """Whether the file has an internal mask that this handle does not show: LIBERTIFF prefers declared nodata to it."""
    if dataset.nodata is None:
        return False
    with suppress(RasterCorrupt), open_handle(other) as second:
        return bool(dataset.mask_flag_enums != second.mask_flag_enums)
    return False


def _refuse_references(dataset: DatasetReader, file: RasterFile) -> None:
    found = sorted(_FOREIGN_DOMAINS.intersection(name.upper() for name in dataset.tag_namespaces()))
    if found:
        raise ExternalReference(
            f"{file.name!r} carries {' and '.join(found)} metadata that points to other files; remove it first"
        )


def _refuse_bombs(dataset: DatasetReader, file: RasterFile, policy: ReadPolicy) -> None:
    """The limits once more, as GDAL understands the file."""
    check_size(file.name, dataset.shape, dataset.count, policy)
    rows, cols = dataset.block_shapes[0]
    together = 1 if dataset.interleaving == Interleaving.band else dataset.count
    block_bytes = rows * cols * together * _item_bytes(dataset.dtypes[0])
    if block_bytes > policy.max_block_bytes:
        raise block_too_large(file.name, (rows, cols), block_bytes, policy)


def _item_bytes(dtype: str) -> int:
    try:
        return np.dtype(dtype).itemsize
    except TypeError:  # GDAL's complex integers have no numpy type
        return 8


@contextmanager
def pixel_errors(path: Path) -> Iterator[None]:
    """Say of a failed pixel read what it means.

    Raises:
        RasterTruncated: for an error of GDAL inside the block when the file ends before its last pixels.
        RasterCorrupt: for an error of GDAL in a file that is complete.
    """
    try:
        yield
    except RasterioError as error:
        reason = error.__cause__ or error
        detail = str(getattr(reason, "errmsg", reason)).rsplit(": ", maxsplit=1)[-1].rstrip(".")
        raise _damage(path)(
            f"{path.name!r} opens, but pixels are missing or damaged ({detail}); fetch the file again"
        ) from error


def _damage(path: Path) -> type[RasterTruncated]:
    """Whether a file whose pixels cannot be read is cut off, or only damaged."""
    try:
        check_header(path)
    except RasterCorrupt:
        return RasterCorrupt
    except DataError:  # cut off, or gone
        return RasterTruncated
    return RasterCorrupt

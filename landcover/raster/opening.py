"""The one door through which foreign rasters are opened: which drivers, which options, which refusals.

Only TIFF and JPEG 2000 are read, told by their first bytes. LIBERTIFF is tried first: it is twice as fast as GTiff,
knows no side-car files and refuses damaged tiles that GTiff reads as garbage (https://gdal.org/drivers/raster/libertiff.html).

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

from landcover.errors import RasterTooLarge, RasterTruncated, RasterUnreadable
from landcover.raster.protocol import ReadPolicy
from landcover.raster.stamp import Stamp

BLOCK_CACHE_BYTES: Final = 32 * 2**20
"""Most memory that GDAL's block cache may hold; blocks are kept by ``strips``, GDAL only passes them through."""

_TIFF: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # classic and BigTIFF, both byte orders
_JPEG2000: Final = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")  # JP2 boxes, bare codestream
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
            RasterUnreadable: when it is no longer there.
        """
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


def _candidate_drivers(path: Path) -> tuple[str, ...]:
    """Drivers for a file, by its first bytes.

    Raises:
        RasterUnreadable: when the file cannot be read or is neither TIFF nor JPEG 2000.
    """
    if str(path).startswith("/vsi") or not path.is_file():
        raise RasterUnreadable(f"{path.name!r} is not a file; give a TIFF or JPEG 2000 file, or a folder of bands")
    if not gdal_takes(path):
        raise RasterUnreadable(f"{path.name!r} or a folder above it has a name that is not UTF-8; rename it")
    try:
        with path.open("rb") as stream:
            head = stream.read(16)
    except OSError as error:
        raise RasterUnreadable(f"{path.name!r} cannot be read: {error.strerror}") from error
    if not head:
        raise RasterUnreadable(f"{path.name!r} is empty (0 bytes); fetch it again")
    if head.startswith(_TIFF):
        return ("LIBERTIFF", "GTiff")
    if head.startswith(_JPEG2000):
        return ("JP2OpenJPEG",)
    hint = "; it is a ZIP archive, unpack it first" if head.startswith(b"PK") else ""
    raise RasterUnreadable(f"{path.name!r} is neither TIFF nor JPEG 2000{hint}")


def open_handle(file: RasterFile) -> DatasetReader:
    """One more handle on an accepted file.

    Raises:
        RasterUnreadable: when GDAL does not take it.
    """
    with reading_env(), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # answered with NoGeoreference
        try:
            return rasterio.open(file.path, driver=file.driver, **_OPEN_OPTIONS[file.driver])
        except RasterioError as error:
            raise RasterUnreadable(f"{file.name!r} cannot be opened as a raster: its header is damaged") from error


def open_raster(path: Path, policy: ReadPolicy) -> tuple[RasterFile, DatasetReader]:
    """Open a foreign file with the drivers Steppe means, and refuse it when it is too large or points elsewhere.

    Raises:
        RasterUnreadable: not a readable TIFF or JPEG 2000, or a file that refers to other datasets.
        RasterTooLarge: beyond the policy's limits.
    """
    limit_block_cache()
    file, dataset = _open_with_first(path.absolute())
    try:
        _refuse_references(dataset, file)
        _refuse_bombs(dataset, file, policy)
    except Exception:
        dataset.close()
        raise
    return file, dataset


def _open_with_first(path: Path) -> tuple[RasterFile, DatasetReader]:
    drivers = _candidate_drivers(path)
    stamp = Stamp.of(path)
    *preferred, last = (RasterFile(path, driver, stamp) for driver in drivers)
    for file in preferred:
        with suppress(RasterUnreadable):
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
    with suppress(RasterUnreadable), open_handle(other) as second:
        return bool(dataset.mask_flag_enums != second.mask_flag_enums)
    return False


def _refuse_references(dataset: DatasetReader, file: RasterFile) -> None:
    found = sorted(_FOREIGN_DOMAINS.intersection(dataset.tag_namespaces()))
    if found:
        raise RasterUnreadable(
            f"{file.name!r} carries {' and '.join(found)} metadata that points to other files; remove it first"
        )


def _refuse_bombs(dataset: DatasetReader, file: RasterFile, policy: ReadPolicy) -> None:
    if dataset.count > policy.max_bands:
        raise RasterTooLarge(f"{file.name!r} has {dataset.count} bands; at most {policy.max_bands} are read")
    pixels = dataset.width * dataset.height
    if pixels > policy.max_pixels:
        raise RasterTooLarge(
            f"{file.name!r} has {dataset.height} x {dataset.width} pixels; at most {policy.max_pixels} are read"
        )
    rows, cols = dataset.block_shapes[0]
    together = 1 if dataset.interleaving == Interleaving.band else dataset.count
    block_bytes = rows * cols * together * _item_bytes(dataset.dtypes[0])
    if block_bytes > policy.max_block_bytes:
        raise RasterTooLarge(
            f"{file.name!r} is stored in blocks of {rows} x {cols} pixels, {block_bytes} bytes each; "
            f"at most {policy.max_block_bytes} are read: store it with tiles of 512 x 512"
        )


def _item_bytes(dtype: str) -> int:
    try:
        return np.dtype(dtype).itemsize
    except TypeError:  # GDAL's complex integers have no numpy type
        return 8


@contextmanager
def pixel_errors(name: str) -> Iterator[None]:
    """Say of a failed pixel read what it means.

    Raises:
        RasterTruncated: for every error of GDAL inside the block.
    """
    try:
        yield
    except RasterioError as error:
        reason = error.__cause__ or error
        detail = str(getattr(reason, "errmsg", reason)).rsplit(": ", maxsplit=1)[-1].rstrip(".")
        raise RasterTruncated(
            f"{name!r} opens, but pixels are missing or damaged ({detail}); fetch the file again"
        ) from error

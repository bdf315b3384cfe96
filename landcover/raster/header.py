"""The gate: what a raster file says of itself, and whether it may be opened at all, before GDAL sees a byte of it.

Only headers are read, by offset: a megabyte of DEFLATE can be a gigabyte of pixels, and GDAL finds that out by
decoding it. No GDAL, no rasterio: whoever must not open foreign rasters may still ask.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from landcover.errors import RasterEmpty, RasterUnreadable
from landcover.raster.file_bytes import FileBytes
from landcover.raster.jpeg2000 import check_jpeg2000
from landcover.raster.lookalikes import HEAD_BYTES, JPEG2000, TIFF, looks_like
from landcover.raster.protocol import DEFAULT_POLICY, ReadPolicy
from landcover.raster.tiff.check import check_tiff


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a file says of itself.

    Attributes:
        form: ``TIFF`` or ``JPEG 2000``.
        height: rows.
        width: columns.
        bands: bands, alpha included.
        dtype: sample type of the file, for example ``uint16``; ``uint12`` and the like where bits are packed.
        block: rows and columns of a stored block; a strip ends with the image.
        tiled: stored in tiles, not in strips.
        planar: every band for itself.
        compression: TIFF's number of the codec; None in JPEG 2000.
        pages: images, overviews and masks included.
        bigtiff: with 8-byte offsets.
        big_endian: with the high byte first.
        size: bytes of the file.
    """

    form: str
    height: int
    width: int
    bands: int
    dtype: str
    block: tuple[int, int]
    tiled: bool
    planar: bool
    compression: int | None
    pages: int
    bigtiff: bool
    big_endian: bool
    size: int

    @property
    def pixels(self) -> int:
        """Rows x columns."""
        return self.height * self.width


def check_header(
    path: Path, policy: ReadPolicy = DEFAULT_POLICY, *, whole: bool = True, name: str | None = None
) -> Header:
    """Read the header of a TIFF or JPEG 2000 file, and refuse it when it should not be opened.

    A few milliseconds at most, whatever the file; pixels are not looked at.

    Args:
        path: the file.
        policy: limits.
        whole: refuse a file that ends before its last pixels, too; without, a part of it can still be read.
        name: what the file is called in messages; default: its own name.

    Raises:
        RasterEmpty: without a byte.
        RasterUnreadable: no regular file, neither TIFF nor JPEG 2000, or (ExternalReference, RasterCompression) one
            that is not read.
        RasterTruncated: when it ends too early, or (RasterCorrupt) its header contradicts itself.
        RasterTooLarge: beyond the limits, in pixels, blocks (BlockTooLarge) or pages (TooManyPages).
        BandCount: more bands than are read.
    """
    with FileBytes.of(path, name) as file:
        head = file.head(HEAD_BYTES)
        if head.startswith(TIFF):
            return _tiff(file, policy, whole=whole)
        if head.startswith(JPEG2000):
            return _jpeg2000(file, policy, whole=whole)
        if not head:
            raise RasterEmpty(f"{file.name!r} is empty (0 bytes); fetch it again")
        known = looks_like(head)
        raise RasterUnreadable(f"{file.name!r} is neither TIFF nor JPEG 2000" + (f"; it is {known}" if known else ""))


def _tiff(file: FileBytes, policy: ReadPolicy, *, whole: bool) -> Header:
    found = check_tiff(file, policy, whole=whole)
    page = found.first
    return Header(
        form="TIFF",
        height=page.height,
        width=page.width,
        bands=page.bands,
        dtype=page.dtype,
        block=page.block,
        tiled=page.tiled,
        planar=page.planar,
        compression=page.compression,
        pages=found.pages,
        bigtiff=found.dialect.big,
        big_endian=found.dialect.order == ">",
        size=file.size,
    )


def _jpeg2000(file: FileBytes, policy: ReadPolicy, *, whole: bool) -> Header:
    found = check_jpeg2000(file, policy, whole=whole)
    return Header(
        form="JPEG 2000",
        height=found.height,
        width=found.width,
        bands=found.bands,
        dtype=f"{'int' if found.signed else 'uint'}{found.bits}",
        block=found.tile,
        tiled=True,
        planar=True,
        compression=None,
        pages=1,
        bigtiff=False,
        big_endian=True,
        size=file.size,
    )

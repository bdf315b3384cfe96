"""The walk along the images of a TIFF file, with everything that is refused on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from landcover.errors import RasterTruncated, TooManyPages
from landcover.raster.file_bytes import FileBytes, damaged
from landcover.raster.limits import block_too_large, check_size
from landcover.raster.protocol import ReadPolicy
from landcover.raster.tiff.blocks import BlockCheck
from landcover.raster.tiff.directory import Dialect, Directory, read_directory
from landcover.raster.tiff.page import Compression, Page, Role, check_compression, page_of
from landcover.raster.tiff.texts import check_texts

_OPENED: Final = Role.REDUCED | Role.MASK  # images that GDAL opens together with the first one


@dataclass(frozen=True, slots=True)
class Tiff:
    """What the header of a TIFF file says.

    Attributes:
        dialect: how numbers are written.
        first: the image that is read.
        pages: how many images there are, overviews and masks included.
    """

    dialect: Dialect
    first: Page
    pages: int


def check_tiff(file: FileBytes, policy: ReadPolicy, *, whole: bool) -> Tiff:
    """Read the directories of all images, and refuse a file that cannot be read or should not be.

    Args:
        file: the file.
        policy: limits.
        whole: refuse a file that ends before its last block, too.

    Raises:
        RasterTruncated: when the file ends too early.
        RasterCorrupt: when the header contradicts itself.
        RasterTooLarge: beyond the limits, in pixels, bytes of a block (BlockTooLarge) or pages (TooManyPages).
        BandCount: more bands than are read.
        RasterCompression: with a codec that is not read.
        ExternalReference: when its metadata points to other files.
    """
    dialect, offset = Dialect.of(file)
    if offset == 0:
        raise damaged(file, "there is no image in it")
    directories = list(_directories(file, dialect, offset, policy, whole=whole))
    pages = [page_of(directory) for directory in directories]
    blocks = BlockCheck()
    for directory, page in zip(directories, pages, strict=True):
        if page is pages[0] or page.role & _OPENED:
            check_limits(page, file, policy)
            check_compression(page, file)
            check_texts(directory)
        if whole:
            blocks.check(directory, page)
    return Tiff(dialect, pages[0], len(pages))


def _directories(
    file: FileBytes, dialect: Dialect, offset: int, policy: ReadPolicy, *, whole: bool
) -> Iterator[Directory]:
    """The directories along the chain, at least one; where the file may end early, up to there."""
    seen: set[int] = set()
    while offset:
        if offset in seen:
            raise damaged(file, "its images follow each other in a circle")
        if len(seen) == policy.max_pages:
            raise TooManyPages(f"{file.name!r} holds more than {policy.max_pages} images; store its scene alone")
        try:
            directory = read_directory(file, dialect, offset)
        except RasterTruncated:
            if whole or not seen:
                raise
            return
        seen.add(offset)
        yield directory
        offset = directory.following


def check_limits(page: Page, file: FileBytes, policy: ReadPolicy) -> None:
    """Refuse an image that is too large.

    Raises:
        RasterTooLarge: in pixels.
        BandCount: in bands.
        BlockTooLarge: in bytes of a decoded block.
    """
    check_size(file.name, (page.height, page.width), page.bands, policy)
    # A raw strip costs as much as its file holds, and long ones are read row by row.
    if (page.tiled or page.compression != Compression.NONE) and page.block_bytes > policy.max_block_bytes:
        raise block_too_large(file.name, page.block, page.block_bytes, policy)

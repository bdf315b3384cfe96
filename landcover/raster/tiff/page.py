"""One image of a TIFF file: its size, its samples and how they are stored, and whether that can be right."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final

from landcover.errors import RasterCompression
from landcover.raster.file_bytes import FileBytes, damaged
from landcover.raster.tiff.directory import Directory, Tag

_MAX_SIDE: Final = 2**31 - 1  # GDAL counts in signed 32 bits
_MAX_BITS: Final = 128
_PLANAR: Final = 2
_DEFAULT_STRIP_ROWS: Final = 2**32 - 1
_FORMATS: Final = {1: "uint", 2: "int", 3: "float", 4: "uint", 5: "complex_int", 6: "complex"}  # 4: not said


class Compression(IntEnum):
    """Codecs that are read; those of one bit for each sample are known only to say that no model takes them."""

    NONE = 1
    CCITT_RLE = 2
    CCITT_FAX3 = 3
    CCITT_FAX4 = 4
    LZW = 5
    JPEG = 7
    DEFLATE = 8
    OLD_DEFLATE = 32946
    PACKBITS = 32773
    LERC = 34887
    LZMA = 34925
    ZSTD = 50000
    WEBP = 50001


_UNREAD: Final = {6: "old JPEG", 34712: "JPEG 2000", 34892: "lossy DNG", 50002: "JPEG XL", 52546: "JPEG XL"}


class Role(IntFlag):
    """What an image is to the first one (tag 254)."""

    IMAGE = 0
    REDUCED = 1
    PAGE = 2
    MASK = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One image.

    Attributes:
        role: overview or mask of another one.
        width: columns.
        height: rows.
        bands: samples of a pixel.
        dtype: sample type, for example ``uint16``; ``uint12`` and the like where bits are packed.
        compression: number of the codec.
        tiled: stored in tiles, not in strips.
        planar: every band for itself.
        block: rows and columns of a stored block; a strip ends with the image.
        item_bytes: bytes of a decoded sample.
    """

    role: Role
    width: int
    height: int
    bands: int
    dtype: str
    compression: int
    tiled: bool
    planar: bool
    block: tuple[int, int]
    item_bytes: int

    @property
    def block_bytes(self) -> int:
        """Bytes of a decoded block."""
        rows, cols = self.block
        return rows * cols * self.item_bytes * (1 if self.planar else self.bands)

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        rows, cols = self.block
        return -(-self.height // rows) * -(-self.width // cols) * (self.bands if self.planar else 1)


def page_of(directory: Directory) -> Page:
    """The image of a directory.

    Raises:
        RasterCorrupt: when sizes are missing or impossible.
        RasterTruncated: when they lie beyond the end of the file.
    """
    file = directory.file
    width, height = directory.number(Tag.WIDTH), directory.number(Tag.HEIGHT)
    _check_sides(file, "an image", height, width)
    bits, dtype = _samples(directory)
    tiled = Tag.TILE_WIDTH in directory.entries or Tag.TILE_HEIGHT in directory.entries
    return Page(
        role=Role(directory.number(Tag.SUBFILE, 0) & (Role.REDUCED | Role.PAGE | Role.MASK)),
        width=width,
        height=height,
        bands=_positive(directory, Tag.BANDS),
        dtype=dtype,
        compression=directory.number(Tag.COMPRESSION, Compression.NONE),
        tiled=tiled,
        planar=directory.number(Tag.PLANAR, 1) == _PLANAR,
        block=_tile(directory) if tiled else _strip(directory, height, width),
        item_bytes=_item_bytes(bits),
    )


def check_compression(page: Page, file: FileBytes) -> None:
    """Refuse a codec that is not read.

    Raises:
        RasterCompression: naming it.
    """
    if page.compression not in Compression:
        known = _UNREAD.get(page.compression)
        words = f"{known} (codec {page.compression})" if known else f"codec {page.compression}"
        raise RasterCompression(
            f"{file.name!r} is compressed with {words}, which is not read; store it with DEFLATE, ZSTD or LZW, for "
            "example with gdal_translate -co COMPRESS=DEFLATE"
        )


def _check_sides(file: FileBytes, what: str, rows: int, cols: int) -> None:
    if not (0 < rows <= _MAX_SIDE and 0 < cols <= _MAX_SIDE):
        raise damaged(file, f"{what} of it has {rows:,} x {cols:,} pixels")


def _positive(directory: Directory, tag: Tag) -> int:
    value = directory.number(tag, 1)
    if value == 0:
        raise damaged(directory.file, f"tag {int(tag)} is 0")
    return value


def _tile(directory: Directory) -> tuple[int, int]:
    rows, cols = directory.number(Tag.TILE_HEIGHT), directory.number(Tag.TILE_WIDTH)
    _check_sides(directory.file, "a tile", rows, cols)
    return rows, cols


def _strip(directory: Directory, height: int, width: int) -> tuple[int, int]:
    rows = directory.number(Tag.STRIP_ROWS, _DEFAULT_STRIP_ROWS)
    return min(rows, height) or height, width


def _samples(directory: Directory) -> tuple[int, str]:
    """Bits of a sample, and the name of its type."""
    bits = directory.number(Tag.BITS, 1)
    if not 0 < bits <= _MAX_BITS:
        raise damaged(directory.file, f"its samples have {bits:,} bits")
    form = _FORMATS.get(directory.number(Tag.SAMPLE_FORMAT, 1), "unknown")
    return bits, f"{form}{bits}"


def _item_bytes(bits: int) -> int:
    """Bytes a sample takes once it is decoded: whole powers of two."""
    return max(1, 1 << (-(-bits // 8) - 1).bit_length())

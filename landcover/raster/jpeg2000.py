"""The header of JPEG 2000 files, read without GDAL: image and tile size, and whether the codestream is complete.

ISO/IEC 15444-1 (https://www.itu.int/rec/T-REC-T.800), annexes A (codestream) and I (boxes).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from landcover.raster.file_bytes import FileBytes, damaged
from landcover.raster.limits import block_too_large, check_size
from landcover.raster.protocol import ReadPolicy

_MAX_BOXES: Final = 1024
_MAX_MARKERS: Final = 4096
_MAX_TILE_PARTS: Final = 2**16
_MAX_TILES: Final = 65_535
_MARKERS: Final = 0xFF00
_START, _SIZE, _TILE_PART, _END = 0xFF4F, 0xFF51, 0xFF90, 0xFFD9


@dataclass(frozen=True, slots=True)
class CodeStream:
    """What the main header says.

    Attributes:
        height: rows.
        width: columns.
        tile: rows and columns of a tile.
        bands: components.
        bits: bits of a sample of the first component.
        signed: whether they have a sign.
    """

    height: int
    width: int
    tile: tuple[int, int]
    bands: int
    bits: int
    signed: bool

    @property
    def item_bytes(self) -> int:
        """Bytes of a sample as GDAL hands it on."""
        return 1 if self.bits <= 8 else 2 if self.bits <= 16 else 4  # noqa: PLR2004

    @property
    def tiles(self) -> int:
        """How many tiles there are."""
        rows, cols = self.tile
        return -(-self.height // rows) * -(-self.width // cols)


def check_jpeg2000(file: FileBytes, policy: ReadPolicy, *, whole: bool) -> CodeStream:
    """Find the codestream and refuse a file that cannot be read or should not be.

    Raises:
        RasterTruncated: when the file ends before its last tile; only where ``whole`` asks for it, or in the header.
        RasterCorrupt: when the header contradicts itself.
        RasterTooLarge: beyond the limits, in pixels or bytes of a tile.
        BandCount: more components than are read.
    """
    start = _codestream(file)
    found = _size(file, start)
    check_size(file.name, (found.height, found.width), found.bands, policy)
    rows, cols = found.tile
    tile_bytes = min(rows, found.height) * min(cols, found.width) * found.item_bytes
    if found.tiles > _MAX_TILES:
        raise damaged(file, f"it has {found.tiles:,} tiles")
    if found.tiles > 1 and tile_bytes > policy.max_block_bytes:  # of one tile only the wanted part is decoded
        raise block_too_large(file.name, found.tile, tile_bytes, policy)
    if whole:
        _check_tile_parts(file, _first_tile_part(file, start))
    return found


def _codestream(file: FileBytes) -> int:
    """Where the codestream begins."""
    if file.read(0, 2) == b"\xff\x4f":
        return 0
    offset = 0
    for _ in range(_MAX_BOXES):
        length, kind = struct.unpack(">I4s", file.read(offset, 8))
        head = 8
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(offset + 8, 8))
            head = 16
        if kind == b"jp2c":
            return offset + head
        if length < head:  # 0: up to the end of the file
            break
        offset += length
    raise damaged(file, "there is no image in it")


def _size(file: FileBytes, start: int) -> CodeStream:
    marker, size_marker = struct.unpack(">HH", file.read(start, 4))
    if (marker, size_marker) != (_START, _SIZE):
        raise damaged(file, "there is no image in it")
    fields = struct.unpack(">8IH", file.read(start + 8, 34))
    x_stop, y_stop, x_start, y_start, tile_cols, tile_rows, _, _, bands = fields
    height, width = y_stop - y_start, x_stop - x_start
    if min(height, width, tile_cols, tile_rows, bands) < 1:
        raise damaged(
            file, f"it has {height} x {width} pixels in tiles of {tile_rows} x {tile_cols}, and {bands} bands"
        )
    depth = file.read(start + 42, 1)[0]
    return CodeStream(height, width, (tile_rows, tile_cols), bands, (depth & 0x7F) + 1, bool(depth & 0x80))


def _first_tile_part(file: FileBytes, start: int) -> int:
    """Where the first tile-part begins: behind the marker segments of the main header."""
    offset = start + 2
    for _ in range(_MAX_MARKERS):
        marker, length = struct.unpack(">HH", file.read(offset, 4))
        if marker == _TILE_PART:
            return offset
        if marker < _MARKERS or length < 2:  # noqa: PLR2004 - a length counts itself
            break
        offset += 2 + length
    raise damaged(file, "its main header does not end")


def _check_tile_parts(file: FileBytes, offset: int) -> None:
    """Walk along the tile-parts to the end of the codestream.

    Raises:
        RasterTruncated: when the file ends before.
        RasterCorrupt: when something else follows a tile-part.
    """
    for _ in range(_MAX_TILE_PARTS):
        (marker,) = struct.unpack(">H", file.read(offset, 2))
        if marker == _END:
            return
        if marker != _TILE_PART:
            raise damaged(file, "a tile of it is not followed by another one")
        (length,) = struct.unpack(">I", file.read(offset + 6, 4))
        if length == 0:  # up to the end of the codestream
            return
        if length < 12:  # noqa: PLR2004 - bytes of its own header
            raise damaged(file, "a tile of it is shorter than its header")
        offset += length

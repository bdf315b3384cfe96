"""Image file directories of TIFF and BigTIFF: the tags that matter here, and where their values lie.

TIFF 6.0 (https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf), section 2; BigTIFF
(https://bigtiff.org) has the same with 8-byte counts and offsets.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from landcover.errors import RasterCorrupt
from landcover.raster.file_bytes import FileBytes, damaged

MAX_TAGS: Final = 4096
"""Most tags of one image; real ones have under a hundred."""

_SIZES: Final = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8)  # bytes of field types 0 to 18
_UNSIGNED: Final = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}  # BYTE SHORT LONG IFD LONG8 IFD8


class Tag(IntEnum):
    """Tags that are looked at."""

    SUBFILE = 254
    WIDTH = 256
    HEIGHT = 257
    BITS = 258
    COMPRESSION = 259
    STRIP_OFFSETS = 273
    BANDS = 277
    STRIP_ROWS = 278
    STRIP_COUNTS = 279
    PLANAR = 284
    TILE_WIDTH = 322
    TILE_HEIGHT = 323
    TILE_OFFSETS = 324
    TILE_COUNTS = 325
    SAMPLE_FORMAT = 339
    GDAL_METADATA = 42112


_WANTED: Final = frozenset(int(tag) for tag in Tag)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How numbers are written.

    Attributes:
        order: ``<`` or ``>``, as ``struct`` and numpy say it.
        big: BigTIFF.
    """

    order: str
    big: bool

    @property
    def word(self) -> str:
        """Struct code of an offset."""
        return "Q" if self.big else "I"

    @property
    def word_bytes(self) -> int:
        """Bytes of an offset."""
        return 8 if self.big else 4

    @classmethod
    def of(cls, file: FileBytes) -> tuple[Self, int]:
        """The dialect of a file, and where its first directory is.

        Raises:
            RasterTruncated: when the file ends before that is said.
            RasterCorrupt: when BigTIFF's constants are others.
        """
        magic = file.read(0, 4)
        self = cls("<" if magic[:2] == b"II" else ">", b"+" in magic)
        if not self.big:
            return self, int(struct.unpack(f"{self.order}I", file.read(4, 4))[0])
        width, zero, offset = struct.unpack(f"{self.order}HHQ", file.read(4, 12))
        if (width, zero) != (8, 0):
            raise RasterCorrupt(f"{file.name!r} says it is BigTIFF, but its header is damaged; fetch the file again")
        return self, int(offset)


@dataclass(frozen=True, slots=True)
class Entry:
    """The values of one tag.

    Attributes:
        kind: field type.
        count: how many values.
        offset: where the first one is in the file.
    """

    kind: int
    count: int
    offset: int


@dataclass(frozen=True, slots=True)
class Directory:
    """One image's tags, only those of ``Tag``.

    Attributes:
        file: where it was read from.
        dialect: how numbers are written.
        entries: by tag.
        following: offset of the next directory; 0 = none.
    """

    file: FileBytes
    dialect: Dialect
    entries: Mapping[int, Entry]
    following: int

    def numbers(self, tag: Tag, *, start: int = 0, most: int = 1) -> NDArray[np.uint64]:
        """Values of a tag from the ``start``-th on, at most ``most``; empty when the tag is missing.

        Raises:
            RasterCorrupt: when they are no unsigned whole numbers.
            RasterTruncated: when they lie beyond the end of the file.
        """
        entry = self.entries.get(tag)
        if entry is None:
            return np.zeros(0, np.uint64)
        if entry.kind not in _UNSIGNED:
            raise damaged(self.file, f"tag {int(tag)} holds no whole numbers")
        dtype = np.dtype(self.dialect.order + _UNSIGNED[entry.kind])
        count = max(min(entry.count - start, most), 0)
        content = self.file.read(entry.offset + start * dtype.itemsize, count * dtype.itemsize)
        return np.frombuffer(content, dtype).astype(np.uint64)

    def number(self, tag: Tag, default: int | None = None) -> int:
        """The first value of a tag.

        Raises:
            RasterCorrupt: when it is missing and has no default, or is no unsigned whole number.
            RasterTruncated: when it lies beyond the end of the file.
        """
        values = self.numbers(tag)
        if values.size:
            return int(values[0])
        if default is None:
            raise damaged(self.file, f"tag {int(tag)} is missing")
        return default


def read_directory(file: FileBytes, dialect: Dialect, offset: int) -> Directory:
    """The directory at an offset.

    Raises:
        RasterTruncated: when it lies beyond the end of the file.
        RasterCorrupt: when it has no tags, absurdly many, or says a thing twice.
    """
    head, form = (8, "HHQ8s") if dialect.big else (2, "HHI4s")
    entry_bytes = struct.calcsize("<" + form)
    (count,) = struct.unpack(dialect.order + ("Q" if dialect.big else "H"), file.read(offset, head))
    if not 0 < count <= MAX_TAGS:
        raise damaged(file, f"an image of it has {count:,} tags")
    content = file.read(offset + head, count * entry_bytes + dialect.word_bytes)
    entries: dict[int, Entry] = {}
    fields = struct.iter_unpack(dialect.order + form, content[: count * entry_bytes])
    for position, (tag, kind, values, value) in enumerate(fields):
        if tag not in _WANTED:
            continue
        if tag in entries:
            raise damaged(file, f"tag {tag} occurs twice")
        size = _SIZES[kind] * values if kind < len(_SIZES) else 0
        if size <= dialect.word_bytes:
            place = offset + head + (position + 1) * entry_bytes - dialect.word_bytes
        else:
            (place,) = struct.unpack(dialect.order + dialect.word, value)
        entries[tag] = Entry(kind, values, place)
    (following,) = struct.unpack(dialect.order + dialect.word, content[count * entry_bytes :])
    return Directory(file, dialect, entries, following)

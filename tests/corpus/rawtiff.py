"""TIFF files written tag by tag, also such as no library would write."""

from __future__ import annotations

import struct

import numpy as np

BYTE, ASCII, SHORT, LONG, LONG8, DOUBLE = 1, 2, 3, 4, 16, 12
_CODES = {BYTE: "B", ASCII: "B", SHORT: "H", LONG: "I", LONG8: "Q", DOUBLE: "d"}

GEO = {
    33550: (DOUBLE, (10.0, 10.0, 0.0)),
    33922: (DOUBLE, (0.0, 0.0, 0.0, 500_000.0, 5_500_000.0, 0.0)),
    34735: (SHORT, (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633)),
}
"""Tags of 10 m pixels in UTM 33."""


def image(height, width, *, bands=1, bits=16, **changes):
    """Tags of an image of one strip without pixels; ``changes`` are by tag as ``t257``, None removes one."""
    tags = {
        256: (LONG, (width,)),
        257: (LONG, (height,)),
        258: (SHORT, (bits,) * min(bands, 4096)),
        259: (SHORT, (1,)),
        262: (SHORT, (1,)),
        277: (SHORT, (bands,)),
        278: (LONG, (height,)),
        273: (LONG, (0,)),
        279: (LONG, (0,)),
        **GEO,
    }
    tags |= {int(tag[1:]): value for tag, value in changes.items()}
    return {tag: value for tag, value in tags.items() if value is not None}


def tiled_image(height, width, tile, *, blocks=1, bands=1, **changes):
    """Tags of a tiled image whose tiles are left out (sparse)."""
    tiles = {
        "t322": (LONG, (tile,)),
        "t323": (LONG, (tile,)),
        "t324": (LONG, (0,) * blocks),
        "t325": (LONG, (0,) * blocks),
    }
    return image(height, width, bands=bands, **({"t278": None, "t273": None, "t279": None} | tiles | changes))


def text(content):
    """An ASCII tag."""
    return ASCII, (*content.encode(), 0)


def gdal_metadata(items):
    """Tag 42112 with these lines."""
    return text(f"<GDALMetadata>\n{items}\n</GDALMetadata>")


def named(names):
    """Tag 42112 of bands with names, of level L1C."""
    items = [
        f'<Item name="DESCRIPTION" sample="{at}" role="description">{name}</Item>' for at, name in enumerate(names)
    ]
    return gdal_metadata('<Item name="processing_level">L1C</Item>' + "".join(items))


def tiff(*pages, order="<", big=False, after=b"", following=None):
    """The bytes of a file.

    Args:
        pages: tags of its images, {tag: (type, values)}.
        order: byte order.
        big: BigTIFF.
        after: what follows the last directory; ``offset_after`` says where.
        following: offset of the next directory that the last one states; 0 by default.
    """
    word = "Q" if big else "I"
    magic = struct.pack(order + "2sH", b"II" if order == "<" else b"MM", 43 if big else 42)
    head = magic + (struct.pack(order + "HHQ", 8, 0, 16) if big else struct.pack(order + "I", 8))
    content = bytearray(head)
    for number, tags in enumerate(pages, start=1):
        start, size = len(content), _directory_bytes(tags, big=big)
        entries, values = bytearray(), bytearray()
        for tag, (kind, numbers) in sorted(tags.items()):
            packed = struct.pack(f"{order}{len(numbers)}{_CODES[kind]}", *numbers)
            if len(packed) > struct.calcsize("<" + word):
                place = struct.pack(order + word, start + size + len(values))
                values += packed + b"\0" * (len(packed) % 2)
            else:
                place = packed.ljust(struct.calcsize("<" + word), b"\0")
            entries += struct.pack(f"{order}HH{word}", tag, kind, len(numbers)) + place
        last = number == len(pages)
        goes_on = (following or 0) if last else start + size + len(values)
        content += struct.pack(order + ("Q" if big else "H"), len(tags)) + entries
        content += struct.pack(order + word, goes_on) + values
    return bytes(content) + after


def _directory_bytes(tags, *, big):
    return 8 + 20 * len(tags) + 8 if big else 2 + 12 * len(tags) + 4


def with_pixels(tags, block, *, offsets=273, counts=279, **options):
    """The bytes of a file of one image with one block behind its directory."""
    tags = tags | {offsets: (LONG, (0,)), counts: (LONG, (len(block),))}
    place = len(tiff(tags, **options))
    return tiff(tags | {offsets: (LONG, (place,))}, after=block, **options)


def many_pages(number):
    """A file of very many tiny images, quickly."""
    tags = image(1, 1, bits=8)
    one = tiff(tags)[8:]
    pages = np.tile(np.frombuffer(one, np.uint8), (number, 1))
    starts = 8 + len(one) * np.arange(number, dtype=np.uint32)
    following = np.append(starts[1:], 0).astype("<u4").view(np.uint8).reshape(number, 4)
    at = _directory_bytes(tags, big=False) - 4
    pages[:, at : at + 4] = following
    return tiff()[:8] + pages.tobytes()

"""Real headers with a few bytes changed, where a header check looks."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterator
from unittest.mock import patch

import numpy as np

from landcover.raster.header import check_header
from tests.rasters import BANDS, numbers, write_jp2, write_tiff

_TILED = {"tiled": True, "blockxsize": 64, "blockysize": 64}
_PROFILES = {
    "tiles": {**_TILED, "compress": "deflate", "tags": {"processing_level": "L1C"}},
    "strips": {"blockysize": 16, "compress": "lzw", "ENDIANNESS": "BIG"},
    "big": {**_TILED, "compress": "zstd", "BIGTIFF": "YES", "interleave": "band"},
    "big_endian": {"blockysize": 7, "BIGTIFF": "YES", "ENDIANNESS": "BIG", "scaling": [(1e-4, -0.1)] * 4},
    "sparse": {**_TILED, "SPARSE_OK": "YES", "nodata": 0},
    "cog": {"driver": "COG", "blocksize": 128, "compress": "deflate", "overviews": "IGNORE_EXISTING"},
}
_WORDS = (0, 1, 2, 3, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1)


def seeds(folder):
    """Bytes of small good files, by name; between them they have every form of header."""
    made = {}
    for name, profile in _PROFILES.items():
        dn = numbers(4, 150, 170)
        mask = np.ones((150, 170), bool) if name == "tiles" else None
        path = write_tiff(folder / f"{name}.tif", dn, names=BANDS, mask=mask, **profile)
        made[name] = path.read_bytes()
    for name, codec in (("boxes.jp2", "JP2"), ("stream.j2k", "J2K")):
        made[name] = write_jp2(folder / name, numbers(1, 150, 170)[0], CODEC=codec).read_bytes()
    return made


def looked_at(path):
    """Offsets of all bytes of a file that the header check reads."""
    found, read = set(), os.pread

    def noting(descriptor, count, offset):
        found.update(range(offset, offset + min(count, 2000)))
        return read(descriptor, count, offset)

    with patch("os.pread", noting):
        check_header(path)
    return sorted(found)


def mutated(content: bytes, places: list[int], chance: random.Random) -> bytes:
    """The content with one to four changes, most of them at ``places``."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.choice(places) if chance.random() < 0.9 else chance.randrange(len(changed))
        at = min(at, len(changed) - 1)
        chance.choice(_CHANGES)(changed, at, chance)
        if not changed:
            break
    return bytes(changed)


def _flip(changed, at, chance):
    changed[at] ^= 1 << chance.randrange(8)


def _byte(changed, at, chance):
    changed[at] = chance.randrange(256)


def _word(changed, at, chance):
    value = chance.choice((*_WORDS, at, len(changed), len(changed) - 1))
    size, code = chance.choice(((2, "H"), (4, "I"), (8, "Q")))
    word = struct.pack(chance.choice("<>") + code, value % 2 ** (8 * size))
    changed[at : at + size] = word[: len(changed) - at]


def _copy(changed, at, chance):
    start, count = chance.randrange(len(changed)), chance.choice((2, 12, 20, 64))
    changed[at : at + count] = changed[start : start + count]


def _cut(changed, at, _chance):
    del changed[at + 1 :]


def _move(changed, at, chance):
    changed[at:at] = chance.randbytes(chance.choice((1, 2, 8, 12)))


_CHANGES = (_flip, _byte, _byte, _word, _word, _word, _copy, _cut, _move)


def mutations(folder, number: int, *, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Changed files, seed after seed in turn, with the seed's name."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    good = [(name, content, looked_at(folder / _file(name))) for name, content in seeds(folder).items()]
    for index in range(number):
        name, content, places = good[index % len(good)]
        yield name, mutated(content, places, chance)


def _file(name):
    return name if "." in name else f"{name}.tif"

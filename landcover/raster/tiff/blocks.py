"""Whether the blocks of an image lie where its header says, without reading them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from landcover.raster.file_bytes import FileBytes, damaged
from landcover.raster.tiff.directory import Directory, Tag
from landcover.raster.tiff.page import Compression, Page

_MANY: Final = 2**20
"""Blocks of a file that are looked at; in a file of more, those at the two ends of its images."""

_PART: Final = 2**16
_GROWTH: Final = 10
_SLACK: Final = 2**20
"""The longest a coded block may be: ten times its pixels and a megabyte (libtiff stops there, too)."""


@dataclass(slots=True)
class BlockCheck:
    """Looks at the blocks of one file, image by image.

    Attributes:
        left: how many more blocks will be looked at.
    """

    left: int = _MANY

    def check(self, directory: Directory, page: Page) -> None:
        """Refuse an image whose blocks are not all there.

        Blocks of no bytes are left out on purpose (sparse files).

        Raises:
            RasterTruncated: when a block ends beyond the file.
            RasterCorrupt: when one is said to be longer than it can be, or there are too few.
        """
        offsets, counts = _tags(directory, page)
        stated = directory.entries.get(offsets)
        if stated is None:
            raise damaged(directory.file, "it does not say where its pixels are")
        number = min(stated.count, page.blocks)
        if number < page.blocks:
            raise damaged(directory.file, f"it has {page.blocks:,} blocks, but says of {number:,} where they are")
        for start, stop in self._parts(number):
            self._check_part(directory, page, start, stop, (offsets, counts))

    def _parts(self, number: int) -> list[tuple[int, int]]:
        """Ranges of the blocks to look at: all, or as many as may be from both ends."""
        looked, self.left = min(number, self.left), max(self.left - number, 0)
        front = number if looked == number else looked // 2
        back = number - (looked - front)
        ranges = [range(0, front, _PART), range(back, number, _PART)]
        ends = (front, number)
        return [(start, min(start + _PART, end)) for part, end in zip(ranges, ends, strict=True) for start in part]

    def _check_part(self, directory: Directory, page: Page, start: int, stop: int, tags: tuple[Tag, Tag]) -> None:
        places, lengths = (directory.numbers(tag, start=start, most=stop - start) for tag in tags)
        if lengths.size < places.size:  # old raw files do not say how long their strips are
            if page.compression != Compression.NONE:
                raise damaged(directory.file, "it does not say how long its blocks are")
            lengths = np.ones_like(places)
        stored = (lengths != 0) & (places != 0)
        check_places(directory.file, places[stored], lengths[stored], _GROWTH * page.block_bytes + _SLACK)


def check_places(file: FileBytes, places_N: NDArray[np.uint64], lengths_N: NDArray[np.uint64], longest: int) -> None:
    """Refuse blocks that are too long, or end beyond the file.

    Args:
        file: the file.
        places_N: offsets of the blocks.
        lengths_N: their bytes.
        longest: most bytes that one can have.

    Raises:
        RasterTruncated: when a block ends beyond the file.
        RasterCorrupt: when one is said to be longer than it can be.
    """
    if not places_N.size:
        return
    length = int(lengths_N.max())
    if length > longest:
        raise damaged(file, f"a block of it is said to have {length:,} bytes, for pixels that never need so many")
    # In this order nothing can overflow.
    size = np.uint64(file.size)
    beyond_N = (places_N > size) | (lengths_N > size - np.minimum(places_N, size))
    if beyond_N.any():
        at = int(beyond_N.argmax())
        raise file.cut_off(int(places_N[at]) + int(lengths_N[at]))


def _tags(directory: Directory, page: Page) -> tuple[Tag, Tag]:
    """Where the blocks' places and lengths are said; of tiles some old files say it in the tags of strips."""
    if page.tiled and Tag.TILE_OFFSETS in directory.entries:
        return Tag.TILE_OFFSETS, Tag.TILE_COUNTS
    return Tag.STRIP_OFFSETS, Tag.STRIP_COUNTS

"""Cut a grid into overlapping windows of one fixed size.

Fixed shapes keep memory and run-time plans constant. Window origins are multiples of ``ALIGNMENT``, the coarsest
stride of the networks used: an encoder that halves five times then sees every pixel in the same phase as in one
pass over the whole image, so a tiled map and a whole-image map differ only near window borders, where the taper of
the blending is small.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from landcover.errors import WindowError
from landcover.grid import Window

ALIGNMENT: Final = 32
"""Pixels; five halvings in the encoder, 2**5."""


MARGIN: Final = 32
"""Pixels of mirrored scene around the scene. A network fills what lies beyond a window with zeros, which it has never
seen as land; windows inside a scene are blended over that, at the scene's own border only a margin helps."""


def round_up(length: int, multiple: int = ALIGNMENT) -> int:
    """Smallest multiple of ``multiple`` that is at least ``length``."""
    return -(-length // multiple) * multiple


@dataclass(frozen=True, slots=True)
class TilePlan:
    """Windows of one size that cover a grid, row by row.

    Attributes:
        height: rows of the grid.
        width: columns of the grid.
        tile: side of a window in pixels, a multiple of 32. A grid smaller than that gets smaller windows.
        overlap: pixels that neighbouring windows share, a multiple of 32 below ``tile``.
        margin: rows and columns added on every side of the grid, a multiple of 32; windows count from there.
    """

    height: int
    width: int
    tile: int
    overlap: int
    margin: int = 0

    def __post_init__(self) -> None:
        """Refuse sizes that cannot cover the grid.

        Raises:
            WindowError: with the offending numbers.
        """
        if self.height < 1 or self.width < 1:
            raise WindowError(f"cannot tile {self.height} x {self.width} pixels: both sides must be at least 1")
        if self.tile < ALIGNMENT or self.tile % ALIGNMENT:
            raise WindowError(f"tile of {self.tile} pixels: use a multiple of {ALIGNMENT}, at least {ALIGNMENT}")
        if self.overlap % ALIGNMENT or not 0 <= self.overlap < self.tile:
            raise WindowError(
                f"overlap of {self.overlap} pixels: use a multiple of {ALIGNMENT} from 0 to below the tile "
                f"({self.tile})"
            )

        if self.margin < 0 or self.margin % ALIGNMENT:
            raise WindowError(f"margin of {self.margin} pixels: use a multiple of {ALIGNMENT}, 0 or more")

    @property
    def padded_height(self) -> int:
        """Rows with both margins."""
        return self.height + 2 * self.margin

    @property
    def padded_width(self) -> int:
        """Columns with both margins."""
        return self.width + 2 * self.margin

    @property
    def tile_height(self) -> int:
        """Rows of every window; less than ``tile`` only for a grid lower than that."""
        return min(self.tile, round_up(self.padded_height))

    @property
    def tile_width(self) -> int:
        """Columns of every window; less than ``tile`` only for a grid narrower than that."""
        return min(self.tile, round_up(self.padded_width))

    @property
    def row_origins(self) -> tuple[int, ...]:
        """First row of each row of windows, counted from the upper margin, ascending."""
        return _origins(self.padded_height, self.tile_height, self.overlap)

    @property
    def col_origins(self) -> tuple[int, ...]:
        """First column of each column of windows, counted from the left margin, ascending."""
        return _origins(self.padded_width, self.tile_width, self.overlap)

    @property
    def redundancy(self) -> float:
        """Pixels computed divided by pixels of the grid, at least 1."""
        windows = len(self.row_origins) * len(self.col_origins)
        return windows * self.tile_height * self.tile_width / (self.height * self.width)

    def windows(self) -> Iterator[Window]:
        """All windows, row by row, counted from the margin; the last may reach 31 pixels beyond the far margin."""
        for row in self.row_origins:
            for col in self.col_origins:
                yield Window(row, col, self.tile_height, self.tile_width)


def mirror(start: int, stop: int, size: int) -> NDArray[np.intp]:
    """Indices ``start`` to ``stop`` of an axis of ``size`` pixels, folded back at both ends, edge pixels repeated.

    Args:
        start: first index, may be negative.
        stop: index after the last, may lie beyond ``size``.
        size: pixels there are, at least 1.
    """
    folded = np.arange(start, stop) % (2 * size)
    return np.minimum(folded, 2 * size - 1 - folded)


def _origins(length: int, tile: int, overlap: int) -> tuple[int, ...]:
    """Aligned origins whose windows of ``tile`` pixels cover ``length`` with at least ``overlap`` shared."""
    if length <= tile:
        return (0,)
    stride = tile - overlap
    last = round_up(length - tile)
    return (*range(0, last, stride), last)


def taper(length: int, overlap: int) -> NDArray[np.float32]:
    """Blending weights along one side of a window, shape (length,), all above 0.

    A raised cosine over the overlap: two neighbours that share exactly ``overlap`` pixels add up to 1, and a pixel
    at the border, which the network saw with half its context, counts least. The smallest weight is
    sin^2(pi / (4 * overlap)), so no pixel is ever without a weight.

    Args:
        length: side of the window in pixels.
        overlap: pixels shared with a neighbour on each side; at most ``length``.
    """
    weights = np.ones(length, dtype=np.float64)
    if overlap:
        ramp = np.sin(np.pi / 2 * (np.arange(overlap) + 0.5) / overlap) ** 2
        weights[:overlap] = ramp
        weights[length - overlap :] = np.minimum(weights[length - overlap :], ramp[::-1])
    return weights.astype(np.float32)

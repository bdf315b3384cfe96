"""Cut a grid into overlapping windows of one size.

Fixed shapes keep memory and run-time plans constant. Window origins are multiples of ``ALIGNMENT``, the coarsest
stride of the networks used: an encoder that halves five times then sees every pixel in the same phase as in one
pass over the whole image, so a tiled map and a whole-image map differ only near window borders, where the weight in
the blending is small.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from landcover.errors import WindowError
from landcover.grid import Window

ALIGNMENT: Final = 32
"""Pixels; five halvings in the encoder, 2**5."""


ROW_PIXELS: Final = 5_700_000
"""Most pixels in a row of windows. A row of windows is what is held of a scene, so wide scenes get flat windows. A
Sentinel-2 tile, 10980 pixels wide, gets the flattest: the model computes 1.125 pixels per pixel of it then, because 23
windows fill its height better than 17 do, and the first one can begin earlier."""

FLATTEST: Final = 512
"""Rows that even the flattest window has, or its tile, if that is less: a network must see around each pixel."""

MARGIN: Final = 32
"""Pixels of mirrored scene around the scene. A network fills what lies beyond a window with zeros, which it has never
seen as land; windows inside a scene are blended over that, at the scene's own border only a margin helps."""


def round_up(length: int, multiple: int = ALIGNMENT) -> int:
    """Smallest multiple of ``multiple`` that is at least ``length``."""
    return -(-length // multiple) * multiple


@dataclass(frozen=True, slots=True)
class Axis:
    """Windows along one side of a grid.

    Attributes:
        length: pixels of the side.
        tile: pixels of every window along this side, a multiple of 32.
        origins: first pixel of each window, multiples of 32, ascending. Neighbours share pixels or touch.
    """

    length: int
    tile: int
    origins: tuple[int, ...]

    def shared(self, index: int) -> int:
        """Pixels that window ``index`` shares with the next one; 0 for the last, and for -1, before the first."""
        return self.tile - self.step(index) if 0 <= index < len(self.origins) - 1 else 0

    def step(self, index: int) -> int:
        """Pixels of window ``index`` that no later window touches, counted from its origin."""
        last = index + 1 == len(self.origins)
        return self.tile if last else self.origins[index + 1] - self.origins[index]

    def finished(self, index: int) -> slice:
        """Pixels of the side that are final when window ``index`` has come and no earlier window finished."""
        start = self.origins[index]
        return slice(start, min(start + self.step(index), self.length))

    def finishing(self, pixel: int) -> int:
        """Number of the first window that finishes ``pixel`` or what lies behind it; how many there are, if none."""
        return sum(self.finished(index).stop <= pixel for index in range(len(self.origins)))

    def needed(self, index: int) -> int:
        """Number of the first window that has a part in what window ``index`` and those behind it finish."""
        return sum(origin + self.tile <= self.origins[index] for origin in self.origins[:index])

    def inside(self, index: int, margin: int) -> slice:
        """Pixels of window ``index``, counted from its origin, that lie in the scene: not in a margin, nor beyond."""
        origin = self.origins[index]
        return slice(max(margin - origin, 0), max(min(self.length - margin - origin, self.tile), 0))

    def weights(self) -> tuple[NDArray[np.float32], ...]:
        """Blending weights of each window, shape (tile,), all above 0; at every pixel they sum to 1.

        A raised cosine over the pixels that two neighbours share, and 1 where a window is alone. A pixel at a border,
        which the network saw with half its context, counts least.
        """
        ramps = [self._ramp(index) for index in range(len(self.origins))]
        total = np.zeros(self.origins[-1] + self.tile)
        for origin, ramp in zip(self.origins, ramps, strict=True):
            total[origin : origin + self.tile] += ramp
        return tuple(
            (ramp / total[origin : origin + self.tile]).astype(np.float32)
            for origin, ramp in zip(self.origins, ramps, strict=True)
        )

    def _ramp(self, index: int) -> NDArray[np.float64]:
        """Weights before they are brought to a sum of 1, which changes them only where three windows overlap."""
        weights = np.ones(self.tile)
        before, after = self.shared(index - 1), self.shared(index)
        weights[:before] = taper(before)
        weights[self.tile - after :] = np.minimum(weights[self.tile - after :], taper(after)[::-1])
        return weights


@dataclass(frozen=True, slots=True)
class TilePlan:
    """Windows of one size that cover a grid, row by row.

    As few windows as the tile allows, no larger than they have to be, and spread evenly. Where the grid is so wide that
    a row of them would hold more than ``ROW_PIXELS``, they are flatter.

    Attributes:
        height: rows of the grid.
        width: columns of the grid.
        tile: largest side of a window in pixels, a multiple of 32.
        overlap: least pixels that neighbouring windows share, a multiple of 32 below ``tile``.
        margin: rows and columns added on every side of the grid, a multiple of 32; windows count from there.
        rows: windows from top to bottom, counted from the upper margin.
        cols: windows from left to right, counted from the left margin.
    """

    height: int
    width: int
    tile: int
    overlap: int
    margin: int = 0
    rows: Axis = field(init=False, repr=False, compare=False)
    cols: Axis = field(init=False, repr=False, compare=False)

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
        flat = max(ROW_PIXELS // self.padded_width // ALIGNMENT * ALIGNMENT, FLATTEST, self.overlap + ALIGNMENT)
        object.__setattr__(self, "rows", cut(self.padded_height, min(self.tile, flat), self.overlap))
        object.__setattr__(self, "cols", cut(self.padded_width, self.tile, self.overlap))

    @property
    def padded_height(self) -> int:
        """Rows with both margins."""
        return self.height + 2 * self.margin

    @property
    def padded_width(self) -> int:
        """Columns with both margins."""
        return self.width + 2 * self.margin

    @property
    def redundancy(self) -> float:
        """Pixels computed divided by pixels of the grid, at least 1."""
        sides = [len(axis.origins) * axis.tile for axis in (self.rows, self.cols)]
        return sides[0] * sides[1] / (self.height * self.width)

    def windows(self) -> Iterator[Window]:
        """All windows, row by row, counted from the margin; the last may reach 31 pixels beyond the far margin."""
        rows, cols = self.rows, self.cols
        for row in rows.origins:
            for col in cols.origins:
                yield Window(row, col, rows.tile, cols.tile)


def cut(length: int, tile: int, overlap: int) -> Axis:
    """The fewest windows that cover a side, as small as that number allows, evenly spread on multiples of 32.

    Args:
        length: pixels of the side, at least 1.
        tile: largest window, a multiple of 32.
        overlap: least pixels that neighbours share, a multiple of 32 below ``tile``.
    """
    reach = round_up(length)
    count = max(1, -(-(reach - overlap) // (tile - overlap)))
    # The sum of all windows is the reach and, once more, what neighbours share.
    side = round_up(-(-(reach + (count - 1) * overlap) // count))
    free = (reach - side) // ALIGNMENT
    return Axis(length, side, tuple(ALIGNMENT * (free * index // max(count - 1, 1)) for index in range(count)))


def mirror(start: int, stop: int, size: int) -> NDArray[np.intp]:
    """Indices ``start`` to ``stop`` of an axis of ``size`` pixels, folded back at both ends, edge pixels repeated.

    Args:
        start: first index, may be negative.
        stop: index after the last, may lie beyond ``size``.
        size: pixels there are, at least 1.
    """
    folded = np.arange(start, stop) % (2 * size)
    return np.minimum(folded, 2 * size - 1 - folded)


def taper(length: int) -> NDArray[np.float64]:
    """A raised cosine that rises over ``length`` pixels, shape (length,), above 0 and below 1.

    Turned round and added to itself it is 1. The smallest value is sin^2(pi / (4 * length)), so no pixel is ever
    without a weight.
    """
    rising: NDArray[np.float64] = np.sin(np.pi / 2 * (np.arange(length) + 0.5) / max(length, 1)) ** 2
    return rising

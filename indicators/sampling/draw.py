"""Draw pixels at random: exactly n of each stratum, every set of n equally likely, while the map streams by twice.

The first pass counts the pixels of each stratum (``indicators.areas.ClassAreas`` does). Then n ranks of N are drawn by
Floyd's algorithm (Bentley and Floyd 1987, doi:10.1145/30401.315746); the second pass finds the pixels that have these
ranks, counted row by row. Memory goes with the points and one block of rows.

Random numbers are the first 64 bits of SHA-256 of ``steppe-sample-1:SEED:STRATUM:COUNTER``, COUNTER from 0; a number
below m is the word modulo m, of words below the largest multiple of m. So a sample can be drawn again from its design
with any tool and any version, and nobody has to believe that the points were not chosen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from landcover.errors import RasterChanged

METHOD: Final = (
    "simple random sampling without replacement in each stratum: ranks by Floyd's algorithm on SHA-256 of "
    "steppe-sample-1:SEED:STRATUM:COUNTER; rank = position among the stratum's pixels, row by row"
)

_LABEL: Final = "steppe-sample-1"
_WORDS: Final = 1 << 64


class Position(NamedTuple):
    """A drawn pixel.

    Attributes:
        stratum: its stratum's code.
        row: of the map, from 0.
        col: of the map, from 0.
    """

    stratum: int
    row: int
    col: int


class Draws:
    """Random whole numbers, the same ones for the same seed and stratum for all time.

    Args:
        seed: of the sample.
        stratum: code; each stratum has numbers of its own, so that a change to one leaves the others' points.
    """

    def __init__(self, seed: int, stratum: int) -> None:
        self._prefix, self._counter = f"{_LABEL}:{seed}:{stratum}:", 0

    def below(self, bound: int) -> int:
        """A number from 0 to ``bound - 1``, each equally likely."""
        fair = _WORDS - _WORDS % bound
        while True:
            word = _word(f"{self._prefix}{self._counter}")
            self._counter += 1
            if word < fair:
                return word % bound


def chosen_ranks(pixels: int, count: int, draws: Draws) -> npt.NDArray[np.int64]:
    """Ranks of the drawn pixels of a stratum.

    Args:
        pixels: N, pixels of the stratum.
        count: n, points to draw, at most N.
        draws: random numbers.

    Returns:
        int64, shape (count,), rising, distinct, 0 to ``pixels - 1``.
    """
    chosen: set[int] = set()
    for last in range(pixels - count, pixels):
        rank = draws.below(last + 1)
        chosen.add(last if rank in chosen else rank)
    return np.array(sorted(chosen), np.int64)


def draw_positions(
    blocks: Iterable[tuple[int, npt.NDArray[Any]]], pixels: Mapping[int, int], counts: Mapping[int, int], seed: int
) -> list[Position]:
    """The drawn pixels, by row and column.

    Args:
        blocks: the map from top to bottom: first row, and codes (row, col) of whole rows.
        pixels: N of each stratum, from the first pass.
        counts: n of each stratum.
        seed: of the sample.

    Raises:
        RasterChanged: when the map now holds other pixels than at the first pass.
    """
    finders = [_Finder(code, chosen_ranks(pixels[code], count, Draws(seed, code))) for code, count in counts.items()]
    found = [position for row, codes_RW in blocks for finder in finders for position in finder.find(row, codes_RW)]
    changed = [finder.stratum for finder in finders if finder.seen != pixels[finder.stratum]]
    if changed:
        raise RasterChanged(
            f"the map changed while points were drawn: stratum {changed[0]} had {pixels[changed[0]]} pixels when it "
            "was counted; draw again when nothing writes to it"
        )
    return sorted(found, key=lambda position: position[1:])


def shuffled(positions: Iterable[Position], seed: int) -> list[Position]:
    """Points in the order in which they are to be interpreted, which tells nothing of place or stratum.

    The first m of a stratum are a simple random sample of it as well, so that work which stops early is not lost.
    """
    return sorted(positions, key=lambda at: (_word(f"{_LABEL}:{seed}:order:{at.row}:{at.col}"), at))


class _Finder:
    """Finds the pixels of one stratum that have the drawn ranks."""

    def __init__(self, stratum: int, ranks: npt.NDArray[np.int64]) -> None:
        self.stratum, self.seen = stratum, 0
        self._ranks = ranks

    def find(self, row_start: int, codes_RW: npt.NDArray[Any]) -> Iterator[Position]:
        here_RW = codes_RW == self.stratum
        stop = self.seen + int(np.count_nonzero(here_RW))
        first, last = np.searchsorted(self._ranks, (self.seen, stop))
        if first < last:
            flat = np.flatnonzero(here_RW)[self._ranks[first:last] - self.seen]
            for row, col in zip(*np.divmod(flat, codes_RW.shape[1]), strict=True):
                yield Position(self.stratum, row_start + int(row), int(col))
        self.seen = stop


def _word(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")

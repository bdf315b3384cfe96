"""Runs of marked pixels along rows, and which of them hang together: the arithmetic under ``patches``.

A run is a piece of a row. A map has far fewer runs than pixels, and whole strips of them are joined with a few array
operations, so that nothing is done pixel by pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

type Ints = npt.NDArray[np.int64]

FOUR: Final = 4
"""Pixels hang together by their sides."""

EIGHT: Final = 8
"""Pixels hang together by their sides and corners."""


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of some rows, row by row, each row from the left.

    Attributes:
        start: position of the first pixel; position = row * stride + column.
        stop: position after the last pixel.
        stride: one more than the columns of a row, so that a run never goes on in the next row.
    """

    start: Ints
    stop: Ints
    stride: int

    def __len__(self) -> int:
        """Number of runs."""
        return len(self.start)

    @property
    def row(self) -> Ints:
        """Row of each run, from 0."""
        return self.start // self.stride

    @property
    def length(self) -> Ints:
        """Pixels of each run."""
        return self.stop - self.start

    def before(self, row: int) -> int:
        """Number of runs in the rows before a row."""
        return int(np.searchsorted(self.start, row * self.stride))


def runs_of(marked_RW: npt.NDArray[np.bool_]) -> Runs:
    """The runs of marked pixels.

    Args:
        marked_RW: bool (row, col).
    """
    rows, cols = marked_RW.shape
    stride = cols + 1
    padded = np.zeros(rows * stride + 1, np.bool_)
    padded[1:].reshape(rows, stride)[:, :cols] = marked_RW
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return Runs(edges[::2], edges[1::2], stride)


def touching(runs: Runs, *, connectivity: int) -> tuple[Ints, Ints]:
    """Pairs of runs in neighbouring rows that touch.

    Args:
        runs: the runs.
        connectivity: ``FOUR`` or ``EIGHT``.

    Returns:
        The upper and the lower run of each pair, sorted by the lower one, then by the upper one.
    """
    corner = int(connectivity == EIGHT)  # a corner is as near as an overlap of one pixel more on each side
    first = np.searchsorted(runs.stop, runs.start - runs.stride - corner, side="right")
    counts = np.searchsorted(runs.start, runs.stop - runs.stride + corner) - first
    lower = np.repeat(np.arange(len(runs)), counts)
    upper = np.arange(len(lower)) - np.repeat(np.cumsum(counts) - counts - first, counts)
    return upper, lower


def joined(count: int, upper: Ints, lower: Ints) -> Ints:
    """Which nodes hang together, from pairs that do.

    Every node is hooked to its smallest neighbour, chains are shortened by doubling, and what is left of the pairs is
    done again between the roots; the number of rounds grows with the logarithm of the nodes.

    Args:
        count: number of nodes.
        upper: one node of each pair.
        lower: the other node of each pair.

    Returns:
        The smallest node that hangs together with each node, int64 (node,).
    """
    root = np.arange(count)
    one, other = np.minimum(upper, lower), np.maximum(upper, lower)
    everything = root.copy()
    active = everything
    while len(one):
        np.minimum.at(root, other, one)
        _shorten(root, active)
        one, other = root[one], root[other]
        apart = one != other
        one, other = np.minimum(one[apart], other[apart]), np.maximum(one[apart], other[apart])
        active = np.unique(np.concatenate([one, other]))
    _shorten(root, everything)
    return root


def _shorten(root: Ints, nodes: Ints) -> None:
    """Point nodes straight to their roots; the way there may lead over these nodes only, or over few others."""
    while True:
        there = root[nodes]
        further = root[there]
        if np.array_equal(there, further):
            return
        root[nodes] = further

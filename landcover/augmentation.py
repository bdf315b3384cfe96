"""Test-time augmentation: the mean of what a model answers for an image and for its mirror images and rotations.

A view from above has no right way up, so a network should map a turned scene to the turned map. It does so only nearly;
the mean over a group of turns does so up to the rounding of sums.

Axes: N batch, B band, K class, H row, W column.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

type Answer[Number: np.generic] = Callable[[NDArray[Number], NDArray[Number] | None], NDArray[np.float32]]
"""Digital numbers NBHW, with those of the scene's overview where a model takes one, to probabilities NKHW."""


class Augmentation(StrEnum):
    """Which turns of an image are averaged."""

    NONE = "none"
    """The image alone."""

    FLIPS = "flips"
    """The image, mirrored in its rows, in its columns, and in both: 4 runs."""

    D4 = "d4"
    """All symmetries of the square, the dihedral group of order 8: the flips, and those of the transposed image. They
    hold the rotations by 90 degrees. 8 runs."""


@dataclass(frozen=True, slots=True)
class Symmetry:
    """A turn of an image: first rows and columns change places, then their orders are reversed.

    Attributes:
        transposed: whether rows become columns.
        rows: whether the rows are reversed.
        cols: whether the columns are reversed.
    """

    transposed: bool
    rows: bool
    cols: bool

    def turn[Number: np.generic](self, image: NDArray[Number]) -> NDArray[Number]:
        """The image turned; its last two axes are rows and columns. A view."""
        image = image.swapaxes(-2, -1) if self.transposed else image
        return image[..., :: -1 if self.rows else 1, :: -1 if self.cols else 1]

    def turn_back[Number: np.generic](self, image: NDArray[Number]) -> NDArray[Number]:
        """The image whose :meth:`turn` was given. A view."""
        image = image[..., :: -1 if self.rows else 1, :: -1 if self.cols else 1]
        return image.swapaxes(-2, -1) if self.transposed else image


def _symmetries(*, transposed: tuple[bool, ...], mirrored: tuple[bool, ...]) -> tuple[Symmetry, ...]:
    return tuple(Symmetry(*flags) for flags in product(transposed, mirrored, mirrored))


SYMMETRIES: Final = {
    Augmentation.NONE: _symmetries(transposed=(False,), mirrored=(False,)),
    Augmentation.FLIPS: _symmetries(transposed=(False,), mirrored=(False, True)),
    Augmentation.D4: _symmetries(transposed=(False, True), mirrored=(False, True)),
}
"""Turns in the order in which they are summed, the image itself first."""


def average_turns[Number: np.generic](
    answer: Answer[Number],
    dn_NBHW: NDArray[Number],
    overview_1BHW: NDArray[Number] | None = None,
    *,
    augmentation: Augmentation,
) -> NDArray[np.float32]:
    """The mean of a model's answers for all turns of a batch, each turned back.

    Sums run in one order; besides the sum, one answer at a time is in memory.

    Args:
        answer: the model; the arrays it returns are taken over.
        dn_NBHW: digital numbers (batch, band, row, col); where a model takes two dates, bands of both, which turn
            together.
        overview_1BHW: overview of the windows' scene, for a model that takes one; turns like the windows.
        augmentation: which turns.

    Returns:
        float32 probabilities (batch, class, row, col).
    """
    others = SYMMETRIES[augmentation][1:]
    sum_NKHW = answer(dn_NBHW, overview_1BHW)
    for turn in others:
        overview = None if overview_1BHW is None else np.ascontiguousarray(turn.turn(overview_1BHW))
        # Runtimes want arrays in one piece.
        sum_NKHW += turn.turn_back(answer(np.ascontiguousarray(turn.turn(dn_NBHW)), overview))
    if others:
        sum_NKHW /= np.float32(1 + len(others))
    return sum_NKHW

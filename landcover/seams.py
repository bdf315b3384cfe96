"""Seam score: on how many of the pixels that neighbouring windows share they would map another class.

Taken in passing, before blending, from each window's own answer. It needs no second pass over the whole image and no
labels: a score near 0 says that the windows saw enough of the land around them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landcover.postprocess import best_class
from landcover.tiling import TilePlan


@dataclass(frozen=True, slots=True)
class SeamScore:
    """Pairs of answers on shared pixels.

    Attributes:
        pixels: valid pixels shared by two windows beside or below each other; by four windows, counted for each pair.
        different: those on which the two windows alone would map another class.
    """

    pixels: int = 0
    different: int = 0

    def __add__(self, other: SeamScore) -> SeamScore:
        """Both together."""
        return SeamScore(self.pixels + other.pixels, self.different + other.different)

    @property
    def share(self) -> float | None:
        """Disagreeing pixels of all shared ones, 0 to 1; None where no two windows met."""
        return self.different / self.pixels if self.pixels else None

    def to_json(self) -> dict[str, float | int | None]:
        """For STAC Items and reports."""
        share = None if self.share is None else round(self.share, 6)
        return {"share": share, "shared_pixels": self.pixels, "different_pixels": self.different}


class SeamCounter:
    """Compares each window with the one before it and the one above it.

    Args:
        plan: the windows that will come.
    """

    def __init__(self, plan: TilePlan) -> None:
        self._rows, self._cols = plan.rows, plan.cols
        # By place of the window, so that one that was left out is not taken for another.
        self._lower: dict[tuple[int, int], NDArray[np.uint8]] = {}
        self._right: dict[tuple[int, int], NDArray[np.uint8]] = {}
        self._pixels = self._different = 0

    @property
    def score(self) -> SeamScore:
        """What was counted so far."""
        return SeamScore(self._pixels, self._different)

    def restart(self) -> None:
        """Count from 0 again; the next windows are compared with those that came all the same."""
        self._pixels = self._different = 0

    def add(self, row: int, col: int, probabilities_KHW: NDArray[np.float32], valid_HW: NDArray[np.bool_]) -> None:
        """Compare a window with its neighbours.

        Windows come row by row; one that holds no valid pixel may be left out.

        Args:
            row: number of the window's row.
            col: number of the window in its row.
            probabilities_KHW: the window's own answer, (class, row, col); read before it is blended.
            valid_HW: True = valid, of the whole window.
        """
        above, under = self._rows.shared(row - 1), self._rows.shared(row)
        left, right = self._cols.shared(col - 1), self._cols.shared(col)
        self._forget(row)
        beside, upper = self._right.pop((row, col - 1), None), self._lower.pop((row - 1, col), None)
        if left and beside is not None:
            self._compare(beside, best_class(probabilities_KHW[:, :, :left]), valid_HW[:, :left])
        if above and upper is not None:
            self._compare(upper, best_class(probabilities_KHW[:, :above]), valid_HW[:above])
        if right:
            self._right[row, col] = best_class(probabilities_KHW[:, :, self._cols.tile - right :])
        if under:
            self._lower[row, col] = best_class(probabilities_KHW[:, self._rows.tile - under :])

    def _forget(self, row: int) -> None:
        """Drop what waits for windows that were left out: those of rows that are over."""
        for waiting, oldest in ((self._right, row), (self._lower, row - 1)):
            for place in [place for place in waiting if place[0] < oldest]:
                del waiting[place]

    def _compare(self, one_HW: NDArray[np.uint8], other_HW: NDArray[np.uint8], valid_HW: NDArray[np.bool_]) -> None:
        self._pixels += int(np.count_nonzero(valid_HW))
        self._different += int(np.count_nonzero((one_HW != other_HW) & valid_HW))

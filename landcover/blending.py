"""Blend overlapping windows of class probabilities into finished rows, in memory that does not grow with the scene.

Windows arrive in the order of :meth:`TilePlan.windows`. As soon as a row of windows is complete, the rows that no
later window touches are handed out; only the shared rows are kept. Sums run in that fixed order, so the result does
not depend on how windows were batched.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from landcover.tiling import TilePlan, taper

_TINY: Final = np.finfo(np.float32).tiny


class RowBlender:
    """Weighted mean of overlapping probability windows, streamed by rows of windows.

    Args:
        plan: the windows that will come.
        classes: number of classes K.
    """

    def __init__(self, plan: TilePlan, classes: int) -> None:
        self._plan = plan
        self._rows = plan.row_origins
        self._row = 0
        self._ready = 0
        """Rows at the top that were handed out and have not been cleared yet."""
        shape = (plan.tile_height, plan.col_origins[-1] + plan.tile_width)
        self._sum_KHW = np.zeros((classes, *shape), dtype=np.float32)
        row_weights = taper(plan.tile_height, min(plan.overlap, plan.tile_height))
        col_weights = taper(plan.tile_width, min(plan.overlap, plan.tile_width))
        self._window_weights_HW = np.outer(row_weights, col_weights)
        self._weights_HW = np.zeros(shape, dtype=np.float32)

    def add(self, col: int, probabilities_KHW: NDArray[np.float32]) -> None:
        """Add the window of the current row of windows that starts at column ``col``.

        Args:
            col: first column of the window in the grid.
            probabilities_KHW: class probabilities of the whole window, shape (class, row, col).
        """
        self._move_up()
        cols = slice(col, col + self._plan.tile_width)
        self._sum_KHW[:, :, cols] += probabilities_KHW * self._window_weights_HW
        self._weights_HW[:, cols] += self._window_weights_HW

    def finish_row(self) -> tuple[int, NDArray[np.float32]]:
        """Close the current row of windows and hand out the rows that are final.

        Returns:
            First row, counted from the upper margin, and the blended probabilities (class, row, col) over the grid
            with its margins, a view that holds until the next call. They sum to 1 over the classes where the windows
            did, and are 0 where no window was added.
        """
        self._move_up()
        start = self._rows[self._row]
        is_last = self._row + 1 == len(self._rows)
        self._ready = (self._plan.padded_height if is_last else self._rows[self._row + 1]) - start
        self._row += 1
        ready = slice(0, self._ready), slice(0, self._plan.padded_width)
        # A pixel that only skipped windows hold has no weight; it stays 0 in all classes.
        weights_HW: NDArray[np.float32] = np.maximum(self._weights_HW[ready], _TINY)
        blended = self._sum_KHW[:, ready[0], ready[1]]
        blended /= weights_HW
        return start, blended

    def _move_up(self) -> None:
        """Forget the rows handed out, move the shared rows to the top and clear the rest."""
        if not self._ready:
            return
        kept = self._plan.tile_height - self._ready
        for array in (self._sum_KHW, self._weights_HW):
            array[..., :kept, :] = array[..., self._ready :, :].copy()
            array[..., kept:, :] = 0
        self._ready = 0

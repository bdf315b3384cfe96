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
        cols = slice(col, col + self._plan.tile_width)
        self._sum_KHW[:, :, cols] += probabilities_KHW * self._window_weights_HW
        self._weights_HW[:, cols] += self._window_weights_HW

    def finish_row(self) -> tuple[int, NDArray[np.float32]]:
        """Close the current row of windows and hand out the rows that are final.

        Returns:
            First row in the grid, and the blended probabilities (class, row, col) cut to the grid's width and
            height. They sum to 1 over the classes where the windows did, and are 0 where no window was added.
        """
        start = self._rows[self._row]
        is_last = self._row + 1 == len(self._rows)
        stop = self._plan.height if is_last else self._rows[self._row + 1]
        ready = stop - start
        width = self._plan.width
        # A pixel that only skipped windows hold has no weight; it stays 0 in all classes.
        weights_HW: NDArray[np.float32] = np.maximum(self._weights_HW[:ready, :width], _TINY)
        blended: NDArray[np.float32] = self._sum_KHW[:, :ready, :width] / weights_HW
        self._keep_from(ready)
        self._row += 1
        return start, blended

    def _keep_from(self, ready: int) -> None:
        """Move the shared rows to the top and clear the rest."""
        kept = self._plan.tile_height - ready
        for array in (self._sum_KHW, self._weights_HW):
            array[..., :kept, :] = array[..., ready:, :].copy()
            array[..., kept:, :] = 0

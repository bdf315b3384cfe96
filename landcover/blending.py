"""Blend overlapping windows of class probabilities, in memory that hardly grows with the scene.

Windows arrive in the order of :meth:`TilePlan.windows`. Each finishes a block: the pixels that no later window
touches. Only the pixels shared with the next window and with the next row of windows are kept, so memory is a few rows
of the scene, however high it is. Sums run in that fixed order, so the result does not depend on how windows were
batched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landcover.tiling import TilePlan


@dataclass(frozen=True, slots=True)
class Block:
    """Finished pixels.

    Attributes:
        rows: their rows, counted from the upper margin.
        cols: their columns, counted from the left margin.
        probabilities_KHW: their blended probabilities (class, row, col); a view that holds until the next window.
    """

    rows: slice
    cols: slice
    probabilities_KHW: NDArray[np.float32]


class Blender:
    """Weighted mean of overlapping probability windows.

    Args:
        plan: the windows that will come.
        classes: number of classes K.
    """

    def __init__(self, plan: TilePlan, classes: int) -> None:
        self._rows, self._cols = plan.rows, plan.cols
        self._row_weights, self._col_weights = self._rows.weights(), self._cols.weights()
        below = max(map(self._rows.shared, range(len(self._rows.origins))))
        beside = max(map(self._cols.shared, range(len(self._cols.origins))))
        width = self._cols.origins[-1] + self._cols.tile
        self._below_KSW = np.zeros((classes, below, width), dtype=np.float32)
        self._beside_KHS = np.zeros((classes, self._rows.tile, beside), dtype=np.float32)

    def add(self, row: int, col: int, probabilities_KHW: NDArray[np.float32]) -> Block:
        """Add a window and take the pixels that it finishes.

        A window that nobody needs may be left out; pixels that it holds are then undefined, all others are not.

        Args:
            row: number of the window's row.
            col: number of the window in its row.
            probabilities_KHW: class probabilities of the whole window, (class, row, col); overwritten.
        """
        above, under = self._rows.shared(row - 1), self._rows.shared(row)
        left, right = self._cols.shared(col - 1), self._cols.shared(col)
        down, along = self._rows.step(row), self._cols.step(col)
        place = slice(self._cols.origins[col], self._cols.origins[col] + along)
        sum_KHW = probabilities_KHW
        _weigh(sum_KHW, self._row_weights[row], above, under)
        _weigh(sum_KHW.swapaxes(1, 2), self._col_weights[col], left, right)
        sum_KHW[:, :, :left] += self._beside_KHS[:, :, :left]
        self._beside_KHS[:, :, :right] = sum_KHW[:, :, along:]
        sum_KHW[:, :above, :along] += self._below_KSW[:, :above, place]
        self._below_KSW[:, :under, place] = sum_KHW[:, down:, :along]
        rows, cols = self._rows.finished(row), self._cols.finished(col)
        return Block(rows, cols, sum_KHW[:, : rows.stop - rows.start, : cols.stop - cols.start])


def _weigh(values_KHW: NDArray[np.float32], weights_H: NDArray[np.float32], first: int, last: int) -> None:
    """Multiply the first and the last rows by their weights, in place; those between have a weight of 1."""
    if first + last >= len(weights_H):
        values_KHW *= weights_H[:, None]
        return
    values_KHW[:, :first] *= weights_H[:first, None]
    end = len(weights_H) - last
    values_KHW[:, end:] *= weights_H[end:, None]

"""From class probabilities to the codes and confidence that go on disk."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from landcover.legends import Legend

CONFIDENCE_NODATA: Final = 255
"""In the uint8 confidence raster, whose valid range is 0 to 100 percent."""


def best_class(probabilities_KHW: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Index of the most probable class, uint8 (row, col); a tie goes to the first.

    Args:
        probabilities_KHW: class probabilities, shape (class, row, col).
    """
    # Class by class: several times faster than argmax over the slow axis, and without its array of 64-bit indices.
    best_HW = probabilities_KHW[0].copy()
    index_HW = np.zeros(best_HW.shape, dtype=np.uint8)
    for index, candidate_HW in enumerate(probabilities_KHW[1:], start=1):
        better_HW = candidate_HW > best_HW
        np.copyto(best_HW, candidate_HW, where=better_HW)
        index_HW[better_HW] = index
    return index_HW


def class_codes(probabilities_KHW: NDArray[np.float32], valid_HW: NDArray[np.bool_], legend: Legend) -> NDArray[Any]:
    """Legend code of the most probable class, nodata where the input has none.

    Args:
        probabilities_KHW: class probabilities, shape (class, row, col); class k is the legend's k-th class.
        valid_HW: True = valid, shape (row, col).
        legend: gives the code of each class index.

    Returns:
        Codes, shape (row, col), in the legend's dtype, its nodata where not valid: uint8 and 255, or int16 and -32768.
        A tie goes to the class that comes first in the legend.
    """
    codes_HW = legend.encode(best_class(probabilities_KHW))
    codes_HW[~valid_HW] = legend.nodata
    return codes_HW


def confidence_percent(probabilities_KHW: NDArray[np.float32], valid_HW: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Probability of the chosen class in percent, rounded to the nearest integer.

    Args:
        probabilities_KHW: class probabilities, shape (class, row, col).
        valid_HW: True = valid, shape (row, col).

    Returns:
        uint8 in 0..100, shape (row, col), 255 where not valid.
    """
    percent_HW: NDArray[np.uint8] = np.rint(probabilities_KHW.max(axis=0) * 100).clip(0, 100).astype(np.uint8)
    percent_HW[~valid_HW] = CONFIDENCE_NODATA
    return percent_HW

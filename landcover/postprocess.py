"""From class probabilities to the codes, confidence and uncertainty that go on disk.

All percentages are uint8, 0 to 100, and 255 where there is no data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from landcover.legends import Legend

CONFIDENCE_NODATA: Final = 255
"""In the uint8 confidence raster, whose valid range is 0 to 100 percent."""

_BLOCK_PIXELS: Final = 1 << 16
"""Pixels compared at once: what is kept of them, six bytes each, stays in the cache of one core."""

PROBABILITY_SCALE: Final = 0.01
"""Probability of one step in the probability raster: readers that apply the scale show 0 to 1, all others percent."""


def best_class(probabilities_KHW: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Index of the most probable class, uint8 (row, col); a tie goes to the first.

    Args:
        probabilities_KHW: finite class probabilities, shape (class, row, col).
    """
    _, height, width = probabilities_KHW.shape
    index_HW = np.zeros((height, width), np.uint8)
    step = max(1, _BLOCK_PIXELS // max(width, 1))
    buffers = _Buffers(*(np.empty((min(step, height), width), dtype) for dtype in (np.float32, np.bool_, np.uint8)))
    for start in range(0, height, step):
        rows = slice(start, start + step)
        _find_best(probabilities_KHW[:, rows], index_HW[rows], buffers)
    return index_HW


class _Buffers(NamedTuple):
    """Memory for some rows: the largest probability, where a class is better, and its index there; (row, col)."""

    best_HW: NDArray[np.float32]
    better_HW: NDArray[np.bool_]
    index_HW: NDArray[np.uint8]


def _find_best(probabilities_KHW: NDArray[np.float32], index_HW: NDArray[np.uint8], buffers: _Buffers) -> None:
    """Raise indices, all 0, to those of the most probable classes."""
    # Class by class: several times faster than argmax over the slow axis, and without its array of 64-bit indices.
    # Indices ascend, so the last class that was better is the largest index: no pixel needs a branch.
    best_HW, better_HW, taken_HW = (buffer_HW[: len(index_HW)] for buffer_HW in buffers)
    np.copyto(best_HW, probabilities_KHW[0])
    for index, candidate_HW in enumerate(probabilities_KHW[1:], start=1):
        np.greater(candidate_HW, best_HW, out=better_HW)
        np.maximum(candidate_HW, best_HW, out=best_HW)
        np.multiply(better_HW.view(np.uint8), np.uint8(index), out=taken_HW)
        np.maximum(index_HW, taken_HW, out=index_HW)


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
    return _percent(probabilities_KHW.max(axis=0), valid_HW)


def probability_percent(probabilities_KHW: NDArray[np.float32], valid_HW: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Probability of every class in percent, rounded to the nearest integer.

    The largest of a pixel's numbers is its ``confidence_percent``; rounded one by one, they need not add up to 100.

    Args:
        probabilities_KHW: class probabilities, shape (class, row, col).
        valid_HW: True = valid, shape (row, col).

    Returns:
        uint8 in 0..100, shape (class, row, col), 255 where not valid.
    """
    return np.stack([_percent(probability_HW, valid_HW) for probability_HW in probabilities_KHW])


class UncertaintyMeasure(StrEnum):
    """How unsure the model is of a pixel; both measures are 0 for one certain class and grow with doubt."""

    ENTROPY = "entropy"
    MARGIN = "margin"


def entropy_percent(probabilities_KHW: NDArray[np.float32], valid_HW: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Entropy of the class probabilities, as a share of its largest value.

    100 * H / log K with H = -sum(p log p): 0 when one class is certain, 100 when all K are equally probable. It counts
    how many classes are in question. H: C. E. Shannon (1948), A Mathematical Theory of Communication,
    https://doi.org/10.1002/j.1538-7305.1948.tb01338.x

    Args:
        probabilities_KHW: class probabilities, shape (class, row, col).
        valid_HW: True = valid, shape (row, col).

    Returns:
        uint8 in 0..100, shape (row, col), 255 where not valid.
    """
    smallest = np.finfo(np.float32).tiny  # 0 log 0 is 0, the limit
    entropy_HW = np.zeros(valid_HW.shape, np.float32)
    for probability_HW in probabilities_KHW:
        entropy_HW -= probability_HW * np.log(np.maximum(probability_HW, smallest))
    return _percent(entropy_HW / math.log(max(len(probabilities_KHW), 2)), valid_HW)


def margin_percent(probabilities_KHW: NDArray[np.float32], valid_HW: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """How close the second class comes to the first.

    100 * (1 - (p1 - p2)) with the two largest probabilities p1 >= p2: 0 when one class is certain, 100 when two are
    equally probable, whatever the others are. T. Scheffer, C. Decomain, S. Wrobel (2001), Active Hidden Markov Models
    for Information Extraction, https://doi.org/10.1007/3-540-44816-0_31, where a small margin p1 - p2 is doubt.

    Args:
        probabilities_KHW: class probabilities, shape (class, row, col).
        valid_HW: True = valid, shape (row, col).

    Returns:
        uint8 in 0..100, shape (row, col), 255 where not valid.
    """
    first_HW, second_HW = probabilities_KHW[0], np.zeros(valid_HW.shape, np.float32)
    for probability_HW in probabilities_KHW[1:]:
        second_HW = np.maximum(second_HW, np.minimum(first_HW, probability_HW))
        first_HW = np.maximum(first_HW, probability_HW)
    return _percent(1 - (first_HW - second_HW), valid_HW)


UNCERTAINTY: Final[
    Mapping[UncertaintyMeasure, Callable[[NDArray[np.float32], NDArray[np.bool_]], NDArray[np.uint8]]]
] = MappingProxyType({UncertaintyMeasure.ENTROPY: entropy_percent, UncertaintyMeasure.MARGIN: margin_percent})
"""What computes each measure."""


def _percent(share_HW: NDArray[np.float32], valid_HW: NDArray[np.bool_]) -> NDArray[np.uint8]:
    percent_HW: NDArray[np.uint8] = np.rint(share_HW * 100).clip(0, 100).astype(np.uint8)
    percent_HW[~valid_HW] = CONFIDENCE_NODATA
    return percent_HW

"""Pixels and area of each bin: by counting where the pixels of a row are equal, else by adding up single areas."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

type Bins = npt.NDArray[np.integer[Any]]
type Counted = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]
"""Pixels (bins,) and km2 (bins,)."""


def count_rows(index_RW: Bins, areas_R: npt.NDArray[np.float64], bins: int) -> Counted:
    """Count the pixels of each row, then multiply with its area: whole numbers, exact and twice as fast as weighing.

    Args:
        index_RW: bin of each pixel, (rows, cols), any integer type.
        areas_R: area of a pixel of each row, km2.
        bins: number of bins.
    """
    rows = len(index_RW)
    index = (index_RW + (bins * np.arange(rows))[:, None]).ravel()
    counts_RB = np.bincount(index, minlength=rows * bins).reshape(rows, bins)
    return counts_RB.sum(axis=0), areas_R @ counts_RB


def weigh(index: Bins, km2: npt.NDArray[np.float64], bins: int) -> Counted:
    """Add up the area of every pixel.

    Args:
        index: bin of each pixel, any shape and integer type.
        km2: its area, or its share in a zone of that; of the same shape.
        bins: number of bins.
    """
    flat = index.astype(np.intp, copy=False).ravel()
    return np.bincount(flat, minlength=bins), np.bincount(flat, weights=km2.ravel(), minlength=bins)

"""Boundary IoU: how well a map follows the outlines of its classes, which plain IoU hardly sees on large areas.

The boundary band of a class is made of the pixels of the class that lie within a few pixels of its outline; boundary
IoU is the IoU of the bands of truth and prediction (Cheng et al. 2021, https://arxiv.org/abs/2103.16562). Two choices
are made for maps:

- the width is a number of pixels, not a share of the image's diagonal: scenes of one data set are cut to many sizes,
  and a pixel means the same ground everywhere;
- what lies outside the image or has no label is no other class: it makes no outline, and it is not counted.

Distance is the chessboard distance, as in the paper's own code (erosion by a square of 3 x 3, repeated).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from landcover.errors import ConfigError, DataError
from landcover.legends import CLASS_NODATA

BAND_PX: Final = 3
"""Pixels; on Sentinel-2 30 m to each side, about what georeferencing and hand-drawn outlines are good for."""


def boundary_band(index_HW: npt.NDArray[np.uint8], width: int = BAND_PX) -> npt.NDArray[np.bool_]:
    """Pixels with another class at most ``width`` pixels away.

    Args:
        index_HW: class indices, 255 where there is no class.
        width: chessboard distance in pixels, at least 1.

    Returns:
        True = in the band, (row, col); False where there is no class.

    Raises:
        ConfigError: when the width is below 1.
    """
    if width < 1:
        raise ConfigError(f"boundary band of {width} pixels: expected at least 1")
    # Without a class: 255 for the minimum and, one up, 0 for the maximum, so that it decides neither.
    lowest_HW, highest_HW = index_HW, index_HW + np.uint8(1)
    for axis in (0, 1):
        lowest_HW = _slide(np.minimum, lowest_HW, width, axis=axis, neutral=CLASS_NODATA)
        highest_HW = _slide(np.maximum, highest_HW, width, axis=axis, neutral=0)
    band_HW: npt.NDArray[np.bool_] = lowest_HW + np.uint8(1) != highest_HW
    band_HW[index_HW == CLASS_NODATA] = False
    return band_HW


def boundary_counts(
    truth_HW: npt.NDArray[np.uint8], predicted_HW: npt.NDArray[np.uint8], classes: int, width: int = BAND_PX
) -> npt.NDArray[np.int64]:
    """Intersection and union of the boundary bands of every class; sums over scenes are meaningful.

    Args:
        truth_HW: class indices 0..K-1 of a whole scene, 255 where there is no label.
        predicted_HW: class indices 0..K-1, the same shape; not looked at where there is no label.
        classes: number of classes K.
        width: of the band, in pixels.

    Returns:
        Pixel counts (2, K): intersection, union.

    Raises:
        DataError: when the shapes differ.
        ConfigError: when the width is below 1.
    """
    if truth_HW.shape != predicted_HW.shape:
        raise DataError(f"truth of shape {truth_HW.shape} and prediction of shape {predicted_HW.shape} differ")
    judged_HW = np.where(truth_HW == CLASS_NODATA, np.uint8(CLASS_NODATA), predicted_HW)
    bands = [boundary_band(index_HW, width) for index_HW in (truth_HW, judged_HW)]
    either_HW = bands[0] | bands[1]
    # A pixel outside a band counts as class K there, so that one joint histogram holds all bands of all classes.
    rows, cols = (
        np.where(band_HW[either_HW], index_HW[either_HW], np.uint8(classes)).astype(np.intp)
        for band_HW, index_HW in zip(bands, (truth_HW, judged_HW), strict=True)
    )
    joint = np.bincount(rows * (classes + 1) + cols, minlength=(classes + 1) ** 2).reshape(classes + 1, classes + 1)
    both_K = np.diagonal(joint)[:classes]
    return np.stack([both_K, joint.sum(axis=1)[:classes] + joint.sum(axis=0)[:classes] - both_K])


def boundary_iou(counts: npt.NDArray[np.int64]) -> tuple[float | None, ...]:
    """Boundary IoU of every class.

    Args:
        counts: (2, K) of `boundary_counts`, or a sum of such.

    Returns:
        0..1, None for a class without any boundary.
    """
    pairs: Any = counts.T.tolist()
    return tuple(both / either if either else None for both, either in pairs)


def _slide(
    pick: np.ufunc, values_HW: npt.NDArray[np.uint8], width: int, *, axis: int, neutral: int
) -> npt.NDArray[np.uint8]:
    """Minimum or maximum over ``width`` pixels to both sides; the window doubles, so the cost is its logarithm."""
    margins = [(width, width) if number == axis else (0, 0) for number in range(2)]
    found = np.pad(values_HW, margins, constant_values=neutral)
    covered, window = 1, 2 * width + 1
    while covered < window:
        step = min(covered, window - covered)
        found = pick(found[:-step], found[step:]) if axis == 0 else pick(found[:, :-step], found[:, step:])
        covered += step
    return found

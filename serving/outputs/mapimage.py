"""Class codes to colours: the map itself, without anything around it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from landcover.errors import UnmappedCodes
from landcover.legends import Legend

MAX_SIDE: Final = 1600
"""Longest side of a map in a picture, pixels."""
MIN_SIDE: Final = 640
"""Smaller maps are enlarged by a whole number towards this."""
MAX_STRETCH: Final = 4.0
"""Most that a side is stretched to give pixels their shape on the ground."""
_SQUARE: Final = 0.02  # pixels that are square within 2 % are left alone
_GREY: Final = np.array([224, 224, 224], np.uint8)
_DARK_GREY: Final = np.array([176, 176, 176], np.uint8)
_HATCH_PERIOD: Final = 8
_HATCH_WIDTH: Final = 2


def display_size(height: int, width: int, ground: tuple[float, float] | None) -> tuple[int, int]:
    """Size of a map in a picture.

    Small maps grow by a whole number. Pixels that are not square on the ground (geographic grids away from the
    equator) are stretched to their shape, at most fourfold. The longer side ends at MAX_SIDE.

    Args:
        height: rows of the codes.
        width: columns of the codes.
        ground: metres of a pixel's column step and row step, or None when unknown.

    Returns:
        Height and width in picture pixels.
    """
    factor = max(1, MIN_SIDE // max(height, width))
    tall, wide = float(height * factor), float(width * factor)
    ratio = 1.0 if ground is None else ground[1] / ground[0]
    if ratio > 1 + _SQUARE:
        tall *= min(ratio, MAX_STRETCH)
    elif ratio < 1 - _SQUARE:
        wide *= min(1 / ratio, MAX_STRETCH)
    shrink = min(1.0, MAX_SIDE / max(tall, wide))
    return max(1, round(tall * shrink)), max(1, round(wide * shrink))


def map_image(codes_HW: NDArray[Any], legend: Legend, nodata: int, size: tuple[int, int]) -> Image.Image:
    """Codes in the colours of their legend, nodata hatched in grey; no colours are mixed.

    Args:
        codes_HW: class codes (row, col), of an integer type.
        legend: their legend.
        nodata: code of pixels without a class.
        size: height and width of the picture, pixels.

    Raises:
        UnmappedCodes: codes that the legend does not have.
    """
    unknown = sorted(set(np.unique(codes_HW).tolist()) - {*legend.codes, nodata})
    if unknown:
        raise UnmappedCodes(f"legend {legend.id!r} has no class for the codes {unknown}; apply a crosswalk first")
    colors = np.zeros((1 << 16, 3), np.uint8)  # as many as int16 has values; a negative code counts from the end
    for land in legend.classes:
        colors[land.code] = land.rgb
    height, width = size
    rows = np.arange(height) * codes_HW.shape[0] // height
    cols = np.arange(width) * codes_HW.shape[1] // width
    shown_HW = codes_HW[rows[:, None], cols]
    rgb_HWC = colors[shown_HW]
    missing_HW = shown_HW == nodata
    if missing_HW.any():
        rgb_HWC[missing_HW] = _hatch(height, width)[missing_HW]
    return Image.fromarray(rgb_HWC)


def nodata_image(width: int, height: int) -> Image.Image:
    """The pattern of nodata."""
    return Image.fromarray(_hatch(height, width))


def _hatch(height: int, width: int) -> NDArray[np.uint8]:
    """Grey with darker diagonal lines, (row, col, colour)."""
    diagonal_HW = (np.arange(height)[:, None] + np.arange(width)) % _HATCH_PERIOD
    rgb_HWC: NDArray[np.uint8] = np.where((diagonal_HW < _HATCH_WIDTH)[..., None], _DARK_GREY, _GREY)
    return rgb_HWC

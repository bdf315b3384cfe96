"""Pictures of the maps of a report, from decimated arrays: official colours, outlines of areas, and nothing written.

On the page scale, north and legend are written beside the picture, in all six languages. A picture that goes out by
itself gets them drawn in (``standalone``) where a typeface has the letters.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from affine import Affine
from PIL import Image, ImageDraw

from indicators.codes import NODATA, OUTSIDE
from landcover.grid import Grid
from landcover.legends import CLASS_NODATA, Legend
from serving.outputs.bearings import ground_size, north_is_up, scale_bar
from serving.outputs.mapimage import display_size, map_image
from serving.outputs.sheet import PAPER
from serving.report.page.data import MapPicture

type Outline = npt.NDArray[np.float64]
"""Corners of a ring, (corner, 2), x and y in the CRS of the grid."""

_MOST: Final = 1000
"""Longest side on the page, pixels: sharp on a desk, and three of them stay below a megabyte."""
_BAR: Final = 0.3
"""Most of the width that the scale bar takes."""
_CASING: Final = (255, 255, 255)
_LINE: Final = (32, 32, 32)


def map_picture(
    codes_HW: npt.NDArray[np.integer[Any]],
    grid: Grid,
    legend: Legend,
    *,
    outlines: Sequence[Outline] = (),
) -> MapPicture:
    """A map without any text.

    Args:
        codes_HW: codes of the legend (row, col); 255 or -32768 is no data, -32767 lies outside the areas and stays
            white.
        grid: grid of ``codes_HW``, which may be a decimated version of the map.
        legend: UNCCD-7 or the three land conditions.
        outlines: rings to draw.

    Returns:
        The picture with what the page needs to write beside it.

    Raises:
        UnmappedCodes: codes that the legend does not have.
    """
    codes_HW, grid = _north_up(codes_HW, grid)
    ground = ground_size(grid)
    size = _size(codes_HW.shape[0], codes_HW.shape[1], ground)
    image = _painted(codes_HW, legend, size)
    _outline(image, grid, outlines)
    metres = None if ground is None else ground[0] * codes_HW.shape[1] / size[1]
    bar = None if metres is None else scale_bar(metres, _BAR * size[1])
    file = io.BytesIO()
    image.save(file, "PNG")
    return MapPicture(
        png=file.getvalue(),
        width=size[1],
        height=size[0],
        bar_km=None if bar is None else bar.km,
        bar_share=0.0 if bar is None else bar.pixels / size[1],
        north_up=north_is_up(grid),
        outlined=bool(outlines),
    )


def _north_up(codes_HW: npt.NDArray[Any], grid: Grid) -> tuple[npt.NDArray[Any], Grid]:
    """A south-up map turned over; others as they are."""
    t = grid.transform
    if t.b or t.d or t.a < 0 or t.e < 0:
        return codes_HW, grid
    turned = t @ Affine.translation(0, grid.height) @ Affine.scale(1, -1)
    return codes_HW[::-1], Grid(grid.crs, turned, grid.height, grid.width)


def _size(height: int, width: int, ground: tuple[float, float] | None) -> tuple[int, int]:
    tall, wide = display_size(height, width, ground)
    shrink = min(1.0, _MOST / max(tall, wide))
    return max(1, round(tall * shrink)), max(1, round(wide * shrink))


def _painted(codes_HW: npt.NDArray[Any], legend: Legend, size: tuple[int, int]) -> Image.Image:
    outside_HW = codes_HW == OUTSIDE
    missing_HW = outside_HW | (codes_HW == NODATA)
    if CLASS_NODATA not in legend:
        missing_HW |= codes_HW == CLASS_NODATA
    shown_HW = np.where(missing_HW, np.int16(NODATA), codes_HW.astype(np.int16))
    image = map_image(shown_HW, legend, NODATA, size)
    if outside_HW.any():
        white = Image.fromarray(outside_HW).resize((size[1], size[0]), Image.Resampling.NEAREST)
        image.paste(PAPER, mask=white)
    return image


def _outline(image: Image.Image, grid: Grid, outlines: Sequence[Outline]) -> None:
    """Dark lines in a white casing, so that they show on every class."""
    to_pixel = Affine.scale(image.width / grid.width, image.height / grid.height) @ ~grid.transform
    a, b, c, d, e, f = to_pixel[:6]
    rings = [
        list(
            zip(
                (a * ring[:, 0] + b * ring[:, 1] + c).tolist(),
                (d * ring[:, 0] + e * ring[:, 1] + f).tolist(),
                strict=True,
            )
        )
        for ring in outlines
    ]
    draw = ImageDraw.Draw(image)
    unit = max(1, round(max(image.size) / 500))
    for color, width in ((_CASING, 2 * unit + 1), (_LINE, unit)):
        for ring in rings:
            draw.line([*ring, ring[0]], fill=color, width=width, joint="curve")

"""Augmentation in geometry: the same turn and the same zoom for every raster of a sample.

Axes: C channel of any raster, D date, H row, W column.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from training.draws import below, uniform
from training.scenes import Sample

SMOOTH: Final = frozenset({"image", "teacher"})
"""Rasters that may be interpolated; all others keep their values, a label and its weight together."""


class Cut(NamedTuple):
    """A window of a raster that is enlarged to the size of the whole: first pixel, length and new length of each axis.

    Attributes:
        row: First row.
        height: Rows.
        col: First column.
        width: Columns.
        size: Rows and columns after enlarging.
    """

    row: int
    height: int
    col: int
    width: int
    size: tuple[int, int]

    @property
    def nearest_rows(self) -> Tensor:
        """Row of the raster that is nearest to each new row."""
        return self.row + _nearest(self.height, self.size[0])

    @property
    def nearest_cols(self) -> Tensor:
        """Column of the raster that is nearest to each new column."""
        return self.col + _nearest(self.width, self.size[1])

    def take(self, raster: Tensor) -> Tensor:
        """Nearest values of a raster whose last axes are H and W."""
        return raster.index_select(-2, self.nearest_rows).index_select(-1, self.nearest_cols)

    def blend(self, raster_CHW: Tensor) -> Tensor:
        """Bilinear values of a raster, CHW float32, without regard to gaps."""
        window = raster_CHW[:, self.row : self.row + self.height, self.col : self.col + self.width]
        return functional.interpolate(window[None].float(), self.size, mode="bilinear", align_corners=False)[0]


def flip_and_turn(sample: Sample, generator: torch.Generator) -> Sample:
    """One of the eight symmetries of the square, the same for all rasters of the sample.

    Args:
        sample: Square rasters with H and W last.
        generator: Decides which.

    Returns:
        The turned sample, contiguous.
    """
    choice = below(8, generator)
    flipped = [axis for bit, axis in ((1, -1), (2, -2)) if choice & bit]

    def turn(raster: Tensor) -> Tensor:
        turned = raster.transpose(-2, -1) if choice & 4 else raster
        return torch.flip(turned, flipped).contiguous() if flipped else turned.contiguous()

    return {name: turn(raster) for name, raster in sample.items()}


def stretch(sample: Sample, least: float, generator: torch.Generator, *, dates: int = 1) -> Sample:
    """Cut a random window and enlarge it to the old size, each axis on its own.

    Images in geographic coordinates have pixels that are not square, and sensors differ in ground sample distance.

    Args:
        sample: Rasters of one height and width.
        least: Smallest share of the height and of the width that is kept.
        generator: Decides which window.
        dates: Dates stacked in the image; each has its own nodata.

    Returns:
        Sample of the same shapes: image and teacher bilinear in float32, labels and weights nearest. What is all 0
        over the bands of a date, or over the teacher's classes, is a gap: it stays one and is not mixed into others.
    """
    cut = _draw_cut(sample["mask"].shape, least, generator)
    groups = {"image": dates, "teacher": 1}
    return {
        name: _blend_around_gaps(raster, cut, groups[name]) if name in SMOOTH else cut.take(raster)
        for name, raster in sample.items()
    }


def known_pixels(bands_CHW: Tensor) -> Tensor:
    """Where a raster is not 0 in all its channels.

    Args:
        bands_CHW: The raster.

    Returns:
        Boolean HW, True where something is known.
    """
    # Two reductions cost a tenth of torch.any over a comparison.
    return (bands_CHW.amax(dim=0) != 0) | (bands_CHW.amin(dim=0) != 0)


def _blend_around_gaps(raster_CHW: Tensor, cut: Cut, groups: int) -> Tensor:
    blended_CHW = cut.blend(raster_CHW)
    known_DHW = torch.stack([known_pixels(group) for group in raster_CHW.chunk(groups)])
    if known_DHW.view(torch.uint8).amin():  # all() on booleans takes ten times as long
        return blended_CHW
    # A new pixel takes only what is known around it; its nearest old pixel always has a share of a quarter or more.
    share_DHW = cut.blend(known_DHW)
    factor_DHW = cut.take(known_DHW) / share_DHW.clamp_min(0.25)
    return blended_CHW * factor_DHW.repeat_interleave(len(raster_CHW) // groups, dim=0)


def _draw_cut(shape: torch.Size, least: float, generator: torch.Generator) -> Cut:
    height, width = shape
    rows, cols = (max(1, round(extent * uniform(least, 1.0, generator))) for extent in (height, width))
    row, col = below(height - rows + 1, generator), below(width - cols + 1, generator)
    return Cut(row, rows, col, cols, (height, width))


def _nearest(length: int, size: int) -> Tensor:
    """Index of the old pixel that holds the centre of each new one."""
    return (2 * torch.arange(size) + 1) * length // (2 * size)

"""Read a scene in rows of windows, with mirrored margins; each pixel is read from the file once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from landcover.grid import Window
from landcover.manifest import Manifest
from landcover.raster.scene import Scene
from landcover.scaling import harmonise
from landcover.tiling import TilePlan, mirror

PIECE_ROWS: Final = 128
"""Rows that are read at once. Blocks of files are 128 rows high or a multiple of that."""


@dataclass(frozen=True, slots=True)
class Strip:
    """One row of windows as read.

    Attributes:
        row: number of the row of windows.
        dn_BHW: digital numbers (band, row, col) of whole windows, margins included.
        valid_HW: of the same rows and columns; False outside the scene.
    """

    row: int
    dn_BHW: NDArray[np.generic]
    valid_HW: NDArray[np.bool_]


def read_strips(scene: Scene, plan: TilePlan, manifest: Manifest) -> Iterator[Strip]:
    """Rows of windows from top to bottom.

    Args:
        scene: opened with the model's bands in the model's order, of each date where it takes two.
        plan: windows over the scene's grid.
        manifest: the model's; digital numbers are brought to its scale and offset.

    Raises:
        RasterTruncated: when pixels are missing or damaged.
    """
    source, margin = scene.radiometry or manifest.radiometry, plan.margin
    rows, cols = plan.rows, plan.cols
    shape = (manifest.channels, rows.tile, cols.origins[-1] + cols.tile)
    columns = mirror(-margin, shape[2] - margin, plan.width)
    strip_BHW, valid_HW = np.empty(shape, manifest.dtype), np.zeros(shape[1:], np.bool_)
    read_to = previous = 0
    for row, origin in enumerate(rows.origins):
        # Scene rows of this strip, first and last; those before ``read_to`` are in the strip before it.
        first, stop = max(origin - margin, 0), min(origin - margin + rows.tile, plan.height)
        if stop <= first:  # the strip lies in the margin: no valid pixel, so no window of it is run
            yield Strip(row, np.zeros(shape, manifest.dtype), np.zeros(shape[1:], np.bool_))
            continue
        above = first + margin - origin
        # New arrays each time: the ones before may still be in use by the engine.
        next_BHW, next_valid_HW = np.empty(shape, manifest.dtype), np.zeros(shape[1:], np.bool_)
        kept = slice(above, above + read_to - first), slice(first + margin - previous, read_to + margin - previous)
        next_BHW[:, kept[0]], next_valid_HW[kept[0]] = strip_BHW[:, kept[1]], valid_HW[kept[1]]
        for window in _pieces(read_to, stop, plan.width):
            fresh = slice(window.row + margin - origin, window.row_stop + margin - origin)
            block = scene.read(window)
            data = harmonise(block.data, source, manifest.radiometry, nodata=manifest.nodata)
            np.take(data, columns, axis=2, out=next_BHW[:, fresh], mode="clip")
            next_valid_HW[fresh, margin : margin + plan.width] = block.valid
            del block, data
        strip_BHW, valid_HW, read_to, previous = next_BHW, next_valid_HW, stop, origin
        _mirror_rows(strip_BHW, above, above + stop - first)
        yield Strip(row, strip_BHW, valid_HW)


def _pieces(start: int, stop: int, width: int) -> Iterator[Window]:
    """Some rows of the scene in pieces that end where blocks of a file end, so that each needs few blocks in memory."""
    while start < stop:
        end = min((start // PIECE_ROWS + 1) * PIECE_ROWS, stop)
        yield Window(start, 0, end - start, width)
        start = end


def _mirror_rows(strip_BHW: NDArray[np.generic], first: int, stop: int) -> None:
    """Fill the rows above ``first`` and from ``stop`` on with the rows between them, mirrored."""
    rows = mirror(-first, strip_BHW.shape[1] - first, stop - first) + first
    strip_BHW[:, :first] = strip_BHW[:, rows[:first]]
    strip_BHW[:, stop:] = strip_BHW[:, rows[stop:]]

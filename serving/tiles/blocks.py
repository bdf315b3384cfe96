"""A fixed lattice of blocks over a scene, in which tiles are classified.

What a network answers at a pixel depends a little on the window that it sees. So windows are tied to the scene and not
to tiles: neighbouring tiles, all zooms and points agree exactly, and share what was computed. A block is the middle of
its window; the context around it is half of what neighbouring windows of a map share twice over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from landcover.borders import known_pixels, mirror_borders
from landcover.grid import Grid, Window
from landcover.legends import CLASS_NODATA
from landcover.manifest import Manifest
from landcover.postprocess import best_class, confidence_percent
from landcover.raster.protocol import Block as Pixels
from landcover.raster.protocol import Scene
from landcover.scaling import harmonise
from landcover.tiling import mirror

BLOCK: Final = 192
"""Pixels of a block's side, a multiple of 32. Of larger ones a tile needs more pixels outside of it, of smaller ones
more context (docs/operations.md has figures)."""

MARGIN: Final = 32
"""Pixels of context on each side, a multiple of 32."""

WINDOW: Final = BLOCK + 2 * MARGIN


@dataclass(frozen=True, slots=True)
class ClassifiedBlock:
    """One block.

    Attributes:
        index_HW: class indices (row, col), 255 = no data.
        percent_HW: confidence in percent, 255 = no data.
    """

    index_HW: NDArray[np.uint8]
    percent_HW: NDArray[np.uint8]

    @property
    def nbytes(self) -> int:
        """Bytes of its pixels, with a word for itself."""
        return 2 * BLOCK * BLOCK + 512


def _nothing() -> ClassifiedBlock:
    nodata_HW = np.full((BLOCK, BLOCK), CLASS_NODATA, np.uint8)
    nodata_HW.flags.writeable = False
    return ClassifiedBlock(nodata_HW, nodata_HW)


NOTHING: Final = _nothing()
"""A block without data."""


@dataclass(frozen=True, slots=True)
class Lattice:
    """The blocks of a scene, numbered row by row.

    Attributes:
        height: rows of the scene.
        width: columns.
    """

    height: int
    width: int

    @classmethod
    def of(cls, grid: Grid) -> Lattice:
        """The blocks over a grid."""
        return cls(grid.height, grid.width)

    @property
    def cols(self) -> int:
        """Blocks side by side."""
        return -(-self.width // BLOCK)

    @property
    def count(self) -> int:
        """All blocks."""
        return -(-self.height // BLOCK) * self.cols

    def numbers(self, row_HW: NDArray[np.int64], col_HW: NDArray[np.int64]) -> NDArray[np.int64]:
        """The block that each pixel lies in."""
        numbers_HW: NDArray[np.int64] = row_HW // BLOCK * self.cols + col_HW // BLOCK
        return numbers_HW

    def needed(self, numbers_HW: NDArray[np.int64], inside_HW: NDArray[np.bool_]) -> list[int]:
        """The blocks among these, ascending."""
        wanted = np.zeros(self.count, np.bool_)
        wanted[numbers_HW[inside_HW]] = True
        found: list[int] = np.flatnonzero(wanted).tolist()
        return found

    def window(self, numbers: Sequence[int]) -> Window:
        """The pixels of the scene that some blocks need, with their context."""
        rows, cols = zip(*(self._axes(number) for number in numbers), strict=True)
        top, left = min(int(axis.min()) for axis in rows), min(int(axis.min()) for axis in cols)
        bottom, right = max(int(axis.max()) for axis in rows) + 1, max(int(axis.max()) for axis in cols) + 1
        return Window(top, left, bottom - top, right - left)

    def cut(self, number: int, pixels: Pixels, origin: Window) -> Pixels | None:
        """The window of a block, mirrored at borders; None where no pixel of the block is valid.

        Args:
            number: of the block.
            pixels: of the scene, harmonised.
            origin: where they lie.
        """
        rows, cols = self._axes(number)
        rows, cols = rows - origin.row, cols - origin.col
        whole = _run(rows, cols)
        valid_HW = pixels.valid[np.ix_(rows, cols)] if whole is None else pixels.valid[whole]
        # The margin may lie outside: what counts are the block's own pixels.
        top, left = self._corner(number)
        rows_own, cols_own = min(BLOCK, self.height - top), min(BLOCK, self.width - left)
        own_HW = valid_HW[MARGIN : MARGIN + rows_own, MARGIN : MARGIN + cols_own]
        if not own_HW.any():
            return None
        if whole is None:
            place = np.ix_(rows, cols)
            dn_BHW = np.stack([band_RC[place] for band_RC in pixels.data])
        else:
            dn_BHW = pixels.data[:, *whole]
        if not valid_HW.all():
            dn_BHW = dn_BHW.copy() if whole else dn_BHW
            mirror_borders(dn_BHW, known_pixels(dn_BHW))
        inside_HW = np.zeros((BLOCK, BLOCK), np.bool_)
        inside_HW[:rows_own, :cols_own] = own_HW
        return Pixels(dn_BHW, inside_HW)

    def _corner(self, number: int) -> tuple[int, int]:
        row, col = divmod(number, self.cols)
        return row * BLOCK, col * BLOCK

    def _axes(self, number: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows and columns of the scene at those of a block's window."""
        top, left = self._corner(number)
        return (
            mirror(top - MARGIN, top + BLOCK + MARGIN, self.height),
            mirror(left - MARGIN, left + BLOCK + MARGIN, self.width),
        )


def _run(rows: NDArray[np.intp], cols: NDArray[np.intp]) -> tuple[slice, slice] | None:
    """The same pixels as slices, of which no copy is made; None where borders are mirrored."""
    if any(axis[-1] - axis[0] != len(axis) - 1 or not (np.diff(axis) == 1).all() for axis in (rows, cols)):
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(cols[0]), int(cols[-1]) + 1)


def harmonised(scene: Scene, pixels: Pixels, manifest: Manifest) -> Pixels:
    """Pixels of a scene in the digital numbers that a model takes."""
    source = scene.radiometry or manifest.radiometry
    return Pixels(harmonise(pixels.data, source, manifest.radiometry, nodata=manifest.nodata), pixels.valid)


def classified(probabilities_KHW: NDArray[np.float32], valid_HW: NDArray[np.bool_]) -> ClassifiedBlock:
    """A block of the probabilities of its window.

    Args:
        probabilities_KHW: (class, row, col) of the whole window.
        valid_HW: which pixels of the block are data.
    """
    inner = slice(MARGIN, MARGIN + BLOCK)
    inner_KHW = np.ascontiguousarray(probabilities_KHW[:, inner, inner])
    index_HW = best_class(inner_KHW)
    index_HW[~valid_HW] = CLASS_NODATA
    return ClassifiedBlock(index_HW, confidence_percent(inner_KHW, valid_HW))


def look_up(
    blocks: Mapping[int, ClassifiedBlock],
    numbers_HW: NDArray[np.int64],
    place: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]],
) -> NDArray[np.uint8]:
    """Class indices of pixels (row, col), 255 = no data.

    Args:
        blocks: by number; all that are needed.
        numbers_HW: the block of each pixel.
        place: row and column of the scene, and whether there is one.
    """
    row_HW, col_HW, inside_HW = place
    order = np.zeros(max(blocks) + 1, np.int64)
    order[list(blocks)] = np.arange(len(blocks))
    stack_NHW = np.stack([block.index_HW for block in blocks.values()])
    block_HW = order[np.where(inside_HW, numbers_HW, next(iter(blocks)))]
    index_HW: NDArray[np.uint8] = stack_NHW[block_HW, row_HW % BLOCK, col_HW % BLOCK]
    index_HW[~inside_HW] = CLASS_NODATA
    return index_HW

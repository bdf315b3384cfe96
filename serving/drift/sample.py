"""Take a small sample of a scene's pixels while somebody else reads it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from landcover.grid import Window
from landcover.raster.scene import Block, Scene
from landcover.raster.view import SceneView

SAMPLE_PIXELS: Final = 1 << 17
"""Most pixels of a sample. Shares are then known to a tenth of a percent, and sampling is lost in the time of a map."""

PIECE_ROWS: Final = 32
"""Rows that are read at once where nobody else reads them; as the windows of a map do."""


class SampledScene(SceneView):
    """A scene that passes everything on and keeps the pixels of a regular grid.

    A row counts once, however often and in whatever order it is read, and what is kept depends on the scene's size
    alone: not on windows, batches or threads.

    Args:
        scene: the scene; still the caller's to close.
    """

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene, scene.grid)
        height, width = scene.grid.height, scene.grid.width
        step = max(1, math.ceil(math.sqrt(height * width / SAMPLE_PIXELS)))
        self._rows, self._cols = _lines(height, step), _lines(width, step)
        shape = len(self._rows), len(self._cols)
        self._dn_BRC = np.zeros((len(scene.bands), *shape), scene.dtype)
        self._valid_RC = np.zeros(shape, np.bool_)
        self._seen_R = np.zeros(len(self._rows), np.bool_)

    def read(self, window: Window) -> Block:
        """The pixels of a window, as the scene reads them."""
        block = self._scene.read(window)
        if window.width == self.grid.width:
            self._keep(window, block)
        return block

    def catch_up(self, stop: int, tell: Callable[[], None] = lambda: None) -> None:
        """Read rows that nobody has read, as after an interruption.

        Args:
            stop: first row that somebody else will read.
            tell: called before every piece; may raise to end the reading.

        Raises:
            RasterTruncated: when pixels are missing or damaged.
        """
        for start in range(0, stop, PIECE_ROWS):
            window = Window(start, 0, min(PIECE_ROWS, self.grid.height - start), self.grid.width)
            if not all(self._seen_R[index] for _, index in self._inside(window)):
                tell()
                self.read(window)

    def pixels(self) -> tuple[NDArray[np.generic], int]:
        """What was kept.

        Returns:
            Digital numbers (band, pixel) of the sampled pixels with data, in rows from the top, in the scene's own
            scale and offset; and the number of sampled pixels with and without data.
        """
        return self._dn_BRC[:, self._valid_RC], int(self._seen_R.sum()) * len(self._cols)

    def _keep(self, window: Window, block: Block) -> None:
        for row, index in self._inside(window):
            if not self._seen_R[index]:
                line = row - window.row, slice(self._cols.start, None, self._cols.step)
                self._dn_BRC[:, index] = block.data[:, *line]
                self._valid_RC[index] = block.valid[line]
                self._seen_R[index] = True

    def _inside(self, window: Window) -> Iterator[tuple[int, int]]:
        """Sampled rows of a window, and which of the sample they are."""
        first, step = self._rows.start, self._rows.step
        start = max(-(-(window.row - first) // step), 0)
        for index in range(start, len(self._rows)):
            row = first + index * step
            if row >= window.row + window.height:
                return
            yield row, index

    def _source_window(self, window: Window) -> Window:
        return window


def _lines(length: int, step: int) -> range:
    """Every so many rows or columns, not beginning at the edge; at least one."""
    return range(min(step, length) // 2, length, step)

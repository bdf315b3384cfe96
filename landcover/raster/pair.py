"""Two images of one place as one scene: the bands of the older one, then those of the younger one.

The older image lends its pixels. Where the younger one has the same, nothing is resampled; where it is shifted by whole
pixels, it is cut; else it is resampled as it is read (`landcover.raster.warped`). The scene ends where either ends.
"""

from __future__ import annotations

import math
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from landcover.errors import GridMismatch
from landcover.grid import Grid, Window
from landcover.overview import overview_lines
from landcover.raster.mosaic import joint_digest, joint_name
from landcover.raster.positions import Positions
from landcover.raster.protocol import AnyArray, Block, Scene
from landcover.raster.warped import on_grid
from landcover.scaling import harmonise
from landcover.sensors import Radiometry

GRID_TOLERANCE: Final = 0.01
"""Pixels by which grids of one place may differ: rounding of coordinates, far below what shifts a change."""

_POINTS: Final = 65
"""Points per side of a net over a grid, whose outermost points are its outline."""


class PairScene:
    """Two dates as one scene; see ``protocol.Scene``.

    Each date keeps its own nodata, because a network of two dates is shown pixels that only one of them has; valid is
    what both have.

    Args:
        before: the older image.
        after: the younger image, with as many rows and columns on the same places.
        radiometry: what the digital numbers of both are brought to, and what an image that states none is taken to
            have.
        nodata: digital number that means "no data".
    """

    def __init__(self, before: Scene, after: Scene, *, radiometry: Radiometry, nodata: int = 0) -> None:
        self.dates = before, after
        self._radiometry, self._nodata = radiometry, nodata

    @property
    def grid(self) -> Grid:
        """Position of the pixels: those of the older image."""
        return self.dates[0].grid

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands that ``read`` returns, those of the older date first."""
        return self.dates[0].bands + self.dates[1].bands

    @property
    def dtype(self) -> np.dtype[Any]:
        """Sample type of a block."""
        return self.dates[0].dtype

    @property
    def level(self) -> str | None:
        """Processing level of both, or None when neither states one."""
        return self.dates[0].level or self.dates[1].level

    @property
    def radiometry(self) -> Radiometry:
        """Scale and offset that both were brought to."""
        return self._radiometry

    @property
    def datetime(self) -> str | None:
        """None: two images have no date in common."""
        return None

    @property
    def identifier(self) -> str:
        """Names of both images."""
        return joint_name([date.identifier for date in self.dates])

    def input_digest(self) -> str:
        """SHA-256 over the digests of both images, the older first."""
        return joint_digest([date.input_digest() for date in self.dates])

    def read(self, window: Window) -> Block:
        """The pixels of a window.

        Raises:
            WindowError: when the window reaches beyond the grid.
            RasterTruncated: when pixels are missing or damaged.
        """
        before, after = (date.read(window) for date in self.dates)
        data_BRC = np.concatenate([self._harmonised(before, self.dates[0]), self._harmonised(after, self.dates[1])])
        return Block(data_BRC, before.valid & after.valid)

    def _harmonised(self, block: Block, date: Scene) -> AnyArray:
        return harmonise(block.data, date.radiometry or self._radiometry, self._radiometry, nodata=self._nodata)

    def pass_over(self, window: Window | None) -> None:
        """Forget decoded pixels of both that a window does not need; None = all of them."""
        for date in self.dates:
            date.pass_over(window)

    def close(self) -> None:
        """Close both images."""
        with ExitStack() as stack:
            for date in self.dates:
                stack.callback(date.close)

    def __enter__(self) -> Self:
        """The scene itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def pair_scenes(before: Scene, after: Scene, *, radiometry: Radiometry, nodata: int = 0) -> PairScene:
    """Two opened images as one scene on the pixels of the older one, as far as both reach.

    Args:
        before: the older image; closed with the pair.
        after: the younger image; closed with the pair.
        radiometry: what the digital numbers of both are brought to.
        nodata: digital number that means "no data".

    Raises:
        GridMismatch: when the images have no place in common.
    """
    if not before.grid.aligned_with(after.grid, tolerance_px=GRID_TOLERANCE):
        grid = _common_grid(before, after)
        before, after = (on_grid(date, grid, nodata=nodata) for date in (before, after))
    return PairScene(before, after, radiometry=radiometry, nodata=nodata)


def read_overview(scene: Scene) -> NDArray[np.generic]:
    """The overview of a scene, (band, row, col): `landcover.overview`; memory holds one row of the scene at a time."""
    grid, cols = scene.grid, overview_lines(scene.grid.width)
    lines = [scene.read(Window(row, 0, 1, grid.width)).data[:, 0, cols] for row in overview_lines(grid.height).tolist()]
    return np.stack(lines, axis=1)


def _common_grid(before: Scene, after: Scene) -> Grid:
    grid = shared_part(before.grid, after.grid)
    if grid is None:
        raise GridMismatch(
            f"{before.identifier!r} and {after.identifier!r} have no place in common; give two images of one place"
        )
    return grid


def shared_part(grid: Grid, other: Grid) -> Grid | None:
    """The smallest part of a grid that holds all its pixels whose centres another covers; None when there is none."""
    steps = np.linspace(0, 1, _POINTS)
    col_HW, row_HW = np.meshgrid(steps * other.width, steps * other.height)
    there_cols, there_rows = Positions(other, grid).exact(col_HW, row_HW)
    rows, cols = _covered(there_rows, grid.height), _covered(there_cols, grid.width)
    return grid.crop(Window(rows.start, cols.start, len(rows), len(cols))) if rows and cols else None


def _covered(places: NDArray[np.float64], length: int) -> range:
    """Pixels of a side whose centres lie between the first and the last of some places; all where one is unknown."""
    if not np.isfinite(places).all():
        return range(length)
    return range(max(math.ceil(places.min() - 0.5), 0), min(math.floor(places.max() - 0.5) + 1, length))

"""A scene held in memory, for tests of what comes after reading."""

from __future__ import annotations

from types import TracebackType

import numpy as np
from affine import Affine
from pyproj import CRS

from landcover.borders import known_pixels, mirror_borders
from landcover.grid import Grid
from landcover.raster.scene import Block
from tests.bundles import BANDS

UTM33 = CRS.from_epsg(32633)


def utm_grid(height, width, *, pixel=10.0):
    """North-up, upper left corner at 500 km east, 5500 km north."""
    return Grid(UTM33, Affine(pixel, 0, 500_000, 0, -pixel, 5_500_000), height, width)


def smooth_numbers(height, width, *, bands=4, seed=0):
    """Digital numbers with structure of several sizes, (band, row, col) uint16, all above 0."""
    random = np.random.default_rng(seed)
    rows, cols = np.mgrid[:height, :width]
    waves = [
        1500
        + 900 * np.sin(rows / random.uniform(5, 60) + cols / random.uniform(5, 60))
        + random.normal(0, 150, rows.shape)
        for _ in range(bands)
    ]
    return np.clip(np.stack(waves), 1, 10_000).astype(np.uint16)


def as_shown(dn_BHW, *, dates=1):
    """A window as the network is shown it: mirrored where it has no data, see tests/landcover/test_borders.py."""
    shown_BHW = dn_BHW.copy()
    mirror_borders(shown_BHW, known_pixels(shown_BHW, dates))
    return shown_BHW


class ArrayScene:
    """Implements the Scene protocol over an array (band, row, col)."""

    identifier = "array"
    datetime = None

    def __init__(self, data, *, valid=None, grid=None, level="L1C", radiometry=None, bands=BANDS):
        self._data = data
        self._valid = np.ones(data.shape[1:], bool) if valid is None else valid
        self.grid = grid or utm_grid(*data.shape[1:])
        self.level = level
        self.radiometry = radiometry
        self.bands = bands
        self.dtype = data.dtype
        self.reads = []
        self.passed = []

    def read(self, window):
        self.reads.append(window)
        data = self._data[:, window.rows, window.cols].copy()
        valid = self._valid[window.rows, window.cols].copy()
        data[:, ~valid] = 0
        return Block(data, valid)

    def pass_over(self, window):
        self.passed.append(window)

    def input_digest(self):
        return "0" * 64

    def close(self):
        """Nothing to give back."""

    def __enter__(self):
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

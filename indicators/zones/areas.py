"""Ground areas of the parts of pixels that lie in zones: what tables of the zones count, and no more."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indicators.zones.placed import ZonesOnGrid
from landcover.grid import Window


class RowAreas(Protocol):
    """Areas of rows of pixels, as ``indicators.areas.PixelAreas``."""

    @property
    def method(self) -> str:
        """How they are computed, one phrase for people."""

    def rows(self, row_start: int, row_stop: int) -> NDArray[np.float64]:
        """Km2, shape (rows,) where all pixels of a row are equal, else (rows, cols)."""


class ZonedAreas:
    """Areas of pixels within zones, so that a place on a border is as large as the tables say.

    Args:
        areas: areas of whole pixels.
        zones: the zones on the same grid.
    """

    def __init__(self, areas: RowAreas, zones: ZonesOnGrid) -> None:
        self._areas, self._zones = areas, zones

    @property
    def method(self) -> str:
        """See ``RowAreas``."""
        return self._areas.method

    def rows(self, row_start: int, row_stop: int) -> NDArray[np.float64]:
        """Km2 of the parts of pixels that lie in any zone, float64 (rows, cols)."""
        km2 = self._areas.rows(row_start, row_stop)
        share_RW = self._zones.covered(Window(row_start, 0, row_stop - row_start, self._zones.grid.width))
        share_RW *= km2[:, None] if km2.ndim == 1 else km2
        return share_RW

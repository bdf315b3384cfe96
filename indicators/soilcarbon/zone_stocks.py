"""Stocks of soil carbon by zone and land-cover class, added up while the rows of a map stream by (table SO1-3.T1).

As in ``indicators.cover.joint_areas``: where all pixels of a row are equal, stocks are added row by row and multiplied
with the row's area; pixels partly in a zone count with their share.
UNCCD PRAIS 4 manual, SO1.md, table SO1-3.T1; t/ha times 100 ha in a km2 are tonnes (LDN facts 5.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.areas import PixelAreas
from indicators.cover.joint_areas import WholePart, ZonePart
from indicators.soilcarbon.covers import CLASSES
from indicators.soilcarbon.totals import HECTARES_PER_KM2, StockTable, stock_table
from landcover.errors import GridMismatch
from landcover.grid import Window

type Floats = npt.NDArray[np.float64]
type Stock = npt.NDArray[np.floating[Any]]
"""(row, col), t/ha, NaN or below 0 = missing."""
type YearStock = tuple[npt.NDArray[np.uint8], Stock]
"""Positions of land cover, 0 to 6 and 7 for no data, and the stock of the same year, both (row, col)."""

_BINS: Final = CLASSES + 1
_CHUNK: Final = 1 << 18
"""Pixels counted at once: intermediate arrays of 2 MiB stay in the cache of a core."""


class ZoneStocks:
    """Adds up the stocks of several years in each zone. Blocks of whole rows may come in any order, each once."""

    def __init__(self, areas: PixelAreas, *, zones: int = 1, years: int = 2) -> None:
        """Start at zero.

        Args:
            areas: areas of the grid's pixels.
            zones: number of zones.
            years: number of years that have a stock.
        """
        self._areas = areas
        self._sums_ZY3K = np.zeros((zones, years, 3, _BINS), np.float64)

    def add(self, row_start: int, years: Sequence[YearStock], parts: Iterable[ZonePart] | None = None) -> None:
        """Count some whole rows.

        Args:
            row_start: first row.
            years: land cover and stock of each year.
            parts: where zones lie in the rows; what lies in none counts nowhere, what lies in several counts in each.
                None = all of the rows in zone 0.

        Raises:
            GridMismatch: when the arrays are not rows of the grid, or not one pair for each year.
        """
        rows, width = self._check(years)
        here = [WholePart(0, Window(row_start, 0, rows, width))] if parts is None else list(parts)
        step = max(1, _CHUNK // width)
        for start in range(row_start, row_start + rows, step):
            stop = min(start + step, row_start + rows)
            touching = [part for part in here if part.window.row < stop and start < part.window.row_stop]
            if touching:
                chunk = slice(start - row_start, stop - row_start)
                self._add_chunk(range(start, stop), [(cover[chunk], stock[chunk]) for cover, stock in years], touching)

    def tables(self) -> tuple[tuple[StockTable, ...], ...]:
        """For each zone a table of each year."""
        return tuple(tuple(map(stock_table, zone_Y3K)) for zone_Y3K in self._sums_ZY3K)

    def _check(self, years: Sequence[YearStock]) -> tuple[int, int]:
        shapes = {array.shape for pair in years for array in pair}
        width, wanted = self._areas.grid.width, self._sums_ZY3K.shape[1]
        if len(shapes) != 1 or len(years) != wanted or (shape := shapes.pop())[1:] != (width,):
            raise GridMismatch(
                f"stocks of {len(years)} years in arrays of other shapes than land cover: expected {wanted} years of "
                f"(rows, {width})"
            )
        return int(shape[0]), width

    def _add_chunk(self, rows: range, years: Sequence[YearStock], parts: Sequence[ZonePart]) -> None:
        areas = self._areas.rows(rows.start, rows.stop)
        for part in parts:
            start, stop = max(part.window.row, rows.start), min(part.window.row_stop, rows.stop)
            here = slice(start - rows.start, stop - rows.start), part.window.cols
            share = None if part.share is None else part.share[start - part.window.row : stop - part.window.row]
            km2 = _weights(areas[here[0]] if areas.ndim == 1 else areas[here], share)
            for year, (cover, stock) in enumerate(years):
                self._sums_ZY3K[part.zone, year] += _sums(cover[here], stock[here], km2)


def _weights(areas: Floats, share: npt.NDArray[np.floating[Any]] | None) -> Floats:
    """Area of each pixel, or of the pixels of each row."""
    if share is None:
        return areas
    weighed: Floats = (areas[:, None] if areas.ndim == 1 else areas) * share
    return weighed


def _sums(cover_RC: npt.NDArray[np.uint8], stock_RC: Stock, km2: Floats) -> Floats:
    """Tonnes, km2 with and km2 without a stock by class, (3, 8).

    Args:
        cover_RC: positions of land cover.
        stock_RC: t/ha.
        km2: (row,) where the pixels of a row are equal, else (row, col).
    """
    known_RC = stock_RC >= 0
    bins_RC = cover_RC + np.where(known_RC, np.uint8(0), np.uint8(_BINS))
    stock_RC = np.where(known_RC, stock_RC, 0).astype(np.float64)
    if km2.ndim == 1:
        rows = len(km2)
        index = (bins_RC + (2 * _BINS * np.arange(rows))[:, None]).ravel()
        counts_RB, stocks_RB = (
            np.bincount(index, weights, rows * 2 * _BINS).reshape(rows, -1) for weights in (None, stock_RC.ravel())
        )
        area_B, tonnes_B = km2 @ counts_RB, km2 @ stocks_RB
    else:
        index = bins_RC.ravel().astype(np.intp)
        area_B, tonnes_B = (np.bincount(index, weights.ravel(), 2 * _BINS) for weights in (km2, km2 * stock_RC))
    return np.stack([tonnes_B[:_BINS] * HECTARES_PER_KM2, area_B[:_BINS], area_B[_BINS:]])

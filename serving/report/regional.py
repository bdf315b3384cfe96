"""Which of several transition matrices holds for each pixel of a pass, and land that none of them holds for."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from indicators.areas import PixelAreas
from indicators.regions import NO_REGION, RegionalMatrices, RegionRows, UncoveredLand
from indicators.zones.placed import ZonesOnGrid
from landcover.grid import Grid, Window

type Positions = npt.NDArray[np.uint8]


class RegionsInPass:
    """Regions block by block; land without a region is counted to the end of the map, and then refused.

    Args:
        regions: the matrices with their polygons.
        grid: grid of the pass.
        zones: the areas of the report; None = all of the grid.
        water: positions of water on the axes of land cover.
    """

    def __init__(
        self, regions: RegionalMatrices, grid: Grid, zones: ZonesOnGrid | None, *, water: frozenset[int]
    ) -> None:
        self._rows, self._grid, self._zones = RegionRows(regions, grid), grid, zones
        self._uncovered, self._areas = UncoveredLand(regions), PixelAreas(grid)
        self._water = np.array(sorted(water), np.uint8)
        self._outside: dict[int, npt.NDArray[np.bool_]] = {}

    def __call__(self, row_start: int, row_stop: int) -> Positions:
        """Positions of the regions of some rows, 255 where there is none."""
        found = self._rows.rows(row_start, row_stop)
        self._outside[row_start] = found == NO_REGION
        return found

    def check(self, row_start: int, initial: Positions, *, nodata: int) -> None:
        """Count land of the rows that has no region.

        Args:
            row_start: first row.
            initial: positions of the initial land cover, (rows, cols).
            nodata: position of no data.
        """
        if row_start not in self._outside:  # one matrix holds everywhere: nobody asked which
            self(row_start, row_start + len(initial))
        bare = self._outside.pop(row_start) & (initial != nodata) & ~np.isin(initial, self._water)
        if not bare.any():
            return
        km2 = self._areas.rows(row_start, row_start + len(bare))
        km2_RW = np.broadcast_to(km2[:, None], bare.shape) if km2.ndim == 1 else km2
        if self._zones is None:
            self._uncovered.add("the whole map", int(bare.sum()), float(km2_RW[bare].sum()))
            return
        window = Window(row_start, 0, *bare.shape)
        for part in self._zones.parts(window):
            rows = slice(part.window.row - row_start, part.window.row_stop - row_start)
            inside = bare[rows, part.window.cols]
            share: Any = 1.0 if part.share is None else part.share
            weights = km2_RW[rows, part.window.cols] * share * inside
            self._uncovered.add(
                self._zones.zones.names[part.zone], int(np.count_nonzero(weights)), float(weights.sum())
            )

    def refuse(self) -> None:
        """Refuse regions that do not cover the land.

        Raises:
            RegionsIncomplete: with the zones, their pixels and km2.
        """
        self._uncovered.refuse()

"""Zones on the grid of a raster: which pixels lie in which zone, and with which share.

A pixel on a border belongs to the zones on both sides, each by the share that it covers, so that the areas of
neighbours add up to the area of both. Memory depends on the polygons, not on the raster.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from indicators.zones.errors import ZonesInvalid
from indicators.zones.shapes import polygons_in, shape_of
from indicators.zones.shares import shares_of
from indicators.zones.tiles import TILE, cut, fills, halved, snapped
from indicators.zones.zone import Zone, Zones
from landcover.errors import WindowError
from landcover.grid import Grid, Window
from landcover.raster.area import polygons_on
from landcover.raster.positions import turn_of

_BEND_PX: Final = 1 / 4096
"""How far a side may lie off its place on the grid, in pixels. A side of n pixels is wrong by less than n / 6000."""

_BANDS_KEPT: Final = 64
"""Bands of zones whose tiles are remembered: of the rows that are read now."""


@dataclass(frozen=True, slots=True, eq=False)
class ZonePart:
    """Pixels of one zone in a rectangle.

    Attributes:
        zone: position of the zone in ``Zones.zones``.
        window: the rectangle, in rows and columns of the grid.
        share: float64 (row, col) of the window, the share of each pixel in the zone, 0 to 1; None where all pixels lie
            wholly in it.
    """

    zone: int
    window: Window
    share: NDArray[np.float64] | None


class ZonesOnGrid:
    """Where zones lie on a grid.

    Attributes:
        zones: the zones.
        grid: the grid.
        missed: names of zones that do not touch the grid.
    """

    def __init__(self, zones: Zones, grid: Grid) -> None:
        """Bring the polygons onto the grid and cut them into bands of rows.

        Args:
            zones: zones in any CRS, also across the date line.
            grid: any grid, rotated and south-up ones too.

        Raises:
            ZonesInvalid: when no zone touches the grid.
            AreaInvalid: when a point near the grid has no place in its CRS.
            GridMismatch: when the grid does not lie where the CRS of the zones maps to.
        """
        self.zones, self.grid = zones, grid
        bands = (_bands(zone, grid) for zone in zones.zones)
        self._bands: tuple[dict[int, shapely.Geometry], ...] = tuple(map(dict, bands))
        self._tiles = lru_cache(maxsize=_BANDS_KEPT)(self._cut_band)
        self.missed: tuple[str, ...] = tuple(
            name for name, bands in zip(zones.names, self._bands, strict=True) if not bands
        )
        if len(self.missed) == len(zones.zones):
            raise ZonesInvalid(
                f"no zone of {zones.name!r} touches the raster; choose other zones, or check their coordinate "
                f"reference system, which is {zones.crs.name!r}"
            )

    @property
    def window(self) -> Window:
        """The smallest window that holds all pixels of the zones."""
        shapes = [shape for bands in self._bands for shape in bands.values()]
        west, north, east, south = shapely.total_bounds(shapes)
        col, row = max(math.floor(west), 0), max(math.floor(north), 0)
        col_stop, row_stop = min(math.ceil(east), self.grid.width), min(math.ceil(south), self.grid.height)
        return Window(row, col, max(row_stop - row, 1), max(col_stop - col, 1))

    def touching(self, window: Window) -> tuple[int, ...]:
        """Positions of the zones that may have pixels in a window: those with polygons in its rows."""
        bands = range(window.row // TILE, -(-window.row_stop // TILE))
        return tuple(zone for zone, found in enumerate(self._bands) if any(band in found for band in bands))

    def parts(self, window: Window) -> Iterator[ZonePart]:
        """The pixels of all zones in a window, as rectangles.

        The rectangles of one zone do not overlap; what none of them holds lies in no zone. Rectangles wholly within a
        zone are as wide as they can be. Windows of whole rows, one after the other, are the quickest.

        Args:
            window: pixels of the grid.

        Raises:
            WindowError: when the window reaches beyond the grid.
        """
        self.grid.crop(window)
        for band in range(window.row // TILE, -(-window.row_stop // TILE)):
            row, row_stop = max(window.row, band * TILE), min(window.row_stop, (band + 1) * TILE)
            rows = Window(row, window.col, row_stop - row, window.width)
            for zone, bands in enumerate(self._bands):
                if band in bands:
                    yield from _merged(self._parts_of(zone, band, rows))

    def shares(self, zone: int, window: Window) -> NDArray[np.float64]:
        """The share of every pixel of a window in one zone, float64 (row, col), 0 to 1.

        Raises:
            WindowError: when the window reaches beyond the grid, or there is no such zone.
        """
        if not 0 <= zone < len(self._bands):
            raise WindowError(f"zone {zone}: there are {len(self._bands)}, counted from 0")
        share_HW = np.zeros((window.height, window.width))
        for part in self.parts(window):
            if part.zone == zone:
                share_HW[_inside(part.window, window)] = 1.0 if part.share is None else part.share
        return share_HW

    def covered(self, window: Window) -> NDArray[np.float64]:
        """The share of every pixel of a window in all zones together, float64 (row, col), 0 to 1.

        Raises:
            WindowError: when the window reaches beyond the grid.
        """
        share_HW = np.zeros((window.height, window.width))
        for part in self.parts(window):
            share_HW[_inside(part.window, window)] += 1.0 if part.share is None else part.share
        return np.minimum(share_HW, 1.0, out=share_HW)

    def _parts_of(self, zone: int, band: int, rows: Window) -> Iterator[ZonePart]:
        """What lies of a zone in rows of one band, tile by tile from left to right."""
        for tile, shape in self._tiles(zone, band):
            col, col_stop = max(tile.col, rows.col), min(tile.col_stop, rows.col_stop)
            if col >= col_stop:
                continue
            window = Window(rows.row, col, rows.height, col_stop - col)
            if shape is None:
                yield ZonePart(zone, window, None)
                continue
            share_HW = shares_of(shape, window)
            if share_HW.any():
                yield ZonePart(zone, window, None if (share_HW == 1).all() else share_HW)

    def _cut_band(self, zone: int, band: int) -> tuple[tuple[Window, shapely.Geometry | None], ...]:
        """Tiles of a band that a zone touches, from left to right; None where the zone covers all of one."""
        top = band * TILE
        whole = Window(top, 0, min(TILE, self.grid.height - top), self.grid.width)
        tiles = halved(self._bands[zone][band], whole, along_rows=False)
        return tuple((tile, None if fills(shape, tile) else shape) for tile, shape in tiles)


def _inside(part: Window, window: Window) -> tuple[slice, slice]:
    """Where a part of a window lies in an array of the window."""
    row, col = part.row - window.row, part.col - window.col
    return slice(row, row + part.height), slice(col, col + part.width)


def _bands(zone: Zone, grid: Grid) -> Iterator[tuple[int, shapely.Geometry]]:
    """What a zone covers in bands of ``TILE`` rows."""
    polygons = polygons_on(zone.area, grid, bend_px=_BEND_PX)
    shapes = [shape if shape.is_valid else shapely.make_valid(shape) for shape in map(shape_of, polygons)]
    found = polygons_in(shapes)
    if not found:
        return
    # What is met on two turns around the Earth may be one place, as around a pole.
    turned = len(found) > 1 and turn_of(zone.area.crs) is not None
    whole = shapely.union_all(found) if turned else shapely.MultiPolygon(found)
    shape = cut(snapped(whole), grid.extent)
    for window, part in halved(shape, grid.extent, along_rows=True):
        yield window.row // TILE, part


def _merged(parts: Iterator[ZonePart]) -> Iterator[ZonePart]:
    """Neighbours that lie wholly in the zone as one rectangle."""
    run: ZonePart | None = None
    for part in parts:
        if run is not None and part.share is None and run.window.col_stop == part.window.col:
            window = run.window
            run = ZonePart(
                part.zone, Window(window.row, window.col, window.height, window.width + part.window.width), None
            )
            continue
        if run is not None:
            yield run
        run = part if part.share is None else None
        if run is None:
            yield part
    if run is not None:
        yield run

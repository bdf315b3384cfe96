"""Where tiles and points lie on a map or a scene."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Final

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from landcover.grid import Grid, ground_pixel_size
from landcover.raster.positions import Floats, Positions
from serving.outputs.footprint import wgs84_footprint
from serving.tiles.errors import PointOutside
from serving.tiles.matrix import EQUATOR_M, MAX_LATITUDE, MAX_ZOOM, SIDE, Tile, zoom_grid

_EAST: Final = 180.0
_SLACK: Final = 0.01  # zooms; a pixel that is by so little smaller than the tiles' gains no further zoom


@dataclass(frozen=True, slots=True)
class Zooms:
    """Zooms at which tiles make sense.

    Attributes:
        least: the smallest one that can be had; viewers show nothing before it.
        most: the one whose pixels are the first not to be larger than the map's.
        first: the one to begin with: the whole map fits into a tile, or it is the smallest one.
    """

    least: int
    most: int
    first: int


class Placing:
    """A grid as tiles see it. Threads may share it.

    Args:
        grid: of the map or scene.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._positions: dict[int, Positions] = {}
        self._lock = Lock()

    def of(self, tile: Tile) -> tuple[Floats, Floats]:
        """Column and row on the grid of the centres of a tile's pixels, each (row, col); NaN where there is none."""
        with self._lock:
            positions = self._positions.get(tile.zoom)
            if positions is None:
                positions = self._positions[tile.zoom] = Positions(zoom_grid(tile.zoom), self.grid)
        return positions.of(tile.window)

    def pixels(self, tile: Tile) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Row, column and whether there is one, of the pixel that each of a tile's centres lies in, (row, col)."""
        col_HW, row_HW = self.of(tile)
        inside_HW = within(col_HW, self.grid.width) & within(row_HW, self.grid.height)
        return whole(row_HW, inside_HW), whole(col_HW, inside_HW), inside_HW

    def point(self, lon: float, lat: float) -> tuple[int, int]:
        """Row and column of the pixel in which a place lies.

        Raises:
            PointOutside: when it lies in none.
        """
        grid = Grid(CRS.from_epsg(4326), Affine(1, 0, lon, 0, -1, lat), 1, 1)
        col, row = Positions(grid, self.grid).exact(np.zeros((1, 1)), np.zeros((1, 1)))
        if not (within(col, self.grid.width) & within(row, self.grid.height)).all():
            west, south, east, north = self.bbox
            raise PointOutside(
                f"the point lies outside the map, which reaches from {west:.5f} to {east:.5f} degrees of longitude and "
                f"from {south:.5f} to {north:.5f} degrees of latitude"
            )
        return math.floor(row[0, 0]), math.floor(col[0, 0])

    @cached_property
    def bbox(self) -> list[float]:
        """West, south, east and north in degrees; west > east across the antimeridian (RFC 7946, section 5.2)."""
        return wgs84_footprint(self.grid)[1]

    @property
    def bounds(self) -> list[float]:
        """The same for TileJSON, whose bounds must not pass the antimeridian, and within the tiles' square."""
        west, south, east, north = self.bbox
        if west > east:
            west, east = -_EAST, _EAST
        return [west, max(south, -MAX_LATITUDE), east, min(north, MAX_LATITUDE)]

    @cached_property
    def centre(self) -> tuple[float, float]:
        """Longitude and latitude of the middle."""
        x, y = self.grid.transform @ (self.grid.width / 2, self.grid.height / 2)
        lon, lat = Transformer.from_crs(self.grid.crs, "EPSG:4326", always_xy=True).transform(x, y)
        return float(lon), min(max(float(lat), -MAX_LATITUDE), MAX_LATITUDE)

    @cached_property
    def zooms(self) -> Zooms:
        """From the whole Earth, so that viewers go on showing the map when somebody zooms out, to its own pixels."""
        most = _zoom_of(ground_pixel_size(self.grid), self.centre[1])
        fits = most - math.ceil(math.log2(max(self.grid.height, self.grid.width, SIDE) / SIDE))
        return Zooms(0, most, max(0, fits))

    def zooms_for(self, block: int, most_blocks: int) -> Zooms:
        """The same where a tile may need so many blocks of so many pixels at most."""
        lattice = tuple(-(-side // block) for side in (self.grid.height, self.grid.width))
        sizes, latitude = ground_pixel_size(self.grid), self._least_latitude()
        for zoom in range(self.zooms.least, self.zooms.most):
            sides = (
                EQUATOR_M * math.cos(math.radians(latitude)) * SIDE / 2**zoom / size / block for size in reversed(sizes)
            )
            needed = math.prod(min(math.ceil(side) + 1, count) for side, count in zip(sides, lattice, strict=True))
            if needed <= most_blocks:
                return Zooms(zoom, self.zooms.most, max(zoom, self.zooms.first))
        return Zooms(self.zooms.most, self.zooms.most, self.zooms.most)

    def _least_latitude(self) -> float:
        """Latitude, without its sign, of the place where a tile shows most land."""
        _, south, _, north = self.bbox
        return 0.0 if south <= 0 <= north else min(abs(south), abs(north), MAX_LATITUDE)


def within(positions_HW: Floats, length: int) -> NDArray[np.bool_]:
    """Whether positions lie on one of so many pixels; NaN does not."""
    inside_HW: NDArray[np.bool_] = (positions_HW >= 0) & (positions_HW < length)
    return inside_HW


def whole(positions_HW: Floats, inside_HW: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Numbers of the pixels that positions lie in; 0 where there is none."""
    return np.where(inside_HW, positions_HW, 0).astype(np.int64)


def _zoom_of(sizes: tuple[float, float], latitude: float) -> int:
    """The first zoom whose pixels are not larger than pixels of so many metres."""
    metres = math.sqrt(sizes[0] * sizes[1])
    zoom = math.log2(EQUATOR_M * math.cos(math.radians(latitude)) / metres)
    return min(max(math.ceil(zoom - _SLACK), 0), MAX_ZOOM)

"""The areas that a sample is drawn in: only pixels whose centre lies in one of them belong to the population.

A report shares out the pixels on a border by the part that an area covers. A sample draws whole pixels, so a pixel must
belong to the population or not: its centre decides. Neighbours then share no pixel and leave none out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.zones.zone import Zones
from landcover.errors import NoValidData
from landcover.grid import Grid, Window
from landcover.raster.area import polygons_on
from landcover.raster.polygons import Polygon, covered

RULE: Final = "pixels whose centre lies in the areas; a centre on a left or upper side is inside"


class SampledAreas:
    """Areas on the grid of a map.

    Attributes:
        zones: the areas.
    """

    def __init__(self, zones: Zones, grid: Grid) -> None:
        """Bring the polygons onto the grid.

        Args:
            zones: areas in any CRS, also across the date line.
            grid: of the map.

        Raises:
            NoValidData: when no area touches the map.
            AreaInvalid: when a point near the map has no place in its CRS.
            GridMismatch: when the map does not lie where the CRS of the areas maps to.
        """
        self.zones = zones
        whole = Window(0, 0, grid.height, grid.width)
        polygons = (polygon for zone in zones.zones for polygon in polygons_on(zone.area, grid))
        self._placed = [(polygon, box) for polygon in polygons for box in _boxes(polygon, whole)]
        if not self._placed:
            raise NoValidData(
                f"no area of {zones.name!r} holds the centre of a pixel of the map; choose other areas, or check their "
                f"coordinate reference system, which is {zones.crs.name!r}"
            )

    def inside(self, window: Window) -> npt.NDArray[np.bool_]:
        """True where the centre of a pixel lies in an area, (row, col) of the window.

        Args:
            window: pixels of the map.
        """
        inside_HW = np.zeros((window.height, window.width), np.bool_)
        for polygon, part in self._parts(window):
            rows = slice(part.row - window.row, part.row_stop - window.row)
            cols = slice(part.col - window.col, part.col_stop - window.col)
            inside_HW[rows, cols] |= covered((polygon,), part)
        return inside_HW

    def to_document(self) -> dict[str, Any]:
        """What a design says of them."""
        return {"name": self.zones.name, "sha256": self.zones.sha256, "names": list(self.zones.names), "rule": RULE}

    def _parts(self, window: Window) -> Iterator[tuple[Polygon, Window]]:
        """Polygons with pixels in a window, and the pixels of their box in it."""
        for polygon, box in self._placed:
            for part in _common(box, window):
                yield polygon, part


def _boxes(polygon: Polygon, whole: Window) -> Iterator[Window]:
    """All pixels of the map that a polygon may hold; nothing when there are none."""
    (west, north), (east, south) = polygon[0].min(axis=0).tolist(), polygon[0].max(axis=0).tolist()
    rows, cols = (max(math.floor(north), 0), math.ceil(south)), (max(math.floor(west), 0), math.ceil(east))
    if rows[0] < rows[1] and cols[0] < cols[1]:
        yield from _common(Window(rows[0], cols[0], rows[1] - rows[0], cols[1] - cols[0]), whole)


def _common(one: Window, other: Window) -> Iterator[Window]:
    """The pixels of both, if there are any."""
    row, col = max(one.row, other.row), max(one.col, other.col)
    height = min(one.row_stop, other.row_stop) - row
    width = min(one.col_stop, other.col_stop) - col
    if height > 0 and width > 0:
        yield Window(row, col, height, width)

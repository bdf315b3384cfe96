"""Where the pixels of one grid lie on another, point by point or from a lattice that is checked.

PROJ takes about a microsecond for a point, longer than a small network for a pixel. So the nodes of a lattice are
transformed and the pixels between them interpolated. The lattice is tied to the grid and not to the window that is
asked for, and a cell in which interpolation is not good enough is transformed point by point: a pixel's position is the
same whatever window it is asked in.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from landcover.grid import Grid, Window

CELL: Final = 32
"""Pixels from node to node."""

TOLERANCE_PX: Final = 1 / 1024
"""Error of an interpolated position in pixels of the other grid. Sampling rounds to 1/256."""

_TURN_DEG: Final = 360.0

_CYLINDRICAL: Final = (
    "Popular Visualisation Pseudo Mercator",
    "Mercator",
    "Equidistant Cylindrical",
    "Lambert Cylindrical Equal Area",
)
"""Beginnings of the names that EPSG gives to projections in which x is the longitude times a number."""

type Floats = NDArray[np.float64]


def same_crs(one: CRS, other: CRS) -> bool:
    """Whether coordinates (x, y) mean the same in both; the order in which a CRS lists its axes does not count."""
    return bool(one.equals(other, ignore_axis_order=True))


@lru_cache(maxsize=64)
def turn_of(crs: CRS) -> float | None:
    """How far x runs in one turn around the Earth; None where x does not come around.

    It does in degrees and in cylindrical projections such as Mercator, where all meridians are alike.
    """
    if crs.is_derived and crs.is_geographic:  # a rotated pole
        return None
    if crs.is_geographic:
        return float(np.deg2rad(_TURN_DEG) / crs.axis_info[0].unit_conversion_factor)
    operation = crs.coordinate_operation
    if operation is None or not operation.method_name.startswith(_CYLINDRICAL):
        return None
    to_map = Transformer.from_crs(crs.geodetic_crs or CRS.from_epsg(4326), crs, always_xy=True)
    (start, end), _ = to_map.transform([0.0, 1e-3], [0.0, 0.0])
    return float((end - start) * _TURN_DEG * 1e3)


class Positions:
    """Positions of a target grid's pixels on a source grid.

    Args:
        target: grid whose pixels are looked for.
        source: grid they are looked for in.
    """

    def __init__(self, target: Grid, source: Grid) -> None:
        self._target, self._to_pixel = target, ~source.transform
        self._transformer = (
            None if same_crs(target.crs, source.crs) else Transformer.from_crs(target.crs, source.crs, always_xy=True)
        )
        self._turn = turn_of(source.crs)
        self._middle_x = (source.transform @ (source.width / 2, source.height / 2))[0]

    def exact(self, col: Floats, row: Floats) -> tuple[Floats, Floats]:
        """Column and row on the source of points given in columns and rows of the target; NaN where there is none.

        Whole numbers are corners of pixels, the first pixel's centre is at (0.5, 0.5).
        """
        t = self._target.transform
        x, y = col * t.a + row * t.b + t.c, col * t.d + row * t.e + t.f
        if self._transformer is not None:
            x, y = self._transformer.transform(x, y)
            x, y = (np.where(np.isfinite(x) & np.isfinite(y), one, np.nan) for one in (x, y))
        if self._turn is not None:  # the same place, on the source's side of the date line
            x = x - self._turn * np.round((x - self._middle_x) / self._turn)
        p = self._to_pixel
        return x * p.a + y * p.b + p.c, x * p.d + y * p.e + p.f

    def of(self, window: Window) -> tuple[Floats, Floats]:
        """Column and row on the source of the centres of a window's pixels, each (row, col); NaN where there is none.

        Args:
            window: pixels of the target; it may reach beyond the grid.
        """
        rows = range(window.row // CELL, -(-window.row_stop // CELL))
        cols = range(window.col // CELL, -(-window.col_stop // CELL))
        node_rows, node_cols = np.arange(rows.start, rows.stop + 1.0), np.arange(cols.start, cols.stop + 1.0)
        nodes = self._lattice(node_cols, node_rows)
        places_CRC = _interpolated(nodes)
        for row, col in zip(*np.nonzero(self._bent(nodes, node_cols, node_rows)), strict=True):
            here = slice(row * CELL, (row + 1) * CELL), slice(col * CELL, (col + 1) * CELL)
            inside = np.arange(CELL) + 0.5
            row_HW, col_HW = np.meshgrid((rows[row] * CELL) + inside, (cols[col] * CELL) + inside, indexing="ij")
            places_CRC[(slice(None), *here)] = self.exact(col_HW, row_HW)
        top, left = window.row - rows.start * CELL, window.col - cols.start * CELL
        col_HW, row_HW = places_CRC[:, top : top + window.height, left : left + window.width]
        return col_HW, row_HW

    def _lattice(self, cols: Floats, rows: Floats) -> Floats:
        """Positions (2, row, col) of points given in cells."""
        row_HW, col_HW = np.meshgrid(rows * CELL, cols * CELL, indexing="ij")
        return np.stack(self.exact(col_HW, row_HW))

    def _bent(self, nodes: Floats, cols: Floats, rows: Floats) -> NDArray[np.bool_]:
        """Cells (row, col) in which straight lines between the nodes are not good enough.

        Looked at in the middles of the four sides: in the middle of a cell a map that keeps angles bends one way along
        rows and the other way along columns, and its errors cancel.
        """
        across = self._lattice(cols[:-1] + 0.5, rows) - (nodes[:, :, 1:] + nodes[:, :, :-1]) / 2
        down = self._lattice(cols, rows[:-1] + 0.5) - (nodes[:, 1:] + nodes[:, :-1]) / 2
        across, down = np.abs(across).max(axis=0), np.abs(down).max(axis=0)
        error = np.maximum(across[1:], across[:-1]) + np.maximum(down[:, 1:], down[:, :-1])
        return ~(error <= TOLERANCE_PX)  # NaN, too


def _interpolated(nodes: Floats) -> Floats:
    """Centres of all pixels (2, row, col) between the nodes (2, row, col)."""
    share = (np.arange(CELL) + 0.5) / CELL
    left, right = nodes[:, :, :-1, None], nodes[:, :, 1:, None]
    rows = (left + (right - left) * share).reshape(2, nodes.shape[1], -1)
    upper, lower = rows[:, :-1, None], rows[:, 1:, None]
    return (upper + (lower - upper) * share[:, None]).reshape(2, -1, rows.shape[2])

"""Polygons and points to class indices on a pixel grid, window by window.

A pixel belongs to a polygon when its centre lies inside. Where features of different classes overlap nobody knows, so
those pixels have no label. Windows agree with the whole: pixels are decided one by one, and erosion looks beyond the
window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy.ndimage import maximum_filter, minimum_filter

from landcover.grid import Window
from landcover.legends import CLASS_NODATA

POINTS: Final = (shapely.GeometryType.POINT, shapely.GeometryType.MULTIPOINT)
POLYGONS: Final = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)


@dataclass(frozen=True, slots=True)
class Shapes:
    """Features near an image, in pixels of its grid: x is the column, y is the row.

    Attributes:
        geometries: Polygons and points.
        classes: Class index of each.
        tree: Finds those that touch a rectangle.
    """

    geometries: NDArray[Any]
    classes: NDArray[np.int64]
    tree: shapely.STRtree

    def close(self) -> None:
        """Nothing to give back; the file is closed already."""

    def within(self, window: Window, margin: int) -> Shapes:
        """Those that touch a window widened by a margin."""
        box = shapely.box(window.col - margin, window.row - margin, window.col_stop + margin, window.row_stop + margin)
        found = np.sort(self.tree.query(box))
        return Shapes(self.geometries[found], self.classes[found], self.tree)


def burn(shapes: Shapes, window: Window, *, erode: int, radius: int) -> tuple[NDArray[np.uint8], int]:
    """Rasterise features.

    Args:
        shapes: Features in pixels of the grid.
        window: Which pixels.
        erode: Pixels with another class, or none, this near (in a square) take a polygon's label away.
        radius: Points label a square of ``2 * radius + 1``.

    Returns:
        uint8 (row, col) class indices, 255 without a label; and the number of pixels of contradicting features.
    """
    kinds = shapely.get_type_id(shapes.geometries)
    area, spots = np.isin(kinds, POLYGONS), np.isin(kinds, POINTS)
    wide_HW, wide_clash_HW = _burn_classes(
        shapes.geometries[area], shapes.classes[area], _shape(window, erode), _shift(window, erode)
    )
    if erode:
        side = 2 * erode + 1
        # Beyond the widened window nothing is known and nothing is used.
        mixed_HW = minimum_filter(wide_HW, side) != maximum_filter(wide_HW, side)
        wide_HW[mixed_HW] = CLASS_NODATA
    inner = slice(erode, -erode or None), slice(erode, -erode or None)
    labels_HW, clash_HW = wide_HW[inner].copy(), wide_clash_HW[inner]
    squares = _squares(shapes.geometries[spots], radius)
    points_HW, points_clash_HW = _burn_classes(squares, shapes.classes[spots], _shape(window, 0), _shift(window, 0))
    return _merge(labels_HW, clash_HW, points_HW, points_clash_HW)


def _merge(
    labels_HW: NDArray[np.uint8],
    clash_HW: NDArray[np.bool_],
    points_HW: NDArray[np.uint8],
    points_clash_HW: NDArray[np.bool_],
) -> tuple[NDArray[np.uint8], int]:
    """Points fill what polygons leave open; where both speak and differ, there is no label."""
    both_HW = (labels_HW != CLASS_NODATA) & (points_HW != CLASS_NODATA) & (labels_HW != points_HW)
    clash_HW = clash_HW | points_clash_HW | both_HW
    merged_HW = np.where(labels_HW == CLASS_NODATA, points_HW, labels_HW)
    merged_HW[clash_HW] = CLASS_NODATA
    return merged_HW, int(clash_HW.sum())


def _shape(window: Window, margin: int) -> tuple[int, int]:
    return window.height + 2 * margin, window.width + 2 * margin


def _shift(window: Window, margin: int) -> Affine:
    return Affine.translation(window.col - margin, window.row - margin)


def _burn_classes(
    geometries: NDArray[Any], classes: NDArray[np.int64], shape: tuple[int, int], transform: Affine
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Class of each pixel, and where features of different classes lie on one pixel (those have no class)."""
    labels_HW = np.full(shape, CLASS_NODATA, dtype=np.uint8)
    clash_HW = np.zeros(shape, dtype=np.bool_)
    for index in np.unique(classes).tolist():
        chosen = list(geometries[classes == index])
        inside_HW = rasterize(chosen, out_shape=shape, transform=transform, dtype="uint8").astype(np.bool_)
        clash_HW |= inside_HW & (labels_HW != CLASS_NODATA)
        labels_HW[inside_HW] = index
    labels_HW[clash_HW] = CLASS_NODATA
    return labels_HW, clash_HW


def _squares(points: NDArray[Any], radius: int) -> NDArray[Any]:
    """The pixels around points, as boxes in pixels of the grid."""
    parts, owners = shapely.get_parts(points, return_index=True)
    places_P2 = np.floor(shapely.get_coordinates(parts)) + 0.5
    low_P2, high_P2 = places_P2 - radius - 0.25, places_P2 + radius + 0.25
    boxes = shapely.box(low_P2[:, 0], low_P2[:, 1], high_P2[:, 0], high_P2[:, 1])
    return np.asarray(shapely.multipolygons(boxes, indices=owners))

"""Rings of points as shapely's polygons and back."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import shapely

from landcover.raster.polygons import Polygon


def shape_of(polygon: Polygon) -> shapely.Polygon:
    """Shapely's polygon of rings that are not closed, the outer one first."""
    outer, *holes = polygon
    return shapely.Polygon(outer, holes)


def rings_of(shape: shapely.Polygon) -> Polygon:
    """Rings that are not closed, the outer one first."""
    return tuple(np.asarray(ring.coords)[:-1] for ring in (shape.exterior, *shape.interiors))


def polygons_in(shapes: Iterable[shapely.Geometry]) -> list[shapely.Polygon]:
    """All polygons with area among geometries of any kind; points and lines, in which polygons touch, are left out."""
    found: list[shapely.Polygon] = []
    for shape in shapes:
        if isinstance(shape, shapely.Polygon):
            found += [shape] if shape.area > 0 else []
        elif isinstance(shape, shapely.MultiPolygon | shapely.GeometryCollection):
            found += polygons_in(shape.geoms)
    return found

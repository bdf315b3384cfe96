"""Outlines in pixels of a map as GeoJSON: degrees, wound by the right-hand rule, cut at the antimeridian."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from affine import Affine
from pyproj import Transformer

from landcover.grid import Grid
from landcover.raster.outlines import Outline
from serving.outputs.rings import EAST, TINY_DEG, WEST, Ring, beside, degrees, from_the_west, wound

type Rings = list[list[list[float]]]
"""Coordinates of a GeoJSON polygon."""

_STEP_PX: Final = 64.0
"""Longest piece of a side, in pixels: a straight side of a projected map bends in degrees."""


class GeoJsonOutlines:
    """Turns outlines on a grid into GeoJSON geometries (RFC 7946).

    Args:
        grid: grid of the map.
    """

    def __init__(self, grid: Grid) -> None:
        self._transform = grid.transform
        self._bends = not grid.crs.is_geographic
        self._to_degrees = Transformer.from_crs(grid.crs, "OGC:CRS84", always_xy=True)

    def geometry(self, outline: Outline) -> dict[str, Any] | None:
        """A Polygon or MultiPolygon; None where the map's CRS has no degrees there, or around a pole.

        Args:
            outline: polygons in columns and rows of the grid.
        """
        parts: list[Rings] = []
        for polygon in outline.polygons:
            rings = [self._degrees(ring) for ring in polygon]
            if not all(map(_on_the_plane, rings)):
                return None
            parts += _parts(rings)
        if len(parts) == 1:
            return {"type": "Polygon", "coordinates": parts[0]}
        return {"type": "MultiPolygon", "coordinates": parts} if parts else None

    def _degrees(self, ring: Ring) -> Ring:
        points = _densified(ring) if self._bends else ring
        xy = _mapped(self._transform, points)
        return degrees(np.concatenate([xy, xy[:1]]).tolist(), self._to_degrees)


def _densified(ring: Ring) -> Ring:
    """The ring with long sides cut into pieces."""
    steps = np.roll(ring, -1, axis=0) - ring
    pieces = np.maximum(1, np.ceil(np.abs(steps).max(axis=1) / _STEP_PX)).astype(np.int64)
    side = np.repeat(np.arange(len(ring)), pieces)
    share = (np.arange(len(side)) - np.repeat(np.cumsum(pieces) - pieces, pieces)) / pieces[side]
    return np.asarray(ring[side] + steps[side] * share[:, None])


def _mapped(t: Affine, ring: Ring) -> Ring:
    cols, rows = ring.T
    return np.column_stack([t.a * cols + t.b * rows + t.c, t.d * cols + t.e * rows + t.f])


def _on_the_plane(ring: Ring) -> bool:
    """Whether a ring has degrees, and ends on the turn around the Earth on which it began: not so around a pole."""
    return bool(np.isfinite(ring).all()) and abs(ring[0, 0] - ring[-1, 0]) <= EAST


def _parts(rings: Sequence[Ring]) -> Iterator[Rings]:
    """A polygon, or its parts on both sides of the antimeridian."""
    outer = from_the_west(rings[0])
    placed = [outer, *(beside(hole, outer) for hole in rings[1:])]
    if outer[:, 0].max() > EAST + TINY_DEG:
        yield from _cut(placed)
        return
    inside = [np.column_stack([np.minimum(ring[:, 0], EAST), ring[:, 1]]) for ring in placed]
    yield [wound(ring, outer=i == 0) for i, ring in enumerate(inside)]


def _cut(rings: Sequence[Ring]) -> Iterator[Rings]:
    """Parts of a polygon that crosses the antimeridian, maybe several times."""
    import shapely  # noqa: PLC0415 (takes 50 ms, for the few patches that cross the date line)

    whole = shapely.Polygon(rings[0], rings[1:])
    for shift in (0.0, 360.0):
        box = shapely.box(WEST + shift, -90.0, EAST + shift, 90.0)
        cut = shapely.intersection(whole, box)
        for part in shapely.get_parts(cut):
            if part.geom_type == "Polygon" and part.area > 0:
                coordinates = (part.exterior, *part.interiors)
                yield [wound(_open(ring, shift), outer=i == 0) for i, ring in enumerate(coordinates)]


def _open(ring: Any, shift: float) -> Ring:
    """Points of a closed ring of shapely without the last one, moved by some degrees."""
    return np.asarray(ring.coords)[:-1, :2] - [shift, 0.0]

"""The classes of a map as GeoJSON: one feature each, with its outline and its mapped area."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.features import shapes

from indicators.areas import AreaTable
from landcover.grid import Grid
from landcover.legends import Legend
from serving.class_areas import class_entries
from serving.outputs.areas import CAVEAT, QUANTITY
from serving.outputs.decimate import Decimator
from serving.outputs.rings import EAST, TINY_DEG, Ring, beside, clip, degrees, from_the_west, wound

_CORNERS: Final = 3

MOST_EDGES: Final = 100_000
"""Sides of pixels between two classes, and so about the most corners of all outlines: some megabytes of GeoJSON."""


def features_document(
    small_HW: NDArray[Any], small_grid: Grid, areas: AreaTable, legend: Legend, *, language: str = "en"
) -> Mapping[str, Any]:
    """Outlines of the classes of a decimated map, with areas that every pixel of the whole map was counted for.

    Args:
        small_HW: class codes of the decimated map (row, col).
        small_grid: its grid.
        areas: mapped area of each class.
        legend: the map's.
        language: of the titles.

    Returns:
        A FeatureCollection in longitude and latitude (RFC 7946), cut at the antimeridian. A class of which the
        decimated map shows nothing has no geometry. Members beside the features say what the outlines are.
    """
    small_HW, small_grid = _generalised(small_HW, small_grid, legend)
    outlines = _outlines(small_HW, small_grid, {row.code for row in areas.rows})
    return {
        "type": "FeatureCollection",
        "quantity": QUANTITY,
        "caveat": CAVEAT,
        "generalised": f"outlines of a map of {small_HW.shape[0]} x {small_HW.shape[1]} pixels; areas of all pixels",
        "features": [
            {
                "type": "Feature",
                "id": entry["code"],
                "geometry": _geometry(outlines.get(entry["code"], [])),
                "properties": {**entry, "color": f"#{legend.by_code(entry['code']).color.removeprefix('#')}"},
            }
            for entry in class_entries(areas, language)
        ],
    }


def _generalised(codes_HW: NDArray[Any], grid: Grid, legend: Legend) -> tuple[NDArray[Any], Grid]:
    """The map with as many pixels as have outlines of bearable length: a noisy map would have gigabytes of them."""
    while _edges(codes_HW) > MOST_EDGES:
        side = max(codes_HW.shape)
        smaller = Decimator(grid, max_side=side // 2, nodata=legend.nodata, dtype=codes_HW.dtype)
        smaller.add(0, codes_HW)
        codes_HW, grid = smaller.result()
    return codes_HW, grid


def _edges(codes_HW: NDArray[Any]) -> int:
    return int(sum(np.count_nonzero(np.diff(codes_HW.astype(np.int32), axis=axis)) for axis in (0, 1)))


def _outlines(codes_HW: NDArray[Any], grid: Grid, codes: set[int]) -> dict[int, list[list[list[list[float]]]]]:
    """GeoJSON polygons by class."""
    to_degrees = Transformer.from_crs(grid.crs, "OGC:CRS84", always_xy=True)
    found: dict[int, list[list[list[list[float]]]]] = {}
    wanted_HW = np.isin(codes_HW, list(codes))
    # GDAL's polygons have 32-bit codes; those of legends fit.
    for shape, code in shapes(codes_HW.astype(np.int32), mask=wanted_HW, transform=grid.transform):
        rings = [degrees(ring, to_degrees) for ring in shape["coordinates"]]
        found.setdefault(int(code), []).extend(_cut_polygon(rings))
    return found


def _cut_polygon(rings: Sequence[Ring]) -> Iterator[list[list[list[float]]]]:
    """A polygon, or its parts on both sides of the antimeridian."""
    if not all(np.isfinite(ring).all() for ring in rings):  # where the CRS does not map to the Earth
        return
    outer = from_the_west(rings[0])
    holes = [beside(hole, outer) for hole in rings[1:]]
    if outer[:, 0].max() <= EAST + TINY_DEG:
        yield [wound(ring, outer=ring is outer) for ring in (outer, *holes)]
        return
    for keep_east in (False, True):
        parts = [clip(ring, keep_east=keep_east) for ring in (outer, *holes)]
        if len(parts[0]) >= _CORNERS:
            shift = [360.0 if keep_east else 0.0, 0.0]
            yield [wound(part - shift, outer=part is parts[0]) for part in parts if len(part) >= _CORNERS]


def _geometry(polygons: list[list[list[list[float]]]]) -> dict[str, Any] | None:
    if not polygons:
        return None
    return {"type": "MultiPolygon", "coordinates": polygons}

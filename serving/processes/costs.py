"""What a request costs: the pixels it maps, before any of them is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from pyproj import Geod

from landcover.errors import RasterTooLarge
from landcover.raster.geojson import WGS84, Area, box_area, parse_area, parse_crs
from landcover.raster.polygons import Polygon
from serving.processes.images import Checked
from serving.processes.inputs import Area as AreaInput
from serving.processes.inputs import BoundingBox
from serving.processes.orders import Place

_ELLIPSOID: Final = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True)
class Cost:
    """How much is mapped.

    Attributes:
        pixels: of the map; 0 where nothing is known beforehand.
        exact: whether that is the number, or about the number.
    """

    pixels: int
    exact: bool


def place_of(area: AreaInput | None) -> tuple[Place, Area | None]:
    """The area of a request: as a worker gets it, and as polygons.

    Raises:
        AreaInvalid: when it is no area.
        ConfigError: when its CRS is not known.
    """
    if area is None:
        return Place(), None
    if isinstance(area, BoundingBox):
        return Place(bbox=area.bbox, crs=area.crs), box_area(area.bbox, parse_crs(area.crs or WGS84))
    document = area.model_dump(mode="json")
    return Place(geometry=document), parse_area(document, "area")


def cost_of(images: Sequence[Checked], area: Area | None, *, gsd_m: float, limit: int) -> Cost:
    """Count what is mapped.

    Args:
        images: what is known of the images.
        area: the part of them to map, or None.
        gsd_m: side of the model's pixels in metres.
        limit: most pixels.

    Raises:
        RasterTooLarge: when that is more than allowed.
    """
    sizes = [image.pixels for image in images]
    cost = Cost(sum(sizes) if all(sizes) else 0, exact=all(sizes) and area is None and len(images) == 1)
    if area is not None:
        inside = round(_km2(area) * 1e6 / gsd_m**2)
        cost = Cost(min(inside, cost.pixels) if cost.pixels else inside, exact=False)
    if cost.pixels > limit:
        raise RasterTooLarge(
            f"the request is for {'' if cost.exact else 'about '}{cost.pixels:,} pixels of {gsd_m:g} m, the limit is "
            f"{limit:,} ({limit * gsd_m**2 / 1e6:,.0f} km2); ask for a smaller area, or in parts"
        )
    return cost


def _km2(area: Area) -> float:
    """Area of the box around each polygon: maps are rectangles."""
    return sum(_box_km2(polygon, area) for polygon in area.polygons)


def _box_km2(polygon: Polygon, area: Area) -> float:
    corners = np.concatenate(polygon)
    (west, south), (east, north) = corners.min(axis=0), corners.max(axis=0)
    if not area.crs.is_geographic:
        metres = area.crs.axis_info[0].unit_conversion_factor
        return float((east - west) * (north - south) * metres**2 / 1e6)
    # In narrow strips: sides of a geodesic polygon are shortest ways, not parallels.
    edges = np.linspace(west, east, max(2, int(np.ceil(east - west)) + 1))
    lon = np.concatenate([edges, edges[::-1]])
    lat = np.concatenate([np.full(len(edges), south), np.full(len(edges), north)])
    return abs(_ELLIPSOID.polygon_area_perimeter(lon, lat)[0]) / 1e6

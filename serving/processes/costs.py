"""What a request costs: the pixels it maps, before any of them is read."""

from __future__ import annotations

import math
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

    def in_pixels(self, ratio: float) -> Cost:
        """The same in other pixels, of which so many make one of these; hardly ever a whole number."""
        return Cost(math.ceil(self.pixels * ratio), exact=False)


@dataclass(frozen=True, slots=True)
class Pixel:
    """The pixel of a map that a request states.

    Attributes:
        side_m: its side in metres, at the equator where it is stated in degrees; None = in units of the first image's
            CRS, which is not known beforehand.
    """

    side_m: float | None


def pixel_of(crs: str | None, resolution: float | None) -> Pixel | None:
    """The pixel that a request states, if it does; a CRS alone has pixels of the model's side.

    Raises:
        ConfigError: when the CRS is not known.
    """
    parsed = None if crs is None else parse_crs(crs)
    if resolution is None:
        return None
    if parsed is None:
        return Pixel(None)
    unit = parsed.axis_info[0].unit_conversion_factor  # metres, or radians
    return Pixel(resolution * unit * (_ELLIPSOID.a if parsed.is_geographic else 1.0))


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


def cost_of(
    images: Sequence[Checked], area: Area | None, *, gsd_m: float, limit: int, pixel: Pixel | None = None
) -> Cost:
    """Count what is mapped.

    Args:
        images: what is known of the images.
        area: the part of them to map, or None.
        gsd_m: side of the model's pixels in metres.
        limit: most pixels.
        pixel: of the map, where the request says how large; None = the images'.

    Raises:
        RasterTooLarge: when that is more than allowed.
    """
    if pixel is None:
        cost, side_m = _cost(images, area, gsd_m), gsd_m
    elif pixel.side_m is None:
        return Cost(0, exact=False)
    else:
        cost, side_m = _cost(images, area, gsd_m).in_pixels((gsd_m / pixel.side_m) ** 2), pixel.side_m
    if cost.pixels > limit:
        raise RasterTooLarge(
            f"the request is for {'' if cost.exact else 'about '}{cost.pixels:,} pixels of {side_m:g} m, the limit is "
            f"{limit:,} ({limit * side_m**2 / 1e6:,.0f} km2); ask for a smaller area, or in parts"
        )
    return cost


def _cost(images: Sequence[Checked], area: Area | None, gsd_m: float) -> Cost:
    """In pixels of the images, which are taken for the model's."""
    sizes = [image.pixels for image in images]
    if area is None:
        return Cost(sum(sizes) if all(sizes) else 0, exact=all(sizes) and len(images) == 1)
    inside = round(_km2(area) * 1e6 / gsd_m**2)
    return Cost(min(inside, sum(sizes)) if all(sizes) else inside, exact=False)


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

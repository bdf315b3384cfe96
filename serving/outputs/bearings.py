"""Scale and north of a picture, measured on the ground at its centre."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from pyproj import Geod, Transformer
from pyproj.exceptions import ProjError

from landcover.grid import Grid, ground_pixel_size

NORTH_TOLERANCE_DEG: Final = 5.0
"""Most that true north may be off the vertical for a north arrow. UTM stays below 3 degrees up to 60 of latitude; a
polar stereographic picture points anywhere."""


@dataclass(frozen=True, slots=True)
class ScaleBar:
    """A scale bar.

    Attributes:
        km: length on the ground.
        pixels: length in the picture.
    """

    km: float
    pixels: float

    @property
    def digits(self) -> int:
        """Decimals of the length in kilometres."""
        return max(0, -math.floor(math.log10(self.km) + 1e-9))


def scale_bar(metres_per_pixel: float, max_pixels: float) -> ScaleBar:
    """The longest bar of 1, 2 or 5 times a power of ten kilometres that fits.

    Args:
        metres_per_pixel: ground distance of one picture pixel along a row.
        max_pixels: room for the bar.
    """
    most_km = max_pixels * metres_per_pixel / 1000
    power = 10.0 ** math.floor(math.log10(most_km) + 1e-12)
    step = max(step for step in (1, 2, 5) if step * power <= most_km * (1 + 1e-9))
    return ScaleBar(step * power, step * power * 1000 / metres_per_pixel)


def ground_size(grid: Grid) -> tuple[float, float] | None:
    """Metres on the ground of a pixel's column step and row step at the centre; None where there is no ground."""
    try:
        across, down = ground_pixel_size(grid)
    except ProjError:
        return None
    usable = all(math.isfinite(step) and step > 0 for step in (across, down))
    return (across, down) if usable else None


def north_is_up(grid: Grid) -> bool:
    """Whether rows run south, and true north at the centre is up within NORTH_TOLERANCE_DEG."""
    if not grid.is_north_up:
        return False
    to_lonlat = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    col, row = grid.width / 2, grid.height / 2
    (x, x_up), (y, y_up) = zip(grid.transform @ (col, row), grid.transform @ (col, row - 1), strict=True)
    (lon, lon_up), (lat, lat_up) = to_lonlat.transform([x, x_up], [y, y_up])
    if not all(math.isfinite(value) for value in (lon, lat, lon_up, lat_up)):
        return False
    azimuth, _, _ = Geod(ellps="WGS84").inv(lon, lat, lon_up, lat_up)
    return abs(float(azimuth)) <= NORTH_TOLERANCE_DEG

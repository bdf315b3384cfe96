"""Areas on an ellipsoid of revolution in closed form.

Between the equator and latitude phi lies, all around the Earth, the area

    q(phi) = pi b^2 [ artanh(e sin phi) / e + sin phi / (1 - e^2 sin^2 phi) ],    e^2 = 1 - b^2 / a^2

(Snyder, Map Projections: A Working Manual, USGS Professional Paper 1395, 1987, equation 3-12 scaled by 2 pi). The
functions below take differences of q without cancellation, so that a pixel of 10 m keeps its digits at any latitude.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from landcover.errors import NoCrs


@dataclass(frozen=True, slots=True)
class Spheroid:
    """Size and shape of the Earth in one CRS.

    Attributes:
        semi_major_m: equatorial radius a, metres.
        semi_minor_m: polar radius b, metres.
    """

    semi_major_m: float
    semi_minor_m: float

    @classmethod
    def of(cls, crs: CRS) -> Spheroid:
        """The ellipsoid that a CRS names.

        Raises:
            NoCrs: the CRS is not tied to the Earth (an engineering or local CRS).
        """
        ellipsoid = crs.ellipsoid
        if ellipsoid is None:
            raise NoCrs(f"CRS {crs.name!r} has no ellipsoid: areas need a geographic or projected CRS")
        return cls(float(ellipsoid.semi_major_metre), float(ellipsoid.semi_minor_metre))

    @property
    def eccentricity_squared(self) -> float:
        """First eccentricity squared, e^2; 0 for a sphere."""
        return 1.0 - (self.semi_minor_m / self.semi_major_m) ** 2

    def zone_area_m2(self, south_rad: NDArray[np.float64], north_rad: NDArray[np.float64]) -> NDArray[np.float64]:
        """Area of the whole zone between two parallels, q(north) - q(south).

        Args:
            south_rad: geodetic latitudes in radians, any shape.
            north_rad: the same shape; south of ``south_rad`` gives a negative area.

        Returns:
            Square metres, float64, the shape of the arguments.
        """
        e2 = self.eccentricity_squared
        sin_s, sin_n = np.sin(south_rad), np.sin(north_rad)
        # sin(north) - sin(south) as a product: exact for a pixel of a few metres.
        rise = 2.0 * np.cos((north_rad + south_rad) / 2.0) * np.sin((north_rad - south_rad) / 2.0)
        product = sin_s * sin_n
        # artanh(x) - artanh(y) = artanh((x - y) / (1 - x y)); the limit for e -> 0 is the argument itself.
        ratio = rise / (1.0 - e2 * product)
        inverse = np.arctanh(np.sqrt(e2) * ratio) / np.sqrt(e2) if e2 > 0 else ratio
        rational = rise * (1.0 + e2 * product) / ((1.0 - e2 * sin_s**2) * (1.0 - e2 * sin_n**2))
        area: NDArray[np.float64] = np.pi * self.semi_minor_m**2 * (inverse + rational)
        return area

    def density_m2(self, latitude_rad: NDArray[np.float64]) -> NDArray[np.float64]:
        """Square metres per square radian of longitude and latitude; zero beyond the poles.

        This is M N cos(phi) with the radii of curvature M in the meridian and N in the prime vertical.
        """
        e2 = self.eccentricity_squared
        cosine = np.maximum(np.cos(latitude_rad), 0.0)
        area: NDArray[np.float64] = self.semi_minor_m**2 * cosine / (1.0 - e2 * np.sin(latitude_rad) ** 2) ** 2
        return area

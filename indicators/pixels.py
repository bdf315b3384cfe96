"""How the ground area of a pixel follows from the CRS and the transform of its grid.

Three ways, from cheap to general:

* geographic CRS, rows along parallels: closed form on the ellipsoid, one number per row;
* projected equal-area CRS: the determinant of the transform, one number for all;
* everything else: single pixels at the nodes of a lattice, at most 64 pixels apart, interpolated between. A pixel at a
  node is a geodesic polygon (Karney 2013, doi:10.1007/s00190-012-0578-z), or, in a rotated geographic grid, a
  quadrature over longitude and latitude. The area of pixels varies so slowly that linear interpolation over at most
  10 km stays within 2e-6 of the exact value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from indicators.ellipsoid import Spheroid
from landcover.errors import NoCrs, NoGeoreference
from landcover.grid import Grid

M2_PER_KM2: Final = 1e6
MAX_BLOCK: Final = 64
"""Most pixels between two lattice nodes."""
MAX_SPACING_M: Final = 10_000.0
"""Most metres between two nodes. Area varies at most like the square of the Mercator scale, so that linear
interpolation over h is off by (h / R)^2 / 2 per direction: 1.2e-6 at 10 km."""
MAX_SPACING_RAD: Final = 0.0015
"""The same distance on a geographic grid."""

_ELLIPSOIDAL_EQUAL_AREA: Final = frozenset(
    {
        "Albers Equal Area",
        "Lambert Azimuthal Equal Area",
        "Lambert Cylindrical Equal Area",
        "Equal Earth",
        "Sinusoidal",
        "Bonne",
    }
)
"""Methods whose PROJ formulas keep area on the ellipsoid. Mollweide, the Eckert family and Goode's homolosine are
spherical in PROJ: with an ellipsoid they are off by up to 0.7 % and go the general way."""
_SPHERICAL_EQUAL_AREA: Final = frozenset(
    {
        "Lambert Azimuthal Equal Area (Spherical)",
        "Lambert Cylindrical Equal Area (Spherical)",
        "Mollweide",
        "Eckert IV",
        "Eckert VI",
    }
)
"""Methods that keep area when the ellipsoid of the CRS is a sphere."""

# Three-point Gauss-Legendre nodes and weights on 0..1: exact to the fifth power.
_GAUSS: Final = (
    (0.5 - math.sqrt(0.15), 5 / 18),
    (0.5, 8 / 18),
    (0.5 + math.sqrt(0.15), 5 / 18),
)

type NodeAreas = Callable[[float, NDArray[np.float64]], NDArray[np.float64]]
"""From a row and columns (n,) to the areas of these pixels in m2 (n,)."""


class PixelRows(Protocol):
    """Areas of rows of pixels."""

    @property
    def method(self) -> str:
        """One phrase for people."""
        ...

    def areas_km2(self, row_start: int, row_stop: int) -> NDArray[np.float64]:
        """km2, shape (rows,) or (rows, cols)."""
        ...


def pixel_rows(grid: Grid) -> PixelRows:
    """Choose the way for a grid.

    Raises:
        NoCrs: the CRS is neither geographic nor projected.
    """
    crs = horizontal_crs(grid.crs)
    # A rotated-pole CRS calls itself geographic, but its longitudes are not those of its ellipsoid.
    if crs.is_geographic and not crs.is_derived:
        if grid.transform.b == 0 and grid.transform.d == 0:
            return _Parallels(grid, crs)
        unit = crs.axis_info[0].unit_conversion_factor
        return _Lattice(grid, _quadrature(grid, crs), MAX_SPACING_RAD / unit, "quadrature over longitude and latitude")
    if is_equal_area(crs):
        return _Constant(abs(grid.transform.determinant) * crs.axis_info[0].unit_conversion_factor ** 2)
    if crs.is_projected or crs.is_derived:
        return _Lattice(grid, _geodesic(grid, crs), _spacing(crs), "geodesic polygons of the pixel corners")
    raise NoCrs(f"CRS {grid.crs.name!r} is neither geographic nor projected: areas need one of these")


def horizontal_crs(crs: CRS) -> CRS:
    """The two-dimensional part of a compound, bound or three-dimensional CRS."""
    if crs.is_bound and crs.source_crs is not None:
        crs = crs.source_crs
    if crs.is_compound:
        crs = crs.sub_crs_list[0]
    return crs.to_2d() if crs.is_geographic or crs.is_projected else crs


def is_equal_area(crs: CRS) -> bool:
    """Whether a projected CRS keeps areas on its own ellipsoid, judged by the name of its method."""
    if not crs.is_projected or crs.coordinate_operation is None:
        return False
    method = crs.coordinate_operation.method_name
    spherical = Spheroid.of(crs).eccentricity_squared == 0
    return method in _ELLIPSOIDAL_EQUAL_AREA or (spherical and method in _SPHERICAL_EQUAL_AREA)


class _Constant:
    """Equal-area CRS: every pixel alike."""

    method = "determinant of the transform of an equal-area projection"

    def __init__(self, pixel_m2: float) -> None:
        self._pixel_km2 = pixel_m2 / M2_PER_KM2

    def areas_km2(self, row_start: int, row_stop: int) -> NDArray[np.float64]:
        return np.full(row_stop - row_start, self._pixel_km2)


class _Parallels:
    """Geographic CRS with rows along parallels: closed form per row."""

    method = "closed form on the ellipsoid, per row"

    def __init__(self, grid: Grid, crs: CRS) -> None:
        self._unit = crs.axis_info[0].unit_conversion_factor  # radians per unit of the axes
        self._transform = grid.transform
        self._spheroid = Spheroid.of(crs)

    def areas_km2(self, row_start: int, row_stop: int) -> NDArray[np.float64]:
        rows = np.arange(row_start, row_stop + 1)
        # Rounded or pixel-centred global grids reach a little beyond the poles; there is no ground there.
        edges = np.clip((self._transform.f + self._transform.e * rows) * self._unit, -np.pi / 2, np.pi / 2)
        zones = np.abs(self._spheroid.zone_area_m2(edges[:-1], edges[1:]))
        return zones * (abs(self._transform.a) * self._unit / (2 * np.pi * M2_PER_KM2))


class _Lattice:
    """Areas at lattice nodes, interpolated linearly along columns and rows."""

    def __init__(self, grid: Grid, node_areas: NodeAreas, spacing: float, method: str) -> None:
        self.method = f"{method}, interpolated between pixels at most {MAX_BLOCK} apart"
        self._node_areas = node_areas
        col_step, row_step = grid.pixel_size
        self._node_cols = _nodes(grid.width, spacing / col_step)
        self._node_rows = _nodes(grid.height, spacing / row_step)
        self._cols = np.arange(grid.width, dtype=np.float64)
        self._lines: dict[int, NDArray[np.float64]] = {}

    def areas_km2(self, row_start: int, row_stop: int) -> NDArray[np.float64]:
        first = int(np.searchsorted(self._node_rows, row_start, side="right")) - 1
        last = int(np.searchsorted(self._node_rows, row_stop - 1, side="left"))
        held = self._lines  # one look, because other threads may ask for other rows
        lines = {i: held[i] if i in held else self._line(i) for i in range(first, last + 1)}
        self._lines = lines  # the next rows need the last of these again
        areas_RW = np.empty((row_stop - row_start, len(self._cols)))
        for i in range(first, last):  # rows between two nodes at once, without an array for each term of the sum
            upper, lower = self._node_rows[i : i + 2]
            rows = np.arange(max(row_start, int(upper)), min(row_stop, int(lower)))
            part_RW = areas_RW[rows[0] - row_start : rows[-1] + 1 - row_start]
            np.multiply(((rows - upper) / (lower - upper))[:, None], lines[i + 1] - lines[i], out=part_RW)
            part_RW += lines[i]
        if row_stop > self._node_rows[last]:
            areas_RW[-1] = lines[last]
        return areas_RW

    def _line(self, node: int) -> NDArray[np.float64]:
        """km2 of every pixel of one lattice row."""
        nodes_m2 = self._node_areas(float(self._node_rows[node]), self._node_cols)
        if not np.isfinite(nodes_m2).all():
            raise NoGeoreference(
                f"pixels of row {int(self._node_rows[node])} lie where the CRS of the grid does not map to the Earth; "
                "crop the raster to its valid part"
            )
        return np.interp(self._cols, self._node_cols, nodes_m2) / M2_PER_KM2


def _nodes(length: int, most: float) -> NDArray[np.float64]:
    """Pixel indices of lattice nodes along one side: regular from 0, and the last pixel."""
    step = int(min(max(1.0, most), MAX_BLOCK))
    return np.unique(np.append(np.arange(0, length, step), length - 1)).astype(np.float64)


def _spacing(crs: CRS) -> float:
    """MAX_SPACING_M in units of the CRS; a rotated-pole CRS counts in degrees."""
    unit = crs.axis_info[0].unit_conversion_factor
    return (MAX_SPACING_M if crs.is_projected else MAX_SPACING_RAD) / unit


def _quadrature(grid: Grid, crs: CRS) -> NodeAreas:
    """Pixels as parallelograms in longitude and latitude."""
    unit = crs.axis_info[0].unit_conversion_factor
    spheroid = Spheroid.of(crs)
    t = grid.transform
    square_radians = abs(t.determinant) * unit**2

    def areas(row: float, cols: NDArray[np.float64]) -> NDArray[np.float64]:
        density = np.zeros_like(cols)
        for u, weight_u in _GAUSS:
            for v, weight_v in _GAUSS:
                latitude = (t.d * (cols + u) + t.e * (row + v) + t.f) * unit
                density += weight_u * weight_v * spheroid.density_m2(latitude)
        return density * square_radians

    return areas


def _geodesic(grid: Grid, crs: CRS) -> NodeAreas:
    """Pixels as geodesic polygons of their four corners."""
    geodetic = crs.source_crs  # the base of the derivation; geodetic_crs of a rotated-pole CRS is that CRS itself
    geod = crs.get_geod()
    if geodetic is None or geod is None:
        raise NoCrs(f"CRS {crs.name!r} is not tied to an ellipsoid: areas need one")
    to_degrees = math.degrees(geodetic.axis_info[0].unit_conversion_factor)
    # To the CRS's own latitudes and longitudes: no datum shift, so no grid files and no choice of operation.
    inverse = Transformer.from_crs(crs, geodetic, always_xy=True)

    def areas(row: float, cols: NDArray[np.float64]) -> NDArray[np.float64]:
        lon_CN, lat_CN = inverse.transform(*_corners(grid.transform, row, cols))
        out = np.full(len(cols), np.nan)
        usable = np.isfinite(lon_CN).all(axis=0) & np.isfinite(lat_CN).all(axis=0)
        # Lists: of arrays so short pyproj takes twice as long.
        lon_NC, lat_NC = ((angles_CN * to_degrees).T.tolist() for angles_CN in (lon_CN, lat_CN))
        for i in np.flatnonzero(usable):
            area, _ = geod.polygon_area_perimeter(lon_NC[i], lat_NC[i])
            out[i] = abs(area)
        return out

    return areas


def _corners(
    transform: Affine, row: float, cols: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Corners of pixels as x and y, in ring order, each (corner, pixel)."""
    across = np.stack([cols, cols + 1, cols + 1, cols])
    down = np.array([row, row, row + 1, row + 1])[:, None]
    t = transform
    return t.a * across + t.b * down + t.c, t.d * across + t.e * down + t.f

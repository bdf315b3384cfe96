"""Pixel windows and the grid of a raster: where pixels are, without knowing any file."""

from __future__ import annotations

import math
from dataclasses import dataclass

from affine import Affine
from pyproj import CRS, Geod, Transformer

from landcover.errors import WindowError


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of pixels, half-open, in rows and columns of a grid.

    Attributes:
        row: first row.
        col: first column.
        height: number of rows, at least 1.
        width: number of columns, at least 1.
    """

    row: int
    col: int
    height: int
    width: int

    def __post_init__(self) -> None:
        """Refuse empty and negative windows.

        Raises:
            WindowError: with the offending numbers.
        """
        if self.height < 1 or self.width < 1:
            raise WindowError(f"window of {self.height} x {self.width} pixels: both sides must be at least 1")
        if self.row < 0 or self.col < 0:
            raise WindowError(f"window starts at row {self.row}, column {self.col}: both must be 0 or more")

    @property
    def row_stop(self) -> int:
        """First row after the window."""
        return self.row + self.height

    @property
    def col_stop(self) -> int:
        """First column after the window."""
        return self.col + self.width

    @property
    def rows(self) -> slice:
        """Row slice for an array that covers the whole grid."""
        return slice(self.row, self.row_stop)

    @property
    def cols(self) -> slice:
        """Column slice for an array that covers the whole grid."""
        return slice(self.col, self.col_stop)


@dataclass(frozen=True, slots=True)
class Grid:
    """Position of a raster: CRS, affine pixel-to-map transform and size.

    Attributes:
        crs: coordinate reference system.
        transform: maps (column, row) of a pixel's upper-left corner to (x, y) in CRS units.
        height: rows.
        width: columns.
    """

    crs: CRS
    transform: Affine
    height: int
    width: int

    def __post_init__(self) -> None:
        """Refuse a grid without pixels or with a degenerate transform.

        Raises:
            WindowError: when a side is below 1 or the transform maps pixels to a line or to nothing.
        """
        if self.height < 1 or self.width < 1:
            raise WindowError(f"grid of {self.height} x {self.width} pixels: both sides must be at least 1")
        determinant = self.transform.determinant
        if not math.isfinite(determinant) or determinant == 0:
            raise WindowError(f"transform {tuple(self.transform)[:6]} does not map pixels to an area")

    @property
    def extent(self) -> Window:
        """The whole grid as a window."""
        return Window(0, 0, self.height, self.width)

    @property
    def pixel_size(self) -> tuple[float, float]:
        """Length of a pixel's column step and row step, in CRS units."""
        t = self.transform
        return math.hypot(t.a, t.d), math.hypot(t.b, t.e)

    @property
    def is_north_up(self) -> bool:
        """True when rows run south and columns run east, without rotation."""
        t = self.transform
        return t.b == 0 and t.d == 0 and t.a > 0 and t.e < 0

    def crop(self, window: Window) -> Grid:
        """The grid of one window.

        Raises:
            WindowError: when the window reaches beyond the grid.
        """
        if window.row_stop > self.height or window.col_stop > self.width:
            raise WindowError(f"{window} reaches beyond a grid of {self.height} x {self.width} pixels")
        origin = self.transform @ Affine.translation(window.col, window.row)
        return Grid(self.crs, origin, window.height, window.width)

    def aligned_with(self, other: Grid, *, tolerance_px: float = 1e-3) -> bool:
        """Whether both grids have the same CRS, size and pixel corners within a fraction of a pixel."""
        if self.crs != other.crs or (self.height, self.width) != (other.height, other.width):
            return False
        corners = ((0, 0), (self.width, 0), (0, self.height), (self.width, self.height))
        to_pixel = ~self.transform
        for col, row in corners:
            here_col, here_row = to_pixel @ (other.transform @ (float(col), float(row)))
            if abs(here_col - col) > tolerance_px or abs(here_row - row) > tolerance_px:
                return False
        return True


def ground_pixel_size(grid: Grid) -> tuple[float, float]:
    """Length on the ground of one pixel's column step and row step at the centre of the grid, in metres.

    Measured as geodesics on the CRS's own ellipsoid, so that it also holds for geographic and Mercator grids.

    Args:
        grid: any grid whose CRS can be transformed to longitude and latitude.
    """
    geodetic = grid.crs.geodetic_crs or CRS.from_epsg(4326)
    to_lonlat = Transformer.from_crs(grid.crs, geodetic, always_xy=True)
    col, row = (grid.width - 1) / 2, (grid.height - 1) / 2
    xs, ys = zip(*(grid.transform @ place for place in ((col, row), (col + 1, row), (col, row + 1))), strict=True)
    (lon, lon_east, lon_south), (lat, lat_east, lat_south) = to_lonlat.transform(xs, ys)
    geod = geodetic.get_geod() or Geod(ellps="WGS84")
    return (
        float(geod.inv(lon, lat, lon_east, lat_east)[2]),
        float(geod.inv(lon, lat, lon_south, lat_south)[2]),
    )

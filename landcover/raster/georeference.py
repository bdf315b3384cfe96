"""The grid of an opened dataset, and the refusals when it has none."""

from __future__ import annotations

import math
from typing import Final

from affine import Affine
from pyproj import CRS, Transformer
from pyproj.enums import TransformDirection
from pyproj.exceptions import CRSError
from rasterio.errors import CRSError as RasterioCRSError
from rasterio.io import DatasetReader

from landcover.errors import CrsUnsupported, ExtentOffEarth, NoCrs, NoGeoreference, WindowError
from landcover.grid import Grid

_MAX_LATITUDE: Final = 90.0
_MAX_LONGITUDE: Final = 540.0  # grids may run on beyond the date line
_BEYOND_POLE_PX: Final = 0.51
_MIN_PIXEL: Final = 1e-9  # CRS units; a tenth of a millimetre in degrees


def grid_of(dataset: DatasetReader, name: str) -> Grid:
    """CRS, transform and size exactly as the file states them; rotated and south-up grids are kept.

    Raises:
        NoCrs: without a CRS, or (CrsUnsupported) with one that has no place on Earth.
        NoGeoreference: without a transform, or with one that maps pixels to no area, or (ExtentOffEarth) off the Earth.
    """
    if dataset.transform == Affine.identity():
        points = " (it has ground control points only)" if dataset.gcps[0] else ""
        raise NoGeoreference(
            f"{name!r} has no pixel-to-map transform{points}; warp it to a map grid first, for example with gdalwarp"
        )
    crs = _crs_of(dataset, name)
    try:
        grid = Grid(crs, dataset.transform, dataset.height, dataset.width)
    except WindowError as error:
        raise NoGeoreference(f"{name!r} has an unusable transform: {error}") from error
    _refuse_nowhere(grid, name)
    return grid


def _refuse_nowhere(grid: Grid, name: str) -> None:
    """Refuse a transform that leaves the Earth; GDAL may answer with any numbers where a JPEG 2000 file has none."""
    if not all(map(math.isfinite, grid.transform)):
        raise ExtentOffEarth(f"{name!r} has a transform with numbers that are not finite; correct the transform")
    _refuse_beyond_poles(grid, name)
    x, y = grid.transform @ (grid.width / 2, grid.height / 2)
    to_lonlat = Transformer.from_crs(grid.crs, grid.crs.geodetic_crs, always_xy=True)
    lon, lat = to_lonlat.transform(x, y)
    on_earth = math.isfinite(lon) and abs(lat) <= _MAX_LATITUDE and abs(lon) <= _MAX_LONGITUDE
    # Only y: a grid that crosses the date line comes back with another x.
    _, y_again = to_lonlat.transform(lon, lat, direction=TransformDirection.INVERSE) if on_earth else (x, math.inf)
    if abs(y_again - y) > max(grid.pixel_size) or min(grid.pixel_size) < _MIN_PIXEL:
        raise ExtentOffEarth(
            f"{name!r} is not on Earth by its transform {tuple(grid.transform)[:6]} in {grid.crs.name!r}; "
            "correct the transform or the CRS"
        )


def _refuse_beyond_poles(grid: Grid, name: str) -> None:
    """Refuse latitudes that there are not; edges of global grids may lie up to half a pixel beyond a pole."""
    if not grid.crs.is_geographic:
        return
    degrees = math.degrees(grid.crs.axis_info[0].unit_conversion_factor)
    corners = ((col, row) for col in (0, grid.width) for row in (0, grid.height))
    latitudes = [degrees * (grid.transform @ corner)[1] for corner in corners]
    south, north = min(latitudes), max(latitudes)
    beyond = _BEYOND_POLE_PX * degrees * (abs(grid.transform.d) + abs(grid.transform.e))
    if max(north, -south) > _MAX_LATITUDE + beyond:
        raise ExtentOffEarth(
            f"{name!r} reaches from latitude {south:.7g} to {north:.7g} by its transform, beyond a pole; correct the "
            "transform or the CRS"
        )


def _crs_of(dataset: DatasetReader, name: str) -> CRS:
    if dataset.crs is None:
        raise NoCrs(f"{name!r} has no coordinate reference system; assign the right one, for example with gdal_edit")
    try:
        crs = CRS.from_wkt(dataset.crs.to_wkt())
    except (CRSError, RasterioCRSError) as error:
        raise CrsUnsupported(
            f"{name!r} has a coordinate reference system unknown to PROJ; assign an EPSG code"
        ) from error
    if not (crs.is_geographic or crs.is_projected):
        raise CrsUnsupported(
            f"{name!r} has the coordinate reference system {crs.name!r} ({crs.type_name}), which does not say where "
            "on Earth a pixel is; expected a geographic or projected one"
        )
    return crs

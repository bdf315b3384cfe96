"""Trends.Earth's summary of a report, with the area as GeoJSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from pyproj import Transformer

from indicators.reporting.submission import Submission
from indicators.reporting.trends_earth import Origin, summary
from indicators.reporting.trends_earth_cover import same_nesting
from indicators.zones.zone import Zones
from landcover.crosswalk_files import trends_earth_document
from landcover.grid import Grid
from landcover.raster.polygons import Polygon
from serving.outputs.footprint import wgs84_footprint
from serving.report.covering import OpenedCover
from serving.report.request import REPORT_LEGEND, ReportRequest
from serving.version import VERSION

RELEASED: Final = datetime(2026, 11, 1, tzinfo=UTC)
"""When this version of Steppe was made; Trends.Earth's schema asks for it."""

_DIGITS: Final = 7
"""Decimals of degrees: a centimetre."""


def summary_of(
    request: ReportRequest, submission: Submission, cover: OpenedCover, grid: Grid, time: datetime
) -> dict[str, Any] | None:
    """The summary, or None under several matrices, for which the format has no place.

    Args:
        request: what was asked for.
        submission: the accounts.
        cover: the final map, whose legend nests in UNCCD-7.
        grid: grid of the report.
        time: when it was made.

    Raises:
        NoGeoreference: when the grid's outline is not on the Earth.
    """
    if len(request.matrices) > 1:
        return None
    same = cover.legend.id == REPORT_LEGEND
    nesting: Mapping[str, Any] = (
        same_nesting(cover.legend) if same else trends_earth_document(cover.crosswalk, cover.legend)
    )
    area = _grid_area(grid) if request.zones is None else zones_geojson(request.zones)
    origin = Origin(
        title=f"{request.title} {request.period.initial}-{request.period.final}",
        time=time,
        version=VERSION,
        revision="",
        released=RELEASED,
        area=area,
        crs_wkt=_WGS84_WKT,
    )
    return summary(submission, origin, nesting)


def zones_geojson(zones: Zones) -> dict[str, Any]:
    """Zones as a FeatureCollection in longitude and latitude; longitudes run on across the date line."""
    to_degrees = Transformer.from_crs(zones.crs, "OGC:CRS84", always_xy=True)
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"name": zone.name},
                "geometry": {
                    "type": "MultiPolygon",
                    "coordinates": [_rings(polygon, to_degrees) for polygon in zone.area.polygons],
                },
            }
            for zone in zones.zones
        ],
    }


def _rings(polygon: Polygon, to_degrees: Transformer) -> list[list[list[float]]]:
    rings = []
    for ring in polygon:
        lon, lat = to_degrees.transform(ring[:, 0], ring[:, 1])
        points = np.round(np.column_stack((lon, lat)), _DIGITS).tolist()
        rings.append([*points, points[0]])
    return rings


def _grid_area(grid: Grid) -> dict[str, Any]:
    geometry, _ = wgs84_footprint(grid)
    return {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": geometry}]}


_WGS84_WKT: Final = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],'
    'UNIT["degree",0.0174532925199433],AUTHORITY["EPSG","4326"]]'
)

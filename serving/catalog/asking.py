"""A question for scenes from the members of a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from landcover.errors import AreaInvalid
from serving.catalog.dates import parse_interval
from serving.catalog.mgrs import parse_tile
from serving.catalog.places import area_of_box, area_of_geojson, check_extent
from serving.catalog.query import DEFAULT_SCENES, SceneQuery

_ANY_CLOUD: Final = 100.0


def query_of(  # noqa: PLR0913 - the members of a request
    bands: Sequence[str],
    dates: str,
    *,
    tile: str | None = None,
    box: Sequence[float] | None = None,
    geometry: Mapping[str, Any] | None = None,
    max_area_km2: float,
    max_cloud: float | None = None,
    max_scenes: int = DEFAULT_SCENES,
) -> SceneQuery:
    """The question, checked; nothing is fetched.

    Args:
        bands: names of the bands that are needed.
        dates: a day or time, or an interval of them.
        tile: id of a Sentinel-2 tile; exactly one of this, ``box`` and ``geometry``.
        box: west, south, east, north in degrees.
        geometry: GeoJSON with polygons.
        max_area_km2: largest area that is searched.
        max_cloud: most cloud cover in percent; 100 or None: any, also an unknown one.
        max_scenes: how many of the best are answered.

    Raises:
        DatesInvalid: when the dates are none.
        TileInvalid: when the tile is none.
        AreaInvalid: when the area is none, or not exactly one place is given.
        AreaTooLarge: when the area is too large.
    """
    if sum(place is not None for place in (tile, box, geometry)) != 1:
        raise AreaInvalid("one place is wanted: give a tile, a box or a geometry")
    area = area_of_box(box) if box is not None else area_of_geojson(geometry) if geometry is not None else None
    if area is not None:
        check_extent(area, max_area_km2)
    return SceneQuery(
        bands=tuple(bands),
        dates=parse_interval(dates),
        tile=None if tile is None else parse_tile(tile),
        area=area,
        max_cloud=None if max_cloud is None or max_cloud >= _ANY_CLOUD else max_cloud,
        max_scenes=max_scenes,
    )

"""Questions from the members of a request."""

from __future__ import annotations

import pytest

from landcover.errors import AreaInvalid
from serving.catalog.asking import query_of
from serving.catalog.errors import AreaTooLarge, DatesInvalid, TileInvalid
from tests.stacserver import polygon

JUNE = "2024-06-01/2024-06-30"
BOX = (12, 48, 12.5, 48.5)


@pytest.mark.parametrize("place", [{"tile": "33UUP"}, {"box": BOX}, {"geometry": polygon(*BOX)}])
def test_one_place(place):
    query = query_of(("B02",), JUNE, **place, max_area_km2=13_000, max_cloud=20, max_scenes=3)
    assert (query.bands, query.max_cloud, query.max_scenes) == (("B02",), 20, 3)
    assert (query.tile is None) == ("tile" not in place)


def test_any_cloud_is_also_an_unknown_one():
    assert query_of(("B02",), JUNE, tile="33UUP", max_area_km2=1, max_cloud=100).max_cloud is None


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ({}, AreaInvalid),
        ({"tile": "33UUP", "box": BOX}, AreaInvalid),
        ({"box": BOX, "geometry": polygon(*BOX)}, AreaInvalid),
        ({"tile": "33"}, TileInvalid),
        ({"box": (0, 0, 20, 20)}, AreaTooLarge),
        ({"geometry": polygon(0, 0, 20, 20)}, AreaTooLarge),
    ],
)
def test_places_that_are_refused(place, error):
    with pytest.raises(error):
        query_of(("B02",), JUNE, **place, max_area_km2=13_000)


def test_dates_that_are_refused():
    with pytest.raises(DatesInvalid):
        query_of(("B02",), "June", tile="33UUP", max_area_km2=13_000)

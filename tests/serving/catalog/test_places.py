"""Areas that are searched: cases 113 and 114 of the bad inputs, and whether footprints touch them."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import Geod

from landcover.errors import AreaInvalid
from serving.catalog.errors import AreaTooLarge
from serving.catalog.places import (
    area_of_box,
    area_of_geojson,
    asked_geometry,
    bounds_of,
    box_ring,
    check_extent,
    extent_km2,
    footprint_rings,
    searched_rings,
    touch,
)
from tests.stacserver import polygon

STAR = {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]}
OPEN = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}


@pytest.mark.parametrize(
    "box",
    [
        (1, 2, 3),
        (1, 2, 3, 4, 5),
        (1, 2, 0, 3, 4, 0),
        (0, 2, 1, 1),
        (0, 1, 0, 2),
        (0, 1, 1, 1),
        (0, 0, float("nan"), 1),
        (0, 0, float("inf"), 1),
        (0, 0, 500, 1),
        (0, -91, 1, 0),
        ("0", 0, 1, 1),
        (False, 0, 1, 1),
    ],
)
def test_113_boxes_that_are_none(box):
    with pytest.raises(AreaInvalid):
        area_of_box(box)


def test_113_the_whole_world():
    with pytest.raises(AreaTooLarge, match="13,000 km2"):
        check_extent(area_of_box((-180, -90, 180, 90)), 13_000)


@pytest.mark.parametrize(
    "document",
    [
        STAR,
        OPEN,
        polygon(0, 0, 0, 0),
        polygon(0, 0, 500, 1),
        polygon(500, 0, 501, 1),
        polygon(0, 0, 1, 100),
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, "a"], [1, 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [float("nan"), 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[x / 1e5, 0] for x in range(200_000)]]},
        {"type": "Point", "coordinates": [0, 0]},
        {"type": "FeatureCollection", "features": []},
        {"type": "Feature", "geometry": None},
        {"coordinates": [[[0, 0]]]},
        polygon(0, 0, 1, 1) | {"crs": {"type": "name", "properties": {"name": "EPSG:32633"}}},
        {},
    ],
)
def test_114_polygons_that_are_none(document):
    with pytest.raises(AreaInvalid):
        area_of_geojson(document)


def test_winding_and_heights_do_not_matter():
    """RFC 7946, sections 3.1.1 and 3.1.6: both may come."""
    plain = polygon(0, 0, 1, 1)
    other = {"type": "Polygon", "coordinates": [[[x, y, 99.0] for x, y in reversed(plain["coordinates"][0])]]}
    assert bounds_of(area_of_geojson(plain)) == bounds_of(area_of_geojson(other)) == (0, 0, 1, 1)


@pytest.mark.parametrize("box", [(10, 45, 11, 46), (-1, -1, 1, 1), (20, -35, 25, -30), (170, 10, -170, 12)])
def test_areas_are_those_of_the_ellipsoid_to_a_percent(box):
    area = area_of_box(box)
    ring = area.polygons[0][0]
    corners = np.concatenate([np.linspace(a, b, 200) for a, b in zip(ring, np.roll(ring, -1, axis=0), strict=True)])
    wanted = abs(Geod(ellps="WGS84").polygon_area_perimeter(*corners.T)[0]) / 1e6
    assert extent_km2(area) == pytest.approx(wanted, rel=0.01)


def test_holes_are_not_counted():
    whole, hole = polygon(0, 0, 2, 2), polygon(0.5, 0.5, 1.5, 1.5)
    ring = {"type": "Polygon", "coordinates": [whole["coordinates"][0], hole["coordinates"][0]]}
    assert extent_km2(area_of_geojson(ring)) == pytest.approx(extent_km2(area_of_box((0, 0, 2, 2))) * 0.75, rel=1e-3)


def test_how_an_api_is_asked():
    assert asked_geometry(area_of_box((0, 0, 1, 1)))["intersects"]["type"] == "Polygon"
    two = {
        "type": "MultiPolygon",
        "coordinates": [polygon(0, 0, 1, 1)["coordinates"], polygon(3, 3, 4, 4)["coordinates"]],
    }
    assert asked_geometry(area_of_geojson(two))["intersects"] == two
    assert asked_geometry(area_of_box((179, 0, -179, 1))) == {"bbox": [179, 0, -179, 1]}
    turn = np.linspace(0, 2 * np.pi, 401)
    circle = np.column_stack([10 + np.cos(turn), 50 + np.sin(turn)])
    circle[-1] = circle[0]
    many = {"type": "Polygon", "coordinates": [circle.tolist()]}
    assert asked_geometry(area_of_geojson(many)) == {"bbox": pytest.approx([9, 49, 11, 51], abs=1e-3)}


FRAME = {"type": "Polygon", "coordinates": [[[0, 0], [4, 0], [4, 4], [3, 4], [3, 1], [0, 1], [0, 0]]]}


@pytest.mark.parametrize(
    ("area", "footprint", "wanted"),
    [
        (polygon(0, 0, 1, 1), polygon(0.5, 0.5, 2, 2), True),
        (polygon(0, 0, 1, 1), polygon(0.4, 0.4, 0.6, 0.6), True),
        (polygon(0.4, 0.4, 0.6, 0.6), polygon(0, 0, 1, 1), True),
        (polygon(0, 0, 1, 1), polygon(1, 1, 2, 2), True),
        (polygon(0, 0, 1, 1), polygon(1.1, 0, 2, 1), False),
        (polygon(0, 0, 4, 0.5), polygon(1, -1, 2, 2), True),
        (FRAME, polygon(0, 2, 2, 4), False),
        (FRAME, polygon(0.5, 1.2, 2.5, 3.9), False),
        (FRAME, polygon(3.2, 3.2, 3.4, 3.4), True),
        (polygon(179, 0, -179, 1), polygon(-179.5, 0, -178, 1), True),
        (polygon(179, 0, -179, 1), polygon(179.5, 0, 179.8, 1), True),
        (polygon(-180, 0, -179, 1), polygon(179, 0, -179.5, 1), True),
        (polygon(179, 0, -179, 1), polygon(0, 0, 1, 1), False),
    ],
)
def test_touching(area, footprint, wanted):
    assert touch(searched_rings(area_of_geojson(area)), footprint_rings(footprint)) is wanted


def test_sides_on_one_line_that_do_not_meet():
    one = np.array([(0, 0), (4, 0), (4, 4), (3, 4), (3, 1), (1, 1), (1, 4), (0, 4)], float)
    other = box_ring((1.5, 2, 2.5, 4))
    assert not touch([one], [other])

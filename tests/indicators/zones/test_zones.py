"""Zones: names, what is refused, and ground areas of polygons."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import shapely
from pyproj import CRS

from indicators.ellipsoid import Spheroid
from indicators.zones.errors import ZonesInvalid, ZonesOverlap
from indicators.zones.geodesic import polygons_km2
from indicators.zones.reading import parse_zones, read_zones
from indicators.zones.zone import Zone, Zones
from landcover.errors import AreaInvalid, ConfigError
from landcover.raster.geojson import Area
from tests.indicators.zones.files import write_vectors

DEGREES, UTM33 = CRS.from_epsg(4326), CRS.from_epsg(32633)
KM = 1000.0


def square(col, row, size=1.0):
    """A square of kilometres in UTM 33."""
    x, y = 5e5 + col * KM, 5.4e6 + row * KM
    return shapely.box(x, y, x + size * KM, y + size * KM)


def zones(tmp_path, shapes, **fields):
    name_field = fields.pop("name_field", None)
    return read_zones(write_vectors(tmp_path / "land.gpkg", shapes, **fields), name_field=name_field)


def ring(*corners):
    return np.array(corners, float)


def test_names_come_from_the_field_name(tmp_path):
    found = zones(tmp_path, [square(0, 0), square(1, 0)], code=[1, 2], NAME=["Gao", "Мопти"])
    assert found.names == ("Gao", "Мопти")
    assert found.crs == UTM33
    assert found.name == "land.gpkg"
    assert found.zones[0].area.sha256 == found.sha256


@pytest.mark.parametrize(("field", "names"), [("code", ("1", "2")), ("share", ("0.5", "2")), ("label", ("a", "b"))])
def test_names_come_from_the_field_that_is_asked_for(tmp_path, field, names):
    made = {"code": [1, 2], "share": [0.5, 2.0], "label": ["a ", "b"], "name": ["x", "y"]}
    assert zones(tmp_path, [square(0, 0), square(1, 0)], name_field=field, **made).names == names


def test_without_names_zones_are_numbered(tmp_path):
    assert zones(tmp_path, [square(0, 0), square(1, 0)], code=[7, 8]).names == ("zone 1", "zone 2")
    other = tmp_path / "x"
    other.mkdir()
    assert zones(other, [square(0, 0)], code=[7]).names == ("land",)


def test_features_of_one_name_are_one_zone(tmp_path):
    found = zones(tmp_path, [square(0, 0), square(3, 0), square(5, 0)], name=["Comoros", "other", "Comoros"])
    assert found.names == ("Comoros", "other")
    assert len(found.zones[0].area.polygons) == 2
    assert found.zones[0].km2 == pytest.approx(2 * found.zones[1].km2, rel=1e-4)


def test_neighbours_and_islands_in_holes_do_not_overlap(tmp_path):
    hole = shapely.Polygon(square(0, 0, 5).exterior, [square(1, 1, 2).exterior])
    found = zones(tmp_path, [hole, square(1, 1, 2), square(5, 0), square(0, 5)], name=list("abcd"))
    assert found.names == tuple("abcd")


def test_both_directions_of_rings_are_read(tmp_path):
    shapes = [square(0, 0), square(1, 0).reverse()]
    assert {zone.area.polygons[0][0].shape for zone in zones(tmp_path, shapes, name=["a", "b"]).zones} == {(4, 2)}


def test_overlaps_name_both_zones_and_the_area(tmp_path):
    with pytest.raises(ZonesOverlap, match=r"zones 'a' and 'c' overlap by 0\.500[0-9]* km2") as caught:
        zones(tmp_path, [square(0, 0), square(0.9, 0), square(0, 0.5)], name=["a", "b", "c"])
    assert "counted twice" in str(caught.value)


def test_two_polygons_of_one_zone_may_not_overlap(tmp_path):
    with pytest.raises(ZonesOverlap, match=r"two polygons of zone 'a' overlap by 0.25"):
        zones(tmp_path, [square(0, 0), square(0.5, 0.5)], name=["a", "a"])


def test_borders_that_were_rounded_are_no_overlap(tmp_path):
    assert len(zones(tmp_path, [square(0, 0), square(1 - 9e-7, 0)], name=["a", "b"]).zones) == 2
    other = tmp_path / "x"
    other.mkdir()
    with pytest.raises(ZonesOverlap, match="by 2"):
        zones(other, [square(0, 0), square(1 - 2e-6, 0)], name=["a", "b"])


@pytest.mark.parametrize("turn", [-360, 0, 360])
def test_overlaps_across_the_date_line(turn):
    one, other = (
        Zone(name, Area(DEGREES, ((ring((w, -17), (w + 2, -17), (w + 2, -16), (w, -16)),),), name))
        for name, w in (("a", 179), ("b", 180 + turn))
    )
    with pytest.raises(ZonesOverlap, match="'a' and 'b'"):
        Zones("f", (one, other))


BAD = {
    "bow tie": (shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]), "its sides cross near 1, 1"),
    "hole outside": (
        shapely.Polygon(shapely.box(0, 0, 3, 3).exterior, [shapely.box(5, 5, 6, 6).exterior]),
        "hole lies",
    ),
    "hole across": (
        shapely.Polygon(shapely.box(0, 0, 3, 3).exterior, [shapely.box(2, 2, 6, 6).exterior]),
        "cross near",
    ),
    "all hole": (
        shapely.Polygon(shapely.box(0, 0, 3, 3).exterior, [shapely.box(0, 0, 3, 3).exterior]),
        "negative or no|cross",
    ),
    "spike": (shapely.Polygon([(0, 0), (4, 0), (4, 4), (2, 4), (2, 6), (2, 4), (0, 4)]), "cross|touches"),
    "line": (shapely.Polygon([(0, 0), (1, 1), (3, 3)]), "without area: its points lie on a line"),
    "nested": (shapely.MultiPolygon([shapely.box(0, 0, 3, 3), shapely.box(1, 1, 2, 2)]), "two polygons of zone 'a'"),
    "empty": (shapely.Polygon(), "feature 1 of 'land.gpkg' has no polygon"),
    "missing": (None, "feature 1 of 'land.gpkg' has no polygon"),
}


@pytest.mark.parametrize("what", BAD)
def test_polygons_that_are_none(tmp_path, what):
    shape, says = BAD[what]
    with pytest.raises(ZonesInvalid, match=says) as caught:
        zones(tmp_path, [shape], name=["a"])
    assert "'a'" in str(caught.value) or "feature 1" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_layers_without_polygons_and_names(tmp_path):
    with pytest.raises(ZonesInvalid, match="no polygon"):
        parse_zones({"type": "FeatureCollection", "features": []}, "x")
    with pytest.raises(ConfigError, match="no field 'region'; it has code, name"):
        zones(tmp_path, [square(0, 0)], code=[1], name=["a"], name_field="region")
    for number, value in enumerate([None, "", "\n", "x" * 121]):
        folder = tmp_path / str(number)
        folder.mkdir()
        with pytest.raises(ZonesInvalid, match=r"feature 2 of 'land.gpkg' has no usable name in field 'name'"):
            zones(folder, [square(0, 0), square(1, 0)], name=["a", value])


def test_too_many_zones():
    squares = [((ring((i, 0), (i + 1, 0), (i + 1, 1), (i, 1)),),) for i in range(1001)]
    many = tuple(Zone(str(i), Area(UTM33, polygons, str(i))) for i, polygons in enumerate(squares))
    with pytest.raises(ZonesInvalid, match="1,001 zones, at most 1,000"):
        Zones("x", many)
    with pytest.raises(ZonesInvalid, match="repeats the zone '3'"):
        Zones("x", (*many[:5], many[3]))
    far = Zone("far", Area(DEGREES, many[0].area.polygons, "far"))
    with pytest.raises(ZonesInvalid, match="several coordinate reference systems"):
        Zones("x", (*many[:5], far))


def test_geojson_of_a_request():
    feature = {
        "type": "Feature",
        "properties": {"who": "Gao"},
        "geometry": json.loads(shapely.to_geojson(shapely.box(10, 10, 11, 11))),
    }
    found = parse_zones({"type": "FeatureCollection", "features": [feature]}, "request", name_field="who")
    assert found.names == ("Gao",)
    assert found.sha256 is None
    assert parse_zones(feature["geometry"], "field.geojson").names == ("field",)
    with pytest.raises(AreaInvalid, match="no longitude and latitude"):
        parse_zones({"type": "Polygon", "coordinates": [[[0, 0], [0, 100], [9, 100], [0, 0]]]}, "x")


@pytest.mark.parametrize("south", [0.0, 39.5, 80.0])
def test_areas_of_boxes_in_degrees_are_exact(south):
    """Closed form: the zone between two parallels, times the share of the turn."""
    box = (ring((17, south), (25, south), (25, south + 3), (17, south + 3)),)
    south_rad, north_rad = np.radians([south]), np.radians([south + 3])
    expected = Spheroid.of(DEGREES).zone_area_m2(south_rad, north_rad)[0] * 8 / 360 / 1e6
    assert polygons_km2([box], DEGREES) == pytest.approx(expected, rel=2e-7)
    turned = (box[0][::-1] + np.array([360, 0]),)
    assert polygons_km2([turned], DEGREES) == pytest.approx(expected, rel=2e-7)


def test_holes_parts_units_and_projections():
    outer, hole = ring((0, 0), (4, 0), (4, 4), (0, 4)), ring((1, 1), (1, 2), (2, 2), (2, 1))
    whole, inner = polygons_km2([(outer,)], DEGREES), polygons_km2([(hole,)], DEGREES)
    assert polygons_km2([(outer, hole)], DEGREES) == pytest.approx(whole - inner, rel=1e-12)
    assert polygons_km2([(outer, hole), (hole,)], DEGREES) == pytest.approx(whole, rel=1e-12)
    equal_area = CRS.from_epsg(6933)
    assert polygons_km2([(ring((0, 1e6), (2e5, 1e6), (2e5, 1.2e6), (0, 1.2e6)),)], equal_area) == pytest.approx(
        4e4, rel=1e-6
    )
    feet, metres = CRS.from_epsg(2227), CRS.from_epsg(26943)
    box = ring((1.9e6, 6e5), (1.91e6, 6e5), (1.91e6, 6.1e5), (1.9e6, 6.1e5))
    us_foot = 1200 / 3937
    assert polygons_km2([(box / us_foot,)], feet) == pytest.approx(polygons_km2([(box,)], metres), rel=2e-3)
    grads = CRS.from_epsg(4807)
    assert polygons_km2([(ring((0, 40), (10, 40), (10, 50), (0, 50)),)], grads) == pytest.approx(
        polygons_km2([(ring((0, 36), (9, 36), (9, 45), (0, 45)),)], DEGREES), rel=1e-3
    )
    assert math.isclose(polygons_km2([], DEGREES), 0.0)

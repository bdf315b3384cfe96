"""Areas of interest, compared with shapely in the area's own coordinates."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyproj import CRS, Transformer

from landcover.errors import AreaInvalid, ConfigError
from landcover.grid import Grid, Window
from landcover.raster.area import AreaScene, place_area
from landcover.raster.geojson import Area, box_area, parse_crs, read_area
from landcover.raster.polygons import clipped, covered, crossing_sides
from tests.scenes import ArrayScene, smooth_numbers, utm_grid

DEGREES, UTM33 = CRS.from_epsg(4326), CRS.from_epsg(32633)

numbers = st.floats(-5, 45, allow_nan=False).map(lambda value: round(value, 3))
rings = st.lists(st.tuples(numbers, numbers), min_size=3, max_size=9).map(np.array)


@settings(max_examples=150, deadline=None)
@given(ring=rings, window=st.builds(Window, *[st.integers(0, 20)] * 2, *[st.integers(1, 20)] * 2))
def test_centres_inside_by_the_even_odd_rule(ring, window):
    """Whatever ring: whole grid and window agree, and shapely agrees where the ring is simple."""
    whole = covered([(ring,)], Window(0, 0, 40, 40))
    np.testing.assert_array_equal(covered([(ring,)], window), whole[window.rows, window.cols])
    polygon = shapely.Polygon(ring)
    assume(polygon.is_valid)
    cols, rows = np.meshgrid(np.arange(40) + 0.5, np.arange(40) + 0.5)
    inside, near = (
        shapely.contains_xy(polygon, cols, rows),
        shapely.distance(polygon.boundary, shapely.points(cols, rows)) < 1e-9,
    )
    np.testing.assert_array_equal(whole[~near], inside[~near])


def test_neighbours_share_no_pixel_and_leave_none_out():
    """A square cut by a slanted line through pixel centres: each centre belongs to exactly one part."""
    left = np.array([(0.5, 0.5), (4.5, 0.5), (10.5, 18.5), (0.5, 18.5)])
    right = np.array([(4.5, 0.5), (18.5, 0.5), (18.5, 18.5), (10.5, 18.5)])
    window = Window(0, 0, 20, 20)
    counts = covered([(left,)], window).astype(int) + covered([(right,)], window)
    expected = np.zeros((20, 20), int)
    expected[:18, :18] = 1
    np.testing.assert_array_equal(counts, expected)


def test_holes_are_outside():
    outer, hole = np.array([(0, 0), (9, 0), (9, 9), (0, 9)]), np.array([(3, 3), (6, 3), (6, 6), (3, 6)])
    inside = covered([(outer, hole)], Window(0, 0, 10, 10))
    assert inside.sum() == 81 - 9
    assert not inside[3:6, 3:6].any()


@settings(max_examples=100, deadline=None)
@given(ring=rings)
def test_clipping_keeps_what_lies_in_the_box(ring):
    assume(shapely.Polygon(ring).is_valid)
    expected = shapely.intersection(shapely.Polygon(ring), shapely.box(3, 4, 30, 29)).area
    part = clipped(ring, 3, 4, 30, 29)
    assert (shapely.Polygon(part).area if len(part) > 2 else 0) == pytest.approx(expected, abs=1e-6)


@settings(max_examples=200, deadline=None)
@given(ring=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=7, unique=True))
def test_crossing_sides_are_those_of_brute_force(ring):
    sides = [shapely.LineString([a, b]) for a, b in zip(ring, [*ring[1:], ring[0]], strict=True)]
    expected = any(one.crosses(other) for one in sides for other in sides)
    assert (crossing_sides((np.array(ring, float),)) is not None) == expected


def test_crossings_of_many_sides_are_found_in_parts():
    angle = np.linspace(0, 2 * np.pi, 3000, endpoint=False)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    assert crossing_sides((circle,)) is None
    circle[[1000, 1001]] = circle[[1001, 1000]]
    place = crossing_sides((circle,))
    assert np.hypot(*(np.array(place) - circle[1000])) < 0.01


PLACES = {
    "utm": utm_grid(60, 80),
    "south-up": Grid(UTM33, Affine(10, 0, 5e5, 0, 10, 5.5e6), 60, 80),
    "rotated": Grid(UTM33, Affine(8, 6, 5e5, 6, -8, 5.5e6), 60, 80),
    "degrees": Grid(DEGREES, Affine(1e-4, 0, 12, 0, -1e-4, 50), 60, 80),
    "over the date line": Grid(DEGREES, Affine(1e-4, 0, 179.996, 0, -1e-4, -16), 60, 80),
    "west of the date line": Grid(DEGREES, Affine(1e-4, 0, -180.004, 0, -1e-4, -16), 60, 80),
    "utm over the date line": Grid(CRS.from_epsg(32701), Affine(100, 0, 179_000, 0, -100, 8_174_000), 60, 80),
    "pole": Grid(CRS.from_epsg(3413), Affine(3000, 0, -120_000, 0, -3000, 90_000), 60, 80),
    "wide": Grid(CRS.from_epsg(3413), Affine(5000, 0, 1e6, 0, -5000, -1e6), 60, 80),
}


def lonlat_of(grid):
    """Longitude, running on, and latitude of all pixel centres."""
    cols, rows = np.meshgrid(np.arange(grid.width) + 0.5, np.arange(grid.height) + 0.5)
    lon, lat = Transformer.from_crs(grid.crs, "OGC:CRS84", always_xy=True).transform(*(grid.transform @ (cols, rows)))
    return lon, lat


@pytest.mark.parametrize("name", PLACES)
def test_boxes_in_degrees_are_straight_in_degrees(name):
    """Against the longitude and latitude of each pixel: sides that follow parallels bend on the map."""
    grid = PLACES[name]
    lon, lat = lonlat_of(grid)
    if name == "pole":
        west, south, east, north = -100.0, 89.0, 60.0, 90.0
    else:
        around = lon % 360 if "date" in name else lon
        west, east = np.quantile(around, [0.23, 0.77]) + 3.7e-6
        south, north = np.quantile(lat, [0.31, 0.83]) + 3.7e-6
    west, east = ((value + 180) % 360 - 180 for value in (west, east))
    polygons, window = place_area(box_area((west, south, east, north), parse_crs("OGC:CRS84")), grid)
    inside = covered(polygons, grid.extent)
    expected = ((lon - west) % 360 < (east - west) % 360) & (lat > south) & (lat < north)
    assert 0.1 < expected.mean() < 0.5
    assert np.mean(inside != expected) < 1e-3
    rows, cols = np.nonzero(inside)
    assert (window.row, window.col) == (rows.min(), cols.min())
    assert (window.row_stop, window.col_stop) == (rows.max() + 1, cols.max() + 1)


def test_polygons_far_larger_than_the_scene():
    """Half the world holds a whole UTM scene, although UTM does not hold half the world."""
    grid = utm_grid(20, 30)
    for box in ((-170, -80, 170, 85), (0, 0, 179, 89)):
        polygons, window = place_area(box_area(box, DEGREES), grid)
        assert window == grid.extent
        assert covered(polygons, window).all()


def write(path, document):
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def polygon(*points, **more):
    points = [list(point) for point in points]
    return {"type": "Polygon", "coordinates": [[*points, points[0]]], **more}


SQUARE = polygon((15.0, 49.6), (15.01, 49.6), (15.01, 49.65), (15.0, 49.65))
OTHER = polygon((15.02, 49.6), (15.03, 49.6), (15.03, 49.65))
FEATURES = [{"type": "Feature", "geometry": shape} for shape in (SQUARE, None, OTHER)]


@pytest.mark.parametrize(
    ("document", "count"),
    [
        (SQUARE, 1),
        ({"type": "Feature", "geometry": SQUARE, "properties": None}, 1),
        ({"type": "FeatureCollection", "features": FEATURES}, 2),
        ({"type": "MultiPolygon", "coordinates": [SQUARE["coordinates"], OTHER["coordinates"]]}, 2),
        ({"type": "GeometryCollection", "geometries": [SQUARE, OTHER]}, 2),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)  # fmt: skip
def test_geojson_of_all_kinds(tmp_path, document, count):
    area = read_area(write(tmp_path / "area.geojson", document))
    assert len(area.polygons) == count
    np.testing.assert_array_equal(area.polygons[0][0], SQUARE["coordinates"][0][:-1])
    assert (area.name, len(area.sha256)) == ("area.geojson", 64)
    assert area.crs.equals(DEGREES, ignore_axis_order=True)


def test_the_crs_of_old_files_and_of_the_caller(tmp_path):
    metres = polygon((5e5, 5.49e6), (5.01e5, 5.49e6), (5.01e5, 5.5e6))
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}
    stated = write(tmp_path / "stated.geojson", {**metres, "crs": named})
    assert read_area(stated).crs == UTM33
    assert read_area(stated, UTM33).crs == UTM33
    assert read_area(write(tmp_path / "silent.geojson", metres), UTM33).crs == UTM33
    with pytest.raises(ConfigError, match="contradicts"):
        read_area(stated, DEGREES)


def test_coordinates_with_height_and_a_mark_before_the_text(tmp_path):
    path = tmp_path / "area.geojson"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(polygon((1, 2, 300), (3, 2, 300), (3, 4, 300))).encode())
    np.testing.assert_array_equal(read_area(path).polygons[0][0], [(1, 2), (3, 2), (3, 4)])


def test_polygons_across_the_date_line(tmp_path):
    """Written with a jump, or cut into two as RFC 7946 asks: the same pixels."""
    grid = Grid(DEGREES, Affine(1e-3, 0, 179.98, 0, -1e-3, -16), 30, 40)
    jump = polygon((179.99, -16.02), (-179.99, -16.02), (-179.99, -16.01), (179.99, -16.01))
    halves = [polygon((179.99, -16.02), (180, -16.02), (180, -16.01), (179.99, -16.01))]
    halves += [polygon((-180, -16.02), (-179.99, -16.02), (-179.99, -16.01), (-180, -16.01))]
    cut = {"type": "MultiPolygon", "coordinates": [half["coordinates"] for half in halves]}
    placed = [place_area(read_area(write(tmp_path / "area.geojson", one)), grid) for one in (jump, cut)]
    assert placed[0][1] == placed[1][1] == Window(10, 10, 10, 20)
    for polygons, window in placed:
        assert covered(polygons, window).all()


BAD = {
    "no json": ("{", "cannot be read as JSON"),
    "deep": ("[" * 200_000, "cannot be read as JSON"),
    "a list": ("[1, 2]", "has no type"),
    "no polygon": ({"type": "FeatureCollection", "features": []}, "holds no polygon"),
    "a point": ({"type": "Point", "coordinates": [1, 2]}, "holds a Point that is no area"),
    "nothing of a kind": ({"type": "FeatureCollection", "features": [3]}, "without a type"),
    "open": ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}, "not closed"),
    "two points": (polygon((0, 0), (1, 1)), "at least 4"),
    "words": (polygon((0, 0), (1, "east"), (1, 1)), "something else than positions"),
    "numbers in quotes": (polygon(("9.16", "45.49"), ("9.19", "45.49"), ("9.19", "45.52")), "of two numbers"),
    "truth": (polygon((0, 0), (True, 0), (1, 1)), "of two numbers"),
    "null": ({"type": "Polygon", "coordinates": [None]}, "something else than positions"),
    "NaN": ('{"type": "Polygon", "coordinates": [[[0, 0], [NaN, 0], [1, 1], [0, 0]]]}', "no number"),
    "infinite": ('{"type": "Polygon", "coordinates": [[[0, 0], [1e999, 0], [1, 1], [0, 0]]]}', "no number"),
    "bow tie": (polygon((0, 0), (2, 2), (2, 0), (0, 2)), "sides cross near 1, 1"),
    "a line": (polygon((0, 0), (1, 1), (2, 2)), "without area"),
    "swapped": (polygon((49, 115), (50, 115), (50, 116)), "swapped"),
    "metres": (
        polygon((5e5, 5.49e6), (5.01e5, 5.49e6), (5.01e5, 5.5e6)),
        "metres want their CRS: .* --aoi-crs",
    ),
    "crs of nothing": ({**SQUARE, "crs": {"type": "link"}}, "names no CRS"),
    "crs unknown": ({**SQUARE, "crs": {"type": "name", "properties": {"name": "EPSG:1"}}}, "not known"),
    "too many points": (polygon(*[(i * 1e-4, (i % 2) * 1e-4) for i in range(100_001)]), "100,000 points"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_areas(tmp_path, name):
    document, says = BAD[name]
    with pytest.raises(AreaInvalid, match=says) as caught:
        read_area(write(tmp_path / "area.geojson", document))
    assert "'area.geojson'" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(AreaInvalid, match="No such file"):
        read_area(tmp_path / "none.geojson")
    with pytest.raises(AreaInvalid, match="cannot be read"):
        read_area(tmp_path / "a\0b")


@pytest.mark.parametrize(
    ("box", "crs", "says"),
    [
        ((0, 1, 1, 0), DEGREES, "south below north"),
        ((1, 0, 1, 2), DEGREES, "empty"),
        ((2, 0, 1, 2), UTM33, "west below east"),
        ((0, 0, float("nan"), 2), UTM33, "no number"),
        ((5e5, 5e6, 6e5, 6e6), DEGREES, "metres want their CRS: give it with --bbox-crs"),
    ],
)
def test_bad_boxes(box, crs, says):
    with pytest.raises(AreaInvalid, match=says):
        box_area(box, crs)


@pytest.mark.parametrize("text", ["", "EPSG:1", "EPSG:4978", "nonsense"])
def test_bad_crs(text):
    with pytest.raises(ConfigError, match="EPSG:32650"):
        parse_crs(text)


def test_areas_that_do_not_touch():
    grid = utm_grid(20, 30)
    with pytest.raises(AreaInvalid, match=r"do not touch; choose another"):
        place_area(box_area((16, 49.6, 17, 49.7), DEGREES), grid)
    with pytest.raises(AreaInvalid, match="swapped"):
        place_area(box_area((49.6, 15.0, 49.7, 15.1), DEGREES), grid)


@pytest.mark.parametrize(("col", "row"), [(0, 0), (29, 19), (13, 7)])
def test_an_area_smaller_than_a_pixel_is_the_pixel_it_lies_in(col, row):
    grid = utm_grid(20, 30)
    corners = np.array([(0.1, 0.1), (0.3, 0.1), (0.3, 0.2)]) + np.array([col, row])
    ring = np.column_stack(grid.transform @ (corners[:, 0], corners[:, 1]))
    polygons, window = place_area(Area(UTM33, ((ring,),), "field"), grid)
    assert window == Window(row, col, 1, 1)
    assert covered(polygons, window).all()


def test_a_sliver_between_centres_is_a_pixel():
    grid = utm_grid(20, 30)
    corners = np.array([(2.1, 2.6), (12.1, 2.6), (12.1, 2.7), (2.1, 2.7)])
    ring = np.column_stack(grid.transform @ (corners[:, 0], corners[:, 1]))
    assert place_area(Area(UTM33, ((ring,),), "path"), grid)[1] == Window(2, 7, 1, 1)


def test_a_scene_cut_to_an_area():
    grid = utm_grid(20, 30)
    data, valid = smooth_numbers(20, 30), np.random.default_rng(0).random((20, 30)) > 0.2
    corners = np.array([(5, 4), (25, 4), (15, 16)], float)
    ring = np.column_stack(grid.transform @ (corners[:, 0], corners[:, 1]))
    scene = ArrayScene(data, valid=valid, grid=grid)
    cut = AreaScene(scene, Area(UTM33, ((ring,),), "field"))
    inside = covered([(corners,)], grid.extent)
    assert cut.grid == grid.crop(Window(4, 5, 11, 20))
    block, part = cut.read(cut.grid.extent), cut.read(Window(2, 3, 7, 9))
    np.testing.assert_array_equal(block.valid, (valid & inside)[4:15, 5:25])
    # Around the area the network sees the scene.
    np.testing.assert_array_equal(block.data, np.where(valid, data, 0)[:, 4:15, 5:25])
    np.testing.assert_array_equal(part.data, block.data[:, 2:9, 3:12])
    np.testing.assert_array_equal(part.valid, block.valid[2:9, 3:12])

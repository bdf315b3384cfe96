"""Footprints: does the polygon hold the pixels, and only them, wherever the grid lies?"""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from pyproj import CRS, Geod, Transformer

from indicators.areas import PixelAreas
from landcover.errors import NoGeoreference
from landcover.grid import Grid
from serving.outputs.footprint import wgs84_footprint
from tests.serving.outputs import maps

CASES = {
    "utm": (maps.utm(1098, 1098, size=100), False),
    "utm-south-up": (Grid(CRS.from_epsg(32733), Affine(100, 0, 4e5, 0, 100, 6e6), 900, 900), False),
    "utm-over-the-antimeridian": (maps.utm(1098, 1098, epsg=32601, x=299_980, y=7_200_000, size=100), True),
    "utm-60-over-the-antimeridian": (maps.utm(400, 900, epsg=32660, x=780_000, y=200_000, size=100), True),
    "geographic": (maps.geographic(100, 200, size=0.01), False),
    "geographic-beyond-180": (maps.geographic(100, 200, west=179.5, size=0.01), True),
    "geographic-before-minus-180": (maps.geographic(100, 200, west=-180.5, size=0.01), True),
    "geographic-0-to-360": (maps.geographic(100, 100, west=300, size=0.1), False),
    "mercator": (Grid(CRS.from_epsg(3857), Affine(1000, 0, 1e6, 0, -1000, 8e6), 300, 300), False),
    "rotated": (Grid(CRS.from_epsg(32633), Affine(80, 60, 5e5, 60, -80, 5e6), 300, 500), False),
    "polar-without-the-pole": (Grid(CRS.from_epsg(3031), Affine(1000, 0, 5e5, 0, -1000, 2e6), 300, 300), False),
    "south-pole": (Grid(CRS.from_epsg(3031), Affine(1000, 0, -5e5, 0, -1000, 3e5), 800, 900), True),
    "north-pole": (Grid(CRS.from_epsg(3995), Affine(1000, 0, -5e5, 0, -1000, 3e5), 800, 900), True),
}


def rings(geometry):
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    assert all(len(polygon) == 1 for polygon in polygons)
    return [np.array(polygon[0]) for polygon in polygons]


def holds(ring, lon, lat):
    """Even-odd rule."""
    (x, y), (x2, y2) = ring[:-1].T, ring[1:].T
    crosses = (y > lat) != (y2 > lat)
    rise = np.where(crosses, y2 - y, 1)
    return np.count_nonzero(crosses & (lon < x + (lat - y) * (x2 - x) / rise)) % 2 == 1


def lonlat(grid, col, row):
    x, y = grid.transform @ (col, row)
    lon, lat = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(x, y)
    return (lon + 180) % 360 - 180, lat


@pytest.mark.parametrize("name", CASES)
def test_holds_the_pixels_and_no_others(name):
    grid, _ = CASES[name]
    parts = rings(wgs84_footprint(grid)[0])
    rng = np.random.default_rng(1)
    for u, v in rng.uniform(-0.5, 1.5, (200, 2)):
        if min(abs(u), abs(u - 1), abs(v), abs(v - 1)) < 0.01:
            continue
        lon, lat = lonlat(grid, u * grid.width, v * grid.height)
        inside = 0 < u < 1 and 0 < v < 1
        assert sum(holds(ring, lon, lat) for ring in parts) == int(inside), (u, v, lon, lat)


@pytest.mark.parametrize("name", CASES)
def test_geojson_rules(name):
    grid, crosses = CASES[name]
    geometry, box = wgs84_footprint(grid)
    assert (geometry["type"] == "MultiPolygon") == crosses
    points = np.concatenate(rings(geometry))
    assert np.abs(points[:, 0]).max() <= 180
    assert np.abs(points[:, 1]).max() <= 90
    for ring in rings(geometry):
        assert (ring[0] == ring[-1]).all()
        x, y = ring.T
        assert np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) > 0
    west, south, east, north = box
    assert [south, north] == [points[:, 1].min(), points[:, 1].max()]
    if crosses and "pole" not in name:
        assert west > east
        assert west == points[points[:, 0] > 0, 0].min()
        assert east == points[points[:, 0] < 0, 0].max()
    else:
        assert [west, east] == [points[:, 0].min(), points[:, 0].max()]


@pytest.mark.parametrize("name", ["utm", "utm-over-the-antimeridian", "rotated", "polar-without-the-pole"])
def test_area_is_that_of_the_pixels(name):
    grid, _ = CASES[name]
    geod = Geod(ellps="WGS84")
    area = sum(abs(geod.polygon_area_perimeter(*ring.T)[0]) for ring in rings(wgs84_footprint(grid)[0])) / 1e6
    assert area == pytest.approx(PixelAreas(grid).rows(0, grid.height).sum(), rel=2e-4)


def test_poles_span_all_longitudes():
    _, box = wgs84_footprint(CASES["south-pole"][0])
    assert (box[0], box[1], box[2]) == (-180, -90, 180)
    _, box = wgs84_footprint(CASES["north-pole"][0])
    assert (box[0], box[2], box[3]) == (-180, 180, 90)


@pytest.mark.parametrize("west", [-180.0, 0.0, -180.125])
def test_whole_world_is_one_box(west):
    grid = Grid(CRS.from_epsg(4326), Affine(0.25, 0, west, 0, -0.25, 90), 720, 1440)
    geometry, box = wgs84_footprint(grid)
    assert box == [-180, -90, 180, 90]
    assert geometry["type"] == "Polygon"
    assert len(geometry["coordinates"][0]) == 5


def test_geographic_sides_are_not_cut_into_pieces():
    geometry, _ = wgs84_footprint(maps.geographic(10, 10))
    assert len(geometry["coordinates"][0]) == 5


def test_refuses_a_grid_off_the_earth():
    crs = CRS.from_proj4("+proj=geos +h=35785831 +type=crs")
    with pytest.raises(NoGeoreference, match="crop"):
        wgs84_footprint(Grid(crs, Affine(1e5, 0, -1e7, 0, -1e5, 1e7), 200, 200))

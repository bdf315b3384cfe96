"""Pixel areas against published cells, the whole Earth and geodesic polygons drawn pixel by pixel."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Geod, Transformer

from indicators.areas import PixelAreas
from indicators.pixels import is_equal_area
from landcover.errors import NoCrs, NoGeoreference, WindowError
from landcover.grid import Grid

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "cell_area.json").read_text())
WGS84 = CRS.from_epsg(4326)
ROTATED_POLE = CRS.from_cf(
    {
        "grid_mapping_name": "rotated_latitude_longitude",
        "grid_north_pole_latitude": 39.25,
        "grid_north_pole_longitude": -162.0,
        "north_pole_grid_longitude": 0.0,
    }
)
TOTAL_KM2 = VECTORS["total_area_m2"] / 1e6


def every_pixel(grid):
    areas = PixelAreas(grid).rows(0, grid.height)
    return areas if areas.ndim == 2 else np.repeat(areas[:, None], grid.width, axis=1)


def geodesic_km2(grid, row, col):
    """One pixel as a geodesic polygon on WGS84, its sides cut into eight so that they follow the grid."""
    ring = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]
    steps = np.linspace(0, 1, 8, endpoint=False)
    u = np.concatenate([a + (b - a) * steps for (a, _), (b, _) in itertools.pairwise(ring)])
    v = np.concatenate([a + (b - a) * steps for (_, a), (_, b) in itertools.pairwise(ring)])
    x, y = grid.transform @ (col + u, row + v)
    lon, lat = Transformer.from_crs(grid.crs, WGS84, always_xy=True).transform(x, y)
    area, _ = Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)
    return abs(area) / 1e6


@pytest.mark.parametrize(
    ("size_deg", "south", "north", "area_m2"),
    [cell[1:] for cell in VECTORS["cells"]],
    ids=[f"{cell[0]}@{cell[2]}" for cell in VECTORS["cells"]],
)
def test_published_cells(size_deg, south, north, area_m2):
    grid = Grid(WGS84, Affine(size_deg, 0, 17.0, 0, south - north, north), 1, 1)
    # The published numbers subtract two areas counted from the equator: 10 m cells at 89 degrees lost digits there.
    lost_digits = np.finfo(float).eps * VECTORS["slices"][-1][1] / (area_m2 * 360 / size_deg)
    assert PixelAreas(grid).rows(0, 1)[0] * 1e6 == pytest.approx(area_m2, rel=1e-9 + lost_digits)


@pytest.mark.parametrize(("latitude", "area_m2"), VECTORS["slices"][1:])
def test_published_slices_from_the_equator(latitude, area_m2):
    grid = Grid(WGS84, Affine(36, 0, 0, 0, -latitude / 500, latitude), 500, 10)
    assert PixelAreas(grid).rows(0, 500).sum() * 10 * 1e6 == pytest.approx(area_m2, rel=1e-10)


@pytest.mark.parametrize(
    "transform", [Affine(0.5, 0, -180, 0, -0.5, 90), Affine(0.5, 0, 0, 0, 0.5, -90)], ids=["north-up", "south-up"]
)
def test_whole_ellipsoid(transform):
    areas = PixelAreas(Grid(WGS84, transform, 360, 720)).rows(0, 360)
    assert areas.shape == (360,)
    assert areas.min() > 0
    assert math.fsum(areas) * 720 == pytest.approx(TOTAL_KM2, rel=1e-10)


def test_no_ground_beyond_the_poles():
    centred = Grid(WGS84, Affine(0.25, 0, -180.125, 0, -0.25, 90.125), 721, 1440)
    areas = PixelAreas(centred).rows(0, 721)
    assert math.fsum(areas) * 1440 == pytest.approx(TOTAL_KM2, rel=1e-10)


def test_sphere_and_other_angular_units():
    sphere = CRS.from_proj4("+proj=longlat +R=6371007.181 +type=crs")
    areas = PixelAreas(Grid(sphere, Affine(1, 0, 0, 0, -1, 90), 180, 360)).rows(0, 180)
    assert areas.sum() * 360 == pytest.approx(4 * math.pi * 6371.007181**2, rel=1e-12)
    grads = CRS.from_epsg(4807)  # NTF (Paris), in grads, from the meridian of Paris
    quarter = PixelAreas(Grid(grads, Affine(100, 0, 0, 0, -1, 100), 200, 1)).rows(0, 200)
    assert quarter.sum() * 4 == pytest.approx(510_065_621.72, rel=1e-3)


GRIDS = {
    "utm-zone-edge-at-the-equator": (32636, Affine(10, 0, 166_000, 0, -10, 700), 140, 70),
    "utm-south": (32733, Affine(10, 0, 500_000, 0, -10, 6_000_000), 70, 70),
    "utm-south-up": (32633, Affine(10, 0, 500_000, 0, 10, 6_000_000), 70, 130),
    "utm-rotated": (32633, Affine(8, 6, 500_000, 6, -8, 5_000_000), 90, 90),
    "utm-60-over-the-antimeridian": (32660, Affine(10, 0, 820_000, 0, -10, 200_000), 30, 2000),
    "mercator-north": (3857, Affine(30, 0, -20_037_000, 0, -30, 15_000_000), 70, 70),
    "mercator-coarse": (3857, Affine(5000, 0, 0, 0, -5000, 9_000_000), 60, 30),
    "polar": (3031, Affine(100, 0, -1_000_000, 0, -100, 500_000), 70, 70),
    "feet": (2227, Affine(30, 0, 6_000_000, 0, -30, 2_100_000), 70, 70),
    "geographic-over-the-antimeridian": (4326, Affine(1e-3, 0, 179.98, 0, -1e-3, -16), 30, 40),
    "geographic-rotated": (4326, Affine(1e-3, 2e-4, 179.9, 2e-4, -1e-3, 65), 150, 150),
    "geographic-coarse-rotated": (4326, Affine(0.1, 0.02, 20, 0.02, -0.1, 65), 20, 20),
    "rotated-pole": (ROTATED_POLE, Affine(0.1, 0, -1, 0, -0.1, 3), 20, 20),
    "compound": ("EPSG:32633+5773", Affine(10, 0, 300_000, 0, -10, 6_000_000), 40, 40),
    "equal-area": (3035, Affine(10, 0, 4_600_000, 0, -10, 2_400_000), 40, 40),
    "mollweide-on-the-ellipsoid": ("ESRI:54009", Affine(1000, 0, 4_600_000, 0, -1000, 2_400_000), 30, 30),
}


@pytest.mark.parametrize("name", GRIDS)
def test_geodesic_polygon_of_every_sampled_pixel(name):
    crs, transform, height, width = GRIDS[name]
    grid = Grid(CRS.from_user_input(crs), transform, height, width)
    areas = every_pixel(grid)
    rows = sorted({0, 1, 31, 63, 64, height // 2, height - 1} & set(range(height)))
    cols = sorted({0, 1, 33, 63, 65, width // 2, width - 1} & set(range(width)))
    for row in rows:
        for col in cols:
            assert areas[row, col] == pytest.approx(geodesic_km2(grid, row, col), rel=1e-5)


def test_nominal_utm_pixel_is_not_its_area():
    central = PixelAreas(Grid(CRS.from_epsg(32636), Affine(10, 0, 500_000, 0, -10, 10), 1, 1)).rows(0, 1)
    edge = PixelAreas(Grid(CRS.from_epsg(32636), Affine(10, 0, 166_000, 0, -10, 10), 1, 1)).rows(0, 1)
    assert central[0, 0] / 1e-4 == pytest.approx(1.0008, abs=1e-5)
    assert edge[0, 0] / 1e-4 == pytest.approx(1 / 1.00196, abs=1e-4)


def test_north_pole_inside_a_pixel():
    grid = Grid(CRS.from_epsg(3995), Affine(500, 0, -2250, 0, -500, 2250), 9, 9)
    areas = every_pixel(grid)
    assert areas == pytest.approx(np.full((9, 9), areas[0, 0]), rel=1e-5)
    assert areas[4, 4] == pytest.approx(geodesic_km2(grid, 4, 4), rel=1e-5)


def test_equal_area_by_method_and_sphere():
    assert all(is_equal_area(CRS.from_epsg(code)) for code in (3035, 6933, 8857, 5070, 3410, 2163))
    assert not any(is_equal_area(CRS.from_user_input(code)) for code in (32633, 3857, "ESRI:54009", 4326))
    assert is_equal_area(CRS.from_proj4("+proj=moll +R=6371007.181 +type=crs"))


@settings(max_examples=30, deadline=None)
@given(start=st.integers(0, 199), length=st.integers(1, 200))
def test_rows_do_not_depend_on_how_they_are_asked_for(start, length):
    grid = Grid(CRS.from_epsg(32636), Affine(10, 0, 166_000, 0, -10, 700), 200, 70)
    stop = min(200, start + length)
    np.testing.assert_array_equal(PixelAreas(grid).rows(start, stop), PixelAreas(grid).rows(0, 200)[start:stop])


def test_refusals():
    areas = PixelAreas(Grid(WGS84, Affine(1, 0, 0, 0, -1, 10), 10, 10))
    for start, stop in ((-1, 2), (3, 3), (5, 11)):
        with pytest.raises(WindowError, match="rows of a grid of 10 rows"):
            areas.rows(start, stop)
    local = CRS.from_wkt('LOCAL_CS["site",UNIT["metre",1]]')
    with pytest.raises(NoCrs, match="areas need"):
        PixelAreas(Grid(local, Affine(1, 0, 0, 0, -1, 0), 2, 2))
    off_earth = Grid(CRS.from_proj4("+proj=geos +h=35785831 +type=crs"), Affine(1e4, 0, -1e7, 0, -1e4, 1e7), 9, 9)
    with pytest.raises(NoGeoreference, match="crop"):
        PixelAreas(off_earth).rows(0, 9)

"""Shares of pixels against shapely, pixel by pixel, and areas against geodesic polygons and published cells."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pyproj import CRS, Transformer

from indicators.areas import PixelAreas
from indicators.zones import placed, tiles
from indicators.zones.errors import ZonesInvalid
from indicators.zones.geodesic import polygons_km2
from indicators.zones.placed import ZonesOnGrid
from indicators.zones.shapes import rings_of
from indicators.zones.shares import shares_of
from indicators.zones.zone import Zone, Zones
from landcover.errors import WindowError
from landcover.grid import Grid, Window
from landcover.raster.area import place_area
from landcover.raster.geojson import Area, box_area
from tests.scenes import utm_grid

CELLS = json.loads((Path(__file__).parents[2] / "vectors" / "cell_area.json").read_text())["cells"]
DEGREES, UTM33 = CRS.from_epsg(4326), CRS.from_epsg(32633)
ROUNDING = 2e-6
"""exactextract keeps shares in 32 bits."""


def on_pixels(grid, **shapes):
    """Zones drawn in columns and rows of a grid."""

    def moved(points):
        return np.column_stack(grid.transform @ (points[:, 0], points[:, 1]))

    made = []
    for name, shape in shapes.items():
        parts = shapely.get_parts(shapely.transform(shape, moved))
        made.append(Zone(name, Area(grid.crs, tuple(map(rings_of, parts)), name)))
    return Zones("drawn", tuple(made))


def by_shapely(shape, window):
    """Shares of pixels, one intersection each."""
    cols, rows = np.meshgrid(np.arange(window.col, window.col_stop), np.arange(window.row, window.row_stop))
    return shapely.area(shapely.intersection(shapely.box(cols, rows, cols + 1, rows + 1), shape))


def km2_of(found, zone):
    """Area of a zone by its pixels, through its parts."""
    areas, total = PixelAreas(found.grid), 0.0
    for part in found.parts(found.grid.extent):
        if part.zone == zone:
            window = part.window
            km2 = areas.rows(window.row, window.row_stop)
            km2 = np.broadcast_to(km2[:, None] if km2.ndim == 1 else km2[:, window.cols], (window.height, window.width))
            total += float((km2 if part.share is None else km2 * part.share).sum())
    return total


numbers = st.floats(-3, 28, allow_nan=False).map(lambda value: round(value, 2))


@settings(max_examples=60, deadline=None)
@given(ring=st.lists(st.tuples(numbers, numbers), min_size=3, max_size=8))
@example(ring=[(0.05, 9.62), (0.05, 9.62), (0.05, 9.62), (9.62, -0.54), (20, 20)])
def test_shares_are_those_of_shapely(ring):
    shape = shapely.Polygon(ring)
    assume(shape.is_valid and shape.area > 0)
    window = Window(2, 3, 16, 19)
    np.testing.assert_allclose(shares_of(shape, window), by_shapely(shape, window), atol=ROUNDING)


BLOB = shapely.Polygon(
    [
        (150 + (110 + 25 * np.sin(7 * a)) * np.cos(a), 140 + (110 + 25 * np.sin(5 * a)) * np.sin(a))
        for a in np.arange(63) / 10
    ]
)
SWISS = BLOB.difference(shapely.box(40.5, 90.25, 200, 110.75)).difference(shapely.Point(150, 180).buffer(20))


@cache
def shares_of_swiss():
    return by_shapely(SWISS, Window(0, 0, 280, 300))


@pytest.mark.parametrize("tile", [7, 16, 128])
def test_any_window_of_a_polygon_with_holes_and_parts(monkeypatch, tile):
    monkeypatch.setattr(tiles, "TILE", tile)
    monkeypatch.setattr(placed, "TILE", tile)
    grid = utm_grid(280, 300)
    found = ZonesOnGrid(on_pixels(grid, swiss=SWISS), grid)
    expected = shares_of_swiss()
    for window in (grid.extent, Window(3, 0, 100, 300), Window(97, 31, 40, 77), Window(279, 299, 1, 1)):
        np.testing.assert_allclose(found.shares(0, window), expected[window.rows, window.cols], atol=ROUNDING)


def test_parts_do_not_overlap_and_wholes_are_merged():
    grid = utm_grid(300, 2000)
    found = ZonesOnGrid(on_pixels(grid, land=shapely.box(10.5, -5, 1990, 400)), grid)
    parts = list(found.parts(Window(100, 0, 100, 2000)))
    counted = np.zeros((300, 2000), int)
    for part in parts:
        counted[part.window.rows, part.window.cols] += 1
        assert part.share is None or part.share.shape == (part.window.height, part.window.width)
    assert counted.max() == 1
    whole = [part.window.width for part in parts if part.share is None]
    assert whole == [1792, 1792]  # 14 tiles in each of the two bands
    assert found.touching(Window(0, 0, 1, 1)) == (0,)


def test_exactextract_sees_edge_tiles_only(monkeypatch):
    seen = []
    monkeypatch.setattr(placed, "shares_of", lambda shape, window: seen.append(window) or shares_of(shape, window))
    grid = utm_grid(1280, 1280)
    found = ZonesOnGrid(on_pixels(grid, field=shapely.box(130.5, 130.5, 900.5, 900.5)), grid)
    list(found.parts(grid.extent))
    assert len(seen) == 4 * 7 - 4


def test_neighbours_add_up_to_one():
    """A country cut into five by crooked borders: shared pixels are shared out wholly, on another CRS than the grid."""
    grid = Grid(UTM33, Affine(300, 0, 3e5, 0, -300, 5.6e6), 250, 260)
    lon, lat = Transformer.from_crs(UTM33, DEGREES, always_xy=True).transform(3.39e5, 5.5625e6)
    spokes = [(lon + 2 * np.cos(a), lat + 2 * np.sin(a)) for a in 2 * np.pi * np.arange(5) / 5 + 0.3]
    bends = [(lon + 0.1 * np.cos(a + 0.5), lat + 0.1 * np.sin(a + 0.5)) for a in 2 * np.pi * np.arange(5) / 5 + 0.3]
    made = []
    for one in range(5):
        other = (one + 1) % 5
        corner = [(lon + 3 * np.cos(a), lat + 3 * np.sin(a)) for a in [2 * np.pi * (one + 0.5) / 5 + 0.3]]
        points = [(lon, lat), bends[one], spokes[one], *corner, spokes[other], bends[other]]
        made.append(Zone(str(one), Area(DEGREES, ((np.array(points),),), str(one))))
    found = ZonesOnGrid(Zones("five", tuple(made)), grid)
    total = sum(found.shares(zone, grid.extent) for zone in range(5))
    np.testing.assert_allclose(total, 1, atol=ROUNDING)
    mixed = [((share := found.shares(zone, grid.extent)) > 0) & (share < 1) for zone in range(5)]
    assert sum(mixed).max() >= 3


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell[0]}@{cell[2]}")
def test_whole_cells_have_their_published_area(cell):
    """A polygon that is one pixel, drawn in degrees; no digit of the neighbours comes in."""
    _, size, south, north, area_m2 = cell
    height = north - south
    grid = Grid(DEGREES, Affine(size, 0, 17.0 - 3 * size, 0, -height, north + 2 * height), 5, 7)
    if north + 2 * height > 90:
        grid = Grid(DEGREES, Affine(size, 0, 17.0 - 3 * size, 0, -height, north), 3, 7)
    box = np.array([(17.0, south), (17.0 + size, south), (17.0 + size, north), (17.0, north)])
    found = ZonesOnGrid(Zones("cell", (Zone("cell", Area(DEGREES, ((box,),), "cell")),)), grid)
    assert np.count_nonzero(found.shares(0, grid.extent)) == 1
    lost_digits = np.finfo(float).eps * 2.55e14 / (area_m2 * 360 / size)
    assert km2_of(found, 0) * 1e6 == pytest.approx(area_m2, rel=1e-9 + lost_digits)


GRIDS = {
    "utm": (DEGREES, utm_grid(60, 80, pixel=300.0)),
    "utm 10 m": (DEGREES, utm_grid(60, 80)),
    "south-up": (DEGREES, Grid(UTM33, Affine(300, 0, 5e5, 0, 300, 5.4e6), 60, 80)),
    "rotated": (DEGREES, Grid(UTM33, Affine(200, 150, 4e5, 150, -200, 5.4e6), 60, 80)),
    "degrees": (UTM33, Grid(DEGREES, Affine(0.01, 0, 14.6, 0, -0.01, 50), 60, 80)),
    "degrees in degrees": (DEGREES, Grid(DEGREES, Affine(1 / 360, 0, 14.6, 0, -1 / 360, 50), 60, 80)),
    "over the date line": (DEGREES, Grid(DEGREES, Affine(0.01, 0, 179.6, 0, -0.01, -16), 60, 80)),
    "west of it": (DEGREES, Grid(DEGREES, Affine(0.01, 0, -180.4, 0, -0.01, -16), 60, 80)),
    "utm over the date line": (
        DEGREES,
        Grid(CRS.from_epsg(32701), Affine(300, 0, 170_000, 0, -300, 8_174_000), 60, 80),
    ),
    "polar": (DEGREES, Grid(CRS.from_epsg(3413), Affine(1000, 0, 1e6, 0, -1000, -1e6), 60, 80)),
    "mercator": (DEGREES, Grid(CRS.from_epsg(3857), Affine(500, 0, 1.6e6, 0, -500, 6.5e6), 60, 80)),
}


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("radius", [10, 25])
def test_areas_are_those_of_geodesic_polygons(name, radius):
    """A seven-sided field with a hole, a few hundred to two thousand pixels, drawn in another CRS than the grid."""
    crs, grid = GRIDS[name]
    angles = 2 * np.pi * np.arange(7) / 7 + 0.2
    rings = []
    for size in (radius, radius / 4):
        x, y = grid.transform @ (40 + size * np.cos(angles), 30 + size * np.sin(angles))
        x, y = Transformer.from_crs(grid.crs, crs, always_xy=True).transform(x, y)
        x = np.where(np.asarray(x) < 0, np.asarray(x) + 360, x) if "date" in name or "west" in name else x
        rings.append(np.column_stack([x, y]))
    polygon = tuple(rings)
    found = ZonesOnGrid(Zones("field", (Zone("field", Area(crs, (polygon,), "field")),)), grid)
    expected = polygons_km2([polygon], crs)
    assert found.zones.zones[0].km2 == expected
    assert km2_of(found, 0) == pytest.approx(expected, rel=1e-4)


def test_zones_that_miss_the_grid():
    grid = utm_grid(20, 30)
    far = Zone("far", box_area((20, 10, 21, 11), DEGREES))
    with pytest.raises(ZonesInvalid, match=r"no zone of 'x' touches the raster; .* 'WGS 84'"):
        ZonesOnGrid(Zones("x", (far,)), grid)
    near = Zone("near", box_area((15, 49.6, 15.1, 49.7), DEGREES))
    found = ZonesOnGrid(Zones("x", (far, near)), grid)
    assert found.missed == ("far",)
    assert found.touching(grid.extent) == (1,)
    with pytest.raises(WindowError, match="reaches beyond"):
        list(found.parts(Window(0, 0, 21, 30)))
    with pytest.raises(WindowError, match="zone 2: there are 2"):
        found.shares(2, grid.extent)


def test_a_whole_earth_grid_has_a_zone_on_both_sides_of_its_seam():
    grid = Grid(DEGREES, Affine(1, 0, -180, 0, -1, 90), 180, 360)
    fiji = Zone("fiji", box_area((177.5, -20, -178, -15), DEGREES))
    row = ZonesOnGrid(Zones("x", (fiji,)), grid).shares(0, Window(107, 0, 1, 360))[0]
    assert np.flatnonzero(row).tolist() == [0, 1, 357, 358, 359]
    assert row[357] == pytest.approx(0.5)


def test_a_zone_around_a_pole():
    grid = Grid(CRS.from_epsg(3413), Affine(20_000, 0, -1e6, 0, -20_000, 1e6), 100, 100)
    cap = Zone("cap", Area(DEGREES, ((np.array([(-180, 85), (180, 85), (180, 90), (-180, 90)]),),), "cap"))
    found = ZonesOnGrid(Zones("x", (cap,)), grid)
    assert found.shares(0, Window(45, 45, 10, 10)).min() == 1
    _, window = place_area(cap.area, grid)
    assert np.count_nonzero(found.shares(0, grid.extent)) >= 0.7 * window.height * window.width
    assert km2_of(found, 0) == pytest.approx(cap.km2, rel=1e-4)


def test_a_quick_cut_that_loses_area_is_made_again(monkeypatch):
    monkeypatch.setattr(tiles, "cut", lambda *_: shapely.Polygon())
    parts = dict(tiles.halved(SWISS, Window(0, 0, 280, 300), along_rows=True))
    assert sum(part.area for part in parts.values()) == pytest.approx(SWISS.area)
    assert [window.row for window in parts] == [0, 128, 256]

"""Class areas: sums, splits, types and refusals."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from indicators.areas import ClassAreas, PixelAreas
from landcover.errors import DtypeMismatch, UnmappedCodes, WindowError
from landcover.grid import Grid
from landcover.legends import DEGRADATION_NODATA, LandClass, Legend, get_legend

LEGEND = get_legend("unccd7")
GEOGRAPHIC = Grid(CRS.from_epsg(4326), Affine(1e-3, 0, 179.98, 0, -1e-3, 61), 90, 50)
UTM = Grid(CRS.from_epsg(32636), Affine(10, 0, 166_000, 0, -10, 700), 90, 70)
SIGNS = Legend(
    "signs",
    "1",
    "Signs",
    (LandClass(-1, "worse", "Worse", "#9B2779"), LandClass(0, "same", "Same", "#FFFFE0")),
    "made for this test",
)


def random_codes(grid, seed=0):
    rng = np.random.default_rng(seed)
    return rng.choice(np.array([1, 2, 3, 5, 7, 255], np.uint8), (grid.height, grid.width))


def table_of(grid, codes, cuts=()):
    areas = ClassAreas(grid, LEGEND)
    edges = [0, *sorted(set(cuts) - {0, grid.height}), grid.height]
    for start, stop in reversed(list(itertools.pairwise(edges))):
        areas.add(start, codes[start:stop])
    return areas.table()


@pytest.mark.parametrize("grid", [GEOGRAPHIC, UTM], ids=["geographic", "utm"])
def test_sums_pixel_by_pixel(grid):
    codes = random_codes(grid)
    pixels = PixelAreas(grid).rows(0, grid.height)
    weights = np.broadcast_to(pixels.reshape(grid.height, -1), codes.shape)
    table = table_of(grid, codes)
    for row in table.rows:
        assert row.pixels == np.count_nonzero(codes == row.code)
        assert row.area_km2 == pytest.approx(math.fsum(weights[codes == row.code]), rel=1e-12)
        assert row.share_percent == pytest.approx(100 * row.area_km2 / table.valid_area_km2)
    assert table.nodata_area_km2 == pytest.approx(math.fsum(weights[codes == 255]), rel=1e-12)
    assert table.total_pixels == codes.size
    assert table.valid_area_km2 == math.fsum(row.area_km2 for row in table.rows)
    assert table.total_area_km2 == pytest.approx(weights.sum(), rel=1e-12)
    assert math.fsum(row.share_percent for row in table.rows) == pytest.approx(100)
    assert [row.code for row in table.rows] == list(LEGEND.codes)


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(1, 89), max_size=6), seed=st.integers(0, 99))
@pytest.mark.parametrize("grid", [GEOGRAPHIC, UTM], ids=["geographic", "utm"])
def test_any_split_of_rows_gives_the_same(grid, cuts, seed):
    codes = random_codes(grid, seed)
    whole, parts = table_of(grid, codes), table_of(grid, codes, cuts)
    assert [row.pixels for row in whole.rows] == [row.pixels for row in parts.rows]
    for one, other in zip(whole.rows, parts.rows, strict=True):
        assert one.area_km2 == pytest.approx(other.area_km2, rel=1e-13)


def test_map_without_valid_pixels():
    table = table_of(UTM, np.full((90, 70), 255, np.uint8))
    assert table.valid_area_km2 == 0
    assert table.nodata_percent == 100
    assert all(row.share_percent == 0 for row in table.rows)


def test_degradation_codes_are_signed():
    codes = np.full((90, 50), -1, np.int16)
    codes[:30] = 0
    codes[30:40] = DEGRADATION_NODATA
    areas = ClassAreas(GEOGRAPHIC, SIGNS, nodata=DEGRADATION_NODATA)
    areas.add(0, codes)
    table = areas.table()
    assert [row.pixels for row in table.rows] == [50 * 50, 30 * 50]
    assert table.nodata_pixels == 10 * 50


def test_unknown_codes_are_named_and_leave_no_trace():
    codes = random_codes(UTM)
    wrong = codes.copy()
    wrong[0, :3] = 9
    wrong[1, :2] = 0
    areas = ClassAreas(UTM, LEGEND)
    with pytest.raises(UnmappedCodes, match="0: 2 pixels, 9: 3 pixels"):
        areas.add(0, wrong)
    areas.add(0, codes)
    assert areas.table() == table_of(UTM, codes)


def test_refusals():
    codes = random_codes(UTM)
    areas = ClassAreas(UTM, LEGEND)
    with pytest.raises(WindowError, match="expected"):
        areas.add(0, codes[:, :-1])
    with pytest.raises(WindowError, match="not rows of a grid of 90 rows"):
        areas.add(1, codes)
    with pytest.raises(DtypeMismatch, match="int64"):
        areas.add(0, codes.astype(np.int64))
    areas.add(0, codes[:50])
    with pytest.raises(WindowError, match="counted before"):
        areas.add(49, codes[49:])
    with pytest.raises(WindowError, match="40 of 90 rows"):
        areas.table()

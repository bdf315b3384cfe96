"""Stocks by zone and class against adding up one pixel after the other."""

import numpy as np
import pytest
from affine import Affine
from pyproj import CRS

from indicators.areas import PixelAreas
from indicators.cover.joint_areas import WholePart
from indicators.soilcarbon import zone_stocks
from indicators.soilcarbon.zone_stocks import ZoneStocks
from indicators.zones.placed import ZonePart
from landcover.errors import GridMismatch
from landcover.grid import Grid, Window

RNG = np.random.default_rng(4)
DEGREES = Grid(CRS.from_epsg(4326), Affine(0.01, 0, 13, 0, -0.01, 52), 24, 31)
UTM = Grid(CRS.from_epsg(32633), Affine(300, 0, 400_000, 0, -300, 5_500_000), 24, 31)


def year(shape):
    stock = RNG.uniform(0, 120, shape).astype(np.float32)
    stock[RNG.random(shape) < 0.2] = np.nan
    stock[RNG.random(shape) < 0.1] = -32768
    return RNG.integers(0, 8, shape, dtype=np.uint8), stock


def brute(cover, stock, km2):
    """(tonnes, km2 with, km2 without) of positions 0 to 7, pixel by pixel."""
    found = np.zeros((8, 3))
    for place, value, area in zip(cover.ravel(), stock.ravel().astype(float), km2.ravel(), strict=True):
        known = value >= 0
        found[place] += (value * area * 100, area, 0) if known else (0, 0, area)
    return found


def numbers(table):
    return np.array([(each.tonnes, each.area_km2, each.unknown_km2) for each in table.classes])


def areas_of(grid):
    km2 = PixelAreas(grid).rows(0, grid.height)
    return np.broadcast_to(km2[:, None] if km2.ndim == 1 else km2, (grid.height, grid.width))


@pytest.mark.parametrize("grid", [DEGREES, UTM], ids=["degrees", "utm"])
def test_zones_with_shares_of_pixels(grid, monkeypatch):
    monkeypatch.setattr(zone_stocks, "_CHUNK", 5 * grid.width)  # several chunks, which cut parts
    shape = grid.height, grid.width
    years = [year(shape), year(shape)]
    share = RNG.random((10, 12))
    share[RNG.random(share.shape) < 0.3] = 0
    share[RNG.random(share.shape) < 0.3] = 1
    weight = np.zeros((2, *shape))
    weight[0, 3:13, 4:16] = share
    weight[1, 13:24, 0:31] = 1
    parts = [
        ZonePart(0, Window(3, 4, 10, 12), share),
        ZonePart(1, Window(13, 0, 3, 31), None),
        ZonePart(1, Window(16, 0, 8, 31), None),
    ]
    sums = ZoneStocks(PixelAreas(grid), zones=2)
    for top, bottom in ((0, 16), (16, 24)):
        here = [part for part in parts if top <= part.window.row < bottom]
        sums.add(top, [(cover[top:bottom], stock[top:bottom]) for cover, stock in years], here)
    for zone, tables in enumerate(sums.tables()):
        for table, (cover, stock) in zip(tables, years, strict=True):
            np.testing.assert_allclose(
                numbers(table), brute(cover, stock, areas_of(grid) * weight[zone]), rtol=1e-12, atol=1e-12
            )


def test_without_zones_in_blocks_of_any_order():
    shape = DEGREES.height, DEGREES.width
    cover, stock = year(shape)
    whole, parts = ZoneStocks(PixelAreas(DEGREES), years=1), ZoneStocks(PixelAreas(DEGREES), years=1)
    whole.add(0, [(cover, stock)])
    for rows in (slice(9, 24), slice(0, 9)):
        parts.add(rows.start, [(cover[rows], stock[rows])])
    expected = brute(cover, stock, areas_of(DEGREES))
    for sums in (whole, parts):
        np.testing.assert_allclose(numbers(sums.tables()[0][0]), expected, rtol=1e-12)


def test_tables_add_up():
    shape = DEGREES.height, DEGREES.width
    pair = year(shape)
    sums = ZoneStocks(PixelAreas(DEGREES), zones=2, years=1)
    sums.add(0, [pair], [WholePart(0, Window(0, 0, 24, 10)), WholePart(1, Window(0, 10, 24, 21))])
    (left,), (right,) = sums.tables()
    np.testing.assert_allclose(numbers(left + right), brute(*pair, areas_of(DEGREES)), rtol=1e-12)


def test_rows_that_do_not_fit():
    sums = ZoneStocks(PixelAreas(DEGREES))
    with pytest.raises(GridMismatch, match="expected 2 years"):
        sums.add(0, [year((4, 31))])
    with pytest.raises(GridMismatch, match="31"):
        sums.add(0, [year((4, 30)), year((4, 30))])

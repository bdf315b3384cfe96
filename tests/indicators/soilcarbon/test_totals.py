"""Stocks by class."""

import numpy as np
import pytest

from indicators.soilcarbon.totals import StockTotals
from landcover.errors import DtypeMismatch, GridMismatch, UnmappedCodes

STOCK = np.array([[10, 20, -32768], [30, 40, 50]], np.float32)
COVER = np.array([[1, 2, 1], [7, 255, 1]], np.uint8)


def test_classes_by_hand():
    totals = StockTotals()
    totals.add(STOCK, COVER, np.array([0.5, 2.0]))
    table = totals.table()
    assert [part.code for part in table.classes] == [1, 2, 3, 4, 5, 6, 7, -32768]
    tree = table.classes[0]
    assert (tree.tonnes, tree.area_km2, tree.unknown_km2) == (10 * 50 + 50 * 200, 2.5, 0.5)
    assert tree.tonnes_per_ha == pytest.approx(10_500 / 250)
    assert table.classes[2].tonnes_per_ha is None
    everything, land = table.of(water=True), table.of(water=False)
    assert everything.tonnes == 500 + 10_000 + 1000 + 6000 + 8000
    assert everything.tonnes - land.tonnes == 6000
    assert everything.area_km2 + everything.unknown_km2 == pytest.approx(3 * 0.5 + 3 * 2)


def test_blocks_and_areas_of_pixels():
    rng = np.random.default_rng(0)
    stock, cover = rng.uniform(0, 200, (9, 5)), rng.integers(0, 8, (9, 5))
    stock[0, 0] = np.nan
    km2 = rng.uniform(0.01, 0.02, (9, 5))
    whole, parts = StockTotals(), StockTotals()
    whole.add(stock, cover, km2)
    for rows in (slice(4, 9), slice(0, 4)):
        parts.add(stock[rows], cover[rows], km2[rows])
    for code, a, b in zip(range(1, 8), whole.table().classes, parts.table().classes, strict=False):
        of_class = (cover == code) & ~np.isnan(stock)
        assert a.tonnes == pytest.approx((stock * km2 * 100)[of_class].sum(), rel=1e-12)
        assert a.tonnes == pytest.approx(b.tonnes, rel=1e-12)


def test_bad_blocks_count_nothing():
    totals = StockTotals()
    with pytest.raises(UnmappedCodes, match="8: 1"):
        totals.add(STOCK, np.array([[1, 2, 8], [1, 1, 1]]), np.ones(2))
    with pytest.raises(GridMismatch):
        totals.add(STOCK, COVER, np.ones(3))
    with pytest.raises(GridMismatch):
        totals.add(STOCK, COVER[:1], np.ones(2))
    with pytest.raises(DtypeMismatch):
        totals.add(STOCK > 0, COVER, np.ones(2))
    assert totals.table().of(water=True).tonnes == 0

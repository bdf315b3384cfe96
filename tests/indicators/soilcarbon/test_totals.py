"""Stocks by class."""

import numpy as np
import pytest

from indicators.soilcarbon.totals import stock_table

SUMS = np.zeros((3, 8))
SUMS[:, 0] = 10 * 50 + 50 * 200, 2.5, 0.5
SUMS[:, 1] = 1000, 0.5, 0
SUMS[:, 6] = 6000, 2, 0
SUMS[:, 7] = 8000, 2, 0


def test_classes_by_hand():
    table = stock_table(SUMS)
    assert [part.code for part in table.classes] == [1, 2, 3, 4, 5, 6, 7, -32768]
    tree = table.classes[0]
    assert (tree.tonnes, tree.area_km2, tree.unknown_km2) == (10_500, 2.5, 0.5)
    assert tree.tonnes_per_ha == pytest.approx(10_500 / 250)
    assert table.classes[2].tonnes_per_ha is None
    everything, land = table.of(water=True), table.of(water=False)
    assert everything.tonnes == 10_500 + 1000 + 6000 + 8000
    assert everything.tonnes - land.tonnes == 6000
    assert everything.area_km2 + everything.unknown_km2 == pytest.approx(SUMS[1:].sum())


def test_tables_add_class_by_class():
    both = stock_table(SUMS) + stock_table(2 * SUMS)
    assert both == stock_table(3 * SUMS)

"""Moved area against a loop over pixels."""

import numpy as np
import pytest
from affine import Affine
from pyproj import CRS

from indicators.areas import PixelAreas
from indicators.moves import ClassMoves
from landcover.errors import GridMismatch, UnmappedCodes
from landcover.grid import Grid
from landcover.legends import get_legend

LEGEND = get_legend("unccd7")
GRIDS = {
    "degrees": Grid(CRS.from_epsg(4326), Affine(0.001, 0, 10, 0, -0.001, 60), 70, 40),
    "UTM": Grid(CRS.from_epsg(32636), Affine(10, 0, 5e5, 0, -10, 4e6), 70, 40),
}


def maps(seed=0):
    random = np.random.default_rng(seed)
    before = random.choice(np.array([1, 2, 5, 7, 255], np.uint8), (70, 40))
    after = np.where((random.random(before.shape) < 0.3) & (before != 255), random.integers(1, 5, before.shape), before)
    return before, after.astype(np.uint8)


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_moves_are_those_of_a_loop(grid):
    before, after = maps()
    counter = ClassMoves(grid, LEGEND)
    for start in (40, 0, 20):
        rows = slice(start, 70 if start == 40 else start + 20)
        counter.add(start, before[rows], after[rows])
    areas = PixelAreas(grid).rows(0, 70)
    expected = {}
    for row, col in np.argwhere(before != after).tolist():
        pair = int(before[row, col]), int(after[row, col])
        km2 = areas[row] if areas.ndim == 1 else areas[row, col]
        pixels, area = expected.get(pair, (0, 0.0))
        expected[pair] = pixels + 1, area + km2
    table = counter.table()
    assert {(move.before, move.after): move.pixels for move in table.moves} == {
        pair: pixels for pair, (pixels, _) in expected.items()
    }
    for move in table.moves:
        assert move.area_km2 == pytest.approx(expected[move.before, move.after][1], rel=1e-12)
    assert [move.area_km2 for move in table.moves] == sorted((move.area_km2 for move in table.moves), reverse=True)
    assert table.pixels == int((before != after).sum())
    assert table.area_km2 == pytest.approx(sum(area for _, area in expected.values()))


def test_nothing_moved():
    before, _ = maps()
    counter = ClassMoves(GRIDS["UTM"], LEGEND)
    counter.add(0, before, before)
    assert (counter.table().moves, counter.table().area_km2) == ((), 0)


def test_what_cannot_be_counted_is_refused():
    before, after = maps()
    counter = ClassMoves(GRIDS["UTM"], LEGEND)
    with pytest.raises(GridMismatch):
        counter.add(0, before, after[:-1])
    with pytest.raises(UnmappedCodes):
        counter.add(0, before, np.where(before == 1, 99, before).astype(np.uint8))

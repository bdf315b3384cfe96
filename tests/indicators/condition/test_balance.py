import numpy as np
import pytest

from indicators.codes import NODATA
from indicators.condition.balance import LandTypeBalance, balance, balance_of
from indicators.condition.land import AreaImpossible, land_only
from indicators.condition.status import cell_statuses, gains_and_losses, status
from indicators.joint import BASELINE, FINAL, INITIAL, REGION, SDG, Axis, JointTable, condition_axis, cover_axis
from landcover.errors import ConfigError
from landcover.legends import get_legend

UNCCD7 = get_legend("unccd7")


def table_of(pixels, km2, axes):
    """A joint table from arrays of codes, by brute force."""
    shape = tuple(map(len, axes))
    counts, areas = np.zeros(shape, np.int64), np.zeros(shape)
    for *codes, area in zip(*pixels, km2, strict=True):
        place = tuple(axis.index(int(code)) for axis, code in zip(axes, codes, strict=True))
        counts[place] += 1
        areas[place] += area
    return JointTable(tuple(axes), counts, areas, "test")


@pytest.fixture(scope="module")
def scene():
    """Random pixels: initial and final class, baseline, indicator, area; and their table with axes in another order."""
    rng = np.random.default_rng(4)
    condition_codes = np.array([-1, 0, 1, NODATA], np.int16)
    covers = np.array([*UNCCD7.codes, NODATA])
    initial, final = rng.choice(covers, 3000), rng.choice(covers, 3000)
    baseline, sdg = (rng.choice(condition_codes, 3000, p=[0.3, 0.34, 0.3, 0.06]) for _ in range(2))
    km2 = rng.uniform(0.5, 2, 3000)
    axes = [condition_axis(SDG), cover_axis(FINAL, UNCCD7), cover_axis(INITIAL, UNCCD7), condition_axis(BASELINE)]
    table = table_of((sdg, final, initial, baseline), km2, axes)
    return initial, baseline, sdg, km2, table


def test_cells_have_the_status_of_their_pixels(scene):
    _, baseline, sdg, _, table = scene
    place = [table.axis(name).index for name in (BASELINE, SDG)]
    cells = np.array(cell_statuses(table)).reshape(4, 4)
    found = [cells[place[0](int(b)), place[1](int(s))] for b, s in zip(baseline, sdg, strict=True)]
    np.testing.assert_array_equal(found, status(baseline, sdg))


def test_land_types_are_balanced_one_by_one(scene):
    initial, baseline, sdg, km2, table = scene
    moves = gains_and_losses(status(baseline, sdg))
    found = balance(table)
    assert [row.land_type for row in found.land_types] == [1, 2, 3, 4, 5, 6, NODATA]
    for row in found.land_types:
        here = initial == row.land_type
        assert row.gains_km2 == pytest.approx(km2[here & (moves == 1)].sum(), rel=1e-12)
        assert row.losses_km2 == pytest.approx(km2[here & (moves == -1)].sum(), rel=1e-12)
        assert row.nodata_km2 == pytest.approx(km2[here & (moves == NODATA)].sum(), rel=1e-12)
        assert row.land_km2 == pytest.approx(km2[here].sum(), rel=1e-12)
        assert row.achieved is bool(row.delta_km2 >= 0)
    land = initial != 7
    assert found.sum_of_balances_km2 == pytest.approx((km2 * moves)[land & (moves != NODATA)].sum(), rel=1e-9)
    assert found.caveats[0].slug == "nodata-land"


def test_other_axes_tell_land_types_apart(scene):
    *_, table = scene
    two = JointTable(
        (*table.axes, Axis(REGION, (0, 1))),
        np.stack([table.pixels, table.pixels * 0], axis=-1),
        np.stack([table.km2, table.km2 * 0], axis=-1),
        "test",
    )
    rows = balance(two, by=REGION).land_types
    assert [row.land_type for row in rows] == [0]
    assert rows[0].land_km2 == pytest.approx(land_only(table, []).sum(), rel=1e-12)


def row(land_type, gains, losses, nodata=0.0, land=100.0):
    return LandTypeBalance(land_type=land_type, land_km2=land, gains_km2=gains, losses_km2=losses, nodata_km2=nodata)


def test_the_two_totals_may_differ():
    found = balance_of([row(1, 2, 5), row(2, 9, 1)])
    assert (found.sum_of_balances, found.every_land_type) == (True, False)
    assert (found.sum_of_balances_km2, [each.achieved for each in found.land_types]) == (5.0, [False, True])
    assert balance_of([row(1, 5, 5), row(2, 1, 0)]).every_land_type is True


def test_too_little_data_allows_no_statement():
    empty = row(1, 30, 0, nodata=20.1)
    assert empty.achieved is None
    assert [caveat.slug for caveat in empty.caveats] == ["nodata-land-much"]
    assert row(1, 30, 0, nodata=20.0).achieved is True
    assert balance_of([empty, row(2, 1, 0)]).every_land_type is None
    assert balance_of([empty, row(2, 0, 1)]).every_land_type is False
    assert balance_of([empty, row(2, 0, 1)]).sum_of_balances is True
    assert balance_of([empty]).sum_of_balances is None
    unknown = balance_of([row(1, 1, 0), row(NODATA, 0, 0, nodata=30, land=30)])
    assert unknown.total.nodata_share > 0.2
    assert (unknown.every_land_type, unknown.sum_of_balances) == (None, None)
    assert balance_of([]).every_land_type is None
    assert row(1, 1, 0, nodata=5.0).caveats == ()
    assert row(1, 1, 0, nodata=5.1).caveats[0].slug == "nodata-land"


def test_areas_that_cannot_be():
    with pytest.raises(AreaImpossible, match="gains is -1"):
        row(1, -1, 0)
    with pytest.raises(AreaImpossible, match="nan"):
        row(1, float("nan"), 0)
    with pytest.raises(AreaImpossible, match="land_without"):
        row(1, 60, 50)
    with pytest.raises(AreaImpossible, match="comes 2 times"):
        balance_of([row(1, 1, 1), row(1, 1, 1)])


def test_missing_axes_are_named(scene):
    *_, table = scene
    with pytest.raises(ConfigError, match="no axis 'baseline'"):
        balance(table.over([INITIAL, SDG]))
    with pytest.raises(ConfigError, match="no axis 'initial'"):
        balance(table.over([BASELINE, SDG]))

"""What the page shows against the joint table, summed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from indicators.codes import NODATA
from indicators.joint import FINAL, INITIAL, REGION, SDG, Axis, JointTable, condition_axis, cover_axis
from indicators.transitions import UNCCD7_TRANSITIONS
from landcover.errors import ConfigError
from landcover.legends import get_legend
from serving.report.page import adapter

LEGEND = get_legend("unccd7")


def table(*more, seed=1):
    axes = (*more, cover_axis(INITIAL, LEGEND), cover_axis(FINAL, LEGEND), condition_axis(SDG))
    rng = np.random.default_rng(seed)
    shape = tuple(map(len, axes))
    return JointTable(axes, rng.integers(1, 9, shape), rng.random(shape), "method")


def test_flows_are_the_sums_of_the_table():
    joint = table()
    cover = adapter.cover_change(joint, [UNCCD7_TRANSITIONS], years=4)
    codes = (*LEGEND.codes, NODATA)
    assert cover.codes == codes
    for i, before in enumerate(codes):
        for j, after in enumerate(codes):
            (flow,) = cover.of(before, after)
            assert flow.km2 == pytest.approx(joint.km2[i, j].sum())
            if NODATA in {before, after}:
                assert (flow.sign, flow.is_change) == (NODATA, False)
            else:
                assert flow.sign == UNCCD7_TRANSITIONS.sign(before, after)
                assert flow.unlikely == ((before, after) in UNCCD7_TRANSITIONS.unlikely)
    assert cover.km2 == pytest.approx(joint.km2.sum())


def test_no_data_is_left_out_where_there_is_none():
    joint = table()
    joint.km2[-1] = joint.km2[:, -1] = 0
    assert adapter.cover_change(joint, [UNCCD7_TRANSITIONS], years=4).codes == LEGEND.codes


def test_changes_within_a_year_need_verification():
    cover = adapter.cover_change(table(), [UNCCD7_TRANSITIONS], years=1)
    assert all(flow.unlikely == flow.is_change for flow in cover.flows)


def test_regions_have_their_own_signs():
    other = UNCCD7_TRANSITIONS.edited({(2, 1): -1}, matrix_id="bush", version="1")
    joint = table(Axis(REGION, (0, 1, NODATA)))
    cover = adapter.cover_change(joint, [UNCCD7_TRANSITIONS, other], years=4)
    found = {flow.sign: flow.km2 for flow in cover.of(2, 1)}
    assert found == {
        1: pytest.approx(joint.km2[0, 1, 0].sum()),
        -1: pytest.approx(joint.km2[1, 1, 0].sum()),
        NODATA: pytest.approx(joint.km2[2, 1, 0].sum()),
    }
    (same,) = (flow for flow in cover.of(2, 3) if flow.sign == 1)
    assert same.km2 == pytest.approx(joint.km2[:2, 1, 2].sum())


def test_conditions_without_the_water_of_the_initial_year():
    joint = table()
    whole = adapter.conditions(joint, SDG, 100.0, "total")
    land = adapter.conditions(joint, SDG, 90.0, water=7)
    assert whole.nodata == pytest.approx(joint.km2[:, :, 3].sum())
    assert land.nodata == pytest.approx(joint.km2[:, :, 3].sum() - joint.km2[6, :, 3].sum())
    assert land.degraded == pytest.approx(joint.km2[:, :, 0].sum() - joint.km2[6, :, 0].sum())
    with pytest.raises(ConfigError, match="no axis"):
        adapter.conditions(joint, "lpd", 1.0)


def test_conditions_by_cover():
    joint = table()
    cover = adapter.cover_change(joint, [UNCCD7_TRANSITIONS], years=4)
    found = adapter.cover_conditions(cover, cover.km2)
    signs = np.full((8, 8), NODATA)
    signs[:7, :7] = UNCCD7_TRANSITIONS.signs
    for code in (-1, 0, 1, NODATA):
        assert found.km2(code) == pytest.approx(joint.km2.sum(axis=2)[signs == code].sum())
    assert sum(found.percent(code) for code in found.codes) == pytest.approx(100)
    dry = adapter.cover_conditions(cover, 1.0, "land", water=7)
    assert dry.stable == pytest.approx(found.stable - joint.km2[6, :7].sum())


def test_crosstab():
    joint = table()
    found = adapter.crosstab(joint, SDG, INITIAL)
    assert (found.rows, found.cols) == ((-1, 0, 1, NODATA), (*LEGEND.codes, NODATA))
    assert np.allclose(found.km2, joint.km2.sum(axis=1).T)
    assert found.total(2) == pytest.approx(joint.km2[2].sum())

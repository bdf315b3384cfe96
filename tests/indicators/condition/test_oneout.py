from itertools import product

import numpy as np
import pytest

from indicators.codes import NODATA, OUTSIDE
from indicators.condition.oneout import POLICIES, SINGLE_EVIDENCE, STRICT, nodata_policy, one_out_all_out
from indicators.joint import condition_axis
from landcover.errors import ConfigError, DtypeMismatch, GridMismatch, UnmappedCodes
from tests.landcover.vectors import vector

ROWS = vector("one_out_all_out_64")["rows"]
VARIANT = vector("one_out_all_out_variants")
CASES = [(STRICT, ROWS), (SINGLE_EVIDENCE, VARIANT["rows"])]


def columns(rows):
    return [np.array(column, np.int16) for column in zip(*rows, strict=True)]


@pytest.mark.parametrize(("policy", "rows"), CASES)
def test_all_combinations_are_those_of_the_reference(policy, rows):
    *layers, expected = columns(rows)
    assert len(rows) == len({tuple(row[:3]) for row in rows}) == 64
    found = one_out_all_out(layers, policy=policy)
    assert found.dtype == np.int16
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("policy", "rows"), CASES)
def test_the_table_over_positions_says_the_same(policy, rows):
    axis, table = condition_axis("sdg"), policy.table()
    assert table.dtype == np.uint8
    assert {(axis.codes[table[tuple(map(axis.index, row[:3]))]]) == row[3] for row in rows} == {True}


def test_the_policies_differ_in_three_rows():
    differing = [(*old, new[3], old[3]) for old, new in zip(ROWS, VARIANT["rows"], strict=True) if old[3] != new[3]]
    expected = VARIANT["differs_from_trends_earth"]["rows"]
    assert [[*row[:3], *row[4:]] for row in differing] == expected
    assert np.count_nonzero(STRICT.table() != SINGLE_EVIDENCE.table()) == len(expected) == 3


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_blocks_of_any_shape_and_type(policy):
    rng = np.random.default_rng(3)
    layers = [rng.choice(np.array([-1, 0, 1, NODATA, OUTSIDE], np.int16), (3, 1000, 100)) for _ in range(3)]
    found = one_out_all_out([layers[0].astype(np.int32), *layers[1:]], policy=policy)
    cleaned = [np.where(layer == OUTSIDE, NODATA, layer) for layer in layers]
    table = {tuple(row[:3]): row[3] for row in policy.to_document()["rows"]}
    for place in [(0, 0, 0), (2, 999, 99), (1, 500, 50)]:
        assert found[place] == table[tuple(int(layer[place]) for layer in cleaned)]
    assert found.shape == (3, 1000, 100)


def test_masks_of_a_byte_say_no_data_with_255():
    mask = np.array([0, 1, 255], np.uint8)
    np.testing.assert_array_equal(one_out_all_out([mask]), [0, 1, NODATA])


def test_an_assessment_may_have_fewer_sub_indicators():
    codes = (-1, 0, 1, NODATA)
    pairs = columns(product(codes, repeat=2))
    expected = [NODATA if NODATA in pair else (-1 if -1 in pair else max(pair)) for pair in product(codes, repeat=2)]
    np.testing.assert_array_equal(one_out_all_out(pairs), expected)
    for policy in POLICIES.values():
        np.testing.assert_array_equal(one_out_all_out([np.array(codes, np.int16)], policy=policy), codes)


def test_what_is_refused():
    layer = np.zeros((2, 2), np.int16)
    with pytest.raises(GridMismatch, match=r"\(2, 2\) and \(2, 3\)"):
        one_out_all_out([layer, np.zeros((2, 3), np.int16)])
    with pytest.raises(UnmappedCodes, match="7: 4"):
        one_out_all_out([layer, layer + 7])
    with pytest.raises(DtypeMismatch, match="float64"):
        one_out_all_out([layer.astype(float)])
    for layers in ([], [layer] * 4):
        with pytest.raises(ConfigError, match="1 to 3"):
            one_out_all_out(layers)
    with pytest.raises(ConfigError, match="strict, single_evidence"):
        nodata_policy("lenient")


def test_policies_have_names_for_provenance():
    assert nodata_policy("strict") is STRICT
    assert STRICT.identity.startswith("strict@1#")
    assert STRICT.identity != SINGLE_EVIDENCE.identity
    assert len(STRICT.to_document()["rows"]) == 64

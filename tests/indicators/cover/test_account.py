"""Classes, transitions and degradation of two maps: the published tables cell by cell, and codes without a class."""

from __future__ import annotations

import numpy as np
import pytest

from indicators.cover.account import CoverAccount, MapCodes
from indicators.cover.positions import ClassPositions
from indicators.cover.transition_legend import transition_legend
from indicators.regions import NO_REGION
from indicators.transitions import UNCCD7_TRANSITIONS, TransitionMatrix
from landcover.crosswalks import get_crosswalk
from landcover.errors import ConfigError, DtypeMismatch, GridMismatch, UnmappedCodes
from landcover.legends import get_legend
from tests.landcover.vectors import vector

TABLE = vector("lc_transition_49")
PAIRS = vector("esa_cci_pair_degradation")
REVERSED = UNCCD7_TRANSITIONS.edited({(1, 2): 1, (2, 1): -1, (1, 1): -1}, matrix_id="reversed", version="1")


def account(source="unccd7", matrices=(UNCCD7_TRANSITIONS,), *, target="unccd7", **nodata):
    crosswalk = get_crosswalk(source, target)
    return CoverAccount(ClassPositions(crosswalk, **nodata), ClassPositions(crosswalk, **nodata), matrices)


def rows_of(account, before, after, **region):
    return account.rows(MapCodes(codes=np.atleast_2d(before)), MapCodes(codes=np.atleast_2d(after)), **region)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint16, np.int32, np.int64])
def test_all_49_transitions(dtype):
    cells = TABLE["transitions"]
    before, after = (np.array([cell[key] for cell in cells], dtype) for key in ("initial", "final"))
    found = account()
    rows = rows_of(found, before, after)
    assert rows.degradation.dtype == np.int16
    assert rows.degradation[0].tolist() == [cell["degradation"] for cell in cells]
    assert found.map_codes(rows)[0].tolist() == [cell["map_code"] for cell in cells]
    assert (rows.initial[0] + 1).tolist() == before.tolist()
    assert (rows.final[0] + 1).tolist() == after.tolist()


def test_map_codes_of_the_matrix():
    before, after = (np.array([cell[key] for cell in TABLE["transitions"]]) for key in ("initial", "final"))
    assert UNCCD7_TRANSITIONS.map_codes(before, after).tolist() == [cell["map_code"] for cell in TABLE["transitions"]]
    assert UNCCD7_TRANSITIONS.map_codes(np.array([0, 1]), np.array([1, 255])).tolist() == [-32768, -32768]


def test_edge_cases_without_data():
    cases = TABLE["edge_cases_calc_lc_trans"]
    before, after = (np.array([case[key] for case in cases], np.int16) for key in ("initial", "final"))
    found = account()
    rows = rows_of(found, before, after)
    expected = np.array([case["transition_code"] for case in cases])
    empty = expected == -32768
    assert ((rows.degradation[0] == -32768) == empty).all()
    codes = found.map_codes(rows)[0]
    assert codes[empty].tolist() == expected[empty].tolist()
    assert codes[~empty].tolist() == [code % 10 if code % 11 == 0 else code for code in expected[~empty].tolist()]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16])
def test_all_pairs_of_esa_cci(dtype):
    codes = np.array(PAIRS["codes"], dtype)
    before, after = np.meshgrid(codes, codes, indexing="ij")
    rows = rows_of(account("esa-cci"), before, after)
    np.testing.assert_array_equal(rows.degradation, PAIRS["matrix_rows_2000_cols_2015"])


@pytest.mark.parametrize("width", [1, 2, 3, 4096])
def test_widths_that_are_looked_up_in_pairs_or_not(width):
    random = np.random.default_rng(width)
    before, after = random.integers(1, 8, (2, 67, width), np.uint8)
    found = account()
    rows = rows_of(found, before, after)
    np.testing.assert_array_equal(rows.degradation, UNCCD7_TRANSITIONS.degradation(before, after))
    np.testing.assert_array_equal(found.map_codes(rows), UNCCD7_TRANSITIONS.map_codes(before, after))


def test_a_long_legend_needs_more_than_a_byte_for_a_pair():
    legend = get_legend("esa-cci")
    size = len(legend)
    signs = np.random.default_rng(0).integers(-1, 2, (size, size))
    matrix = TransitionMatrix(
        "long", "1", "esa-cci", tuple(map(tuple, signs.tolist())), (("x",) * size,) * size, frozenset(), "test"
    )
    codes = np.array(legend.codes, np.uint8)
    before, after = np.meshgrid(codes, codes, indexing="ij")
    found = account("esa-cci", [matrix], target="esa-cci")
    rows = rows_of(found, before, after)
    np.testing.assert_array_equal(rows.degradation, signs)
    np.testing.assert_array_equal(found.map_codes(rows), matrix.map_codes(before, after))
    with pytest.raises(ConfigError, match="1369 classes"):
        transition_legend(matrix)


def test_zero_is_a_class_unless_the_file_says_otherwise():
    before = np.array([0, 1, 255], np.uint8)
    rows = rows_of(account("dynamic-world"), before, before)
    assert rows.initial[0].tolist() == [6, 0, 7]
    rows = rows_of(account("dynamic-world", nodata=0), before, before)
    assert rows.initial[0].tolist() == [7, 0, 7]
    assert rows.degradation[0].tolist() == [-32768, 0, -32768]


def test_masks_and_far_nodata():
    codes, valid = np.array([[50, 130]], np.uint8), np.array([[False, True]])
    side = ClassPositions(get_crosswalk("esa-cci"))
    assert side.of(codes, valid=valid).tolist() == [[7, 1]]
    far = ClassPositions(get_crosswalk("esa-cci"), nodata=-(2**31))
    assert far.of(np.array([-(2**31), 50, 70_000], np.int32)).tolist() == [7, 0, 8]
    assert far.strangers == {70_000: 1}


def test_regions_choose_the_matrix():
    random = np.random.default_rng(3)
    before, after = random.integers(1, 8, (2, 30, 41), np.uint8)
    region = random.integers(0, 2, before.shape, np.uint8)
    found = account(matrices=[UNCCD7_TRANSITIONS, REVERSED])
    assert [axis.name for axis in found.axes] == ["initial", "final", "region"]
    rows = rows_of(found, before, after, region=region)
    each = [matrix.degradation(before, after) for matrix in found.matrices]
    np.testing.assert_array_equal(rows.degradation, np.choose(region, each))
    np.testing.assert_array_equal(rows.positions[2], region)


def test_outside_all_regions_there_is_no_matrix():
    codes = np.array([[1, 2, 7, 255]], np.uint8)
    found = account(matrices=[UNCCD7_TRANSITIONS, REVERSED])
    rows = rows_of(found, codes, codes, region=np.array([[0, NO_REGION, 2, 1]], np.uint8))
    assert rows.degradation.tolist() == [[0, -32768, -32768, -32768]]
    assert rows.region.tolist() == [[0, 2, 2, 1]]
    assert found.axes[2].codes == (0, 1, -32768)
    assert found.map_codes(rows).tolist() == [[1, 2, 7, -32768]]


def test_strange_codes_are_counted_to_the_end():
    found = account("worldcover")
    maps = [np.array([[10, 11, 11, 255]], np.uint8), np.array([[10, 10, 10, 10]], np.uint8)]
    assert rows_of(found, maps[1], maps[1]) is not None
    assert found.intact
    assert rows_of(found, maps[1], maps[0]) is None
    assert rows_of(found, maps[1], maps[0]) is None
    assert not found.intact
    with pytest.raises(UnmappedCodes, match=r"'worldcover-to-unccd7' does not have \(code: pixels\): 11: 4"):
        found.refuse_strangers()


def test_signed_bytes_are_told_of():
    found = account("esa-cci")
    codes = np.array([[-126, 50]], np.int8)
    assert rows_of(found, codes, codes) is None
    with pytest.raises(UnmappedCodes, match=r"-126: 1.*gdal_calc"):
        found.refuse_strangers()


def test_what_is_refused():
    with pytest.raises(ConfigError, match="one legend"):
        CoverAccount(
            ClassPositions(get_crosswalk("unccd7")),
            ClassPositions(get_crosswalk("unccd7", "ipcc6")),
            [UNCCD7_TRANSITIONS],
        )
    with pytest.raises(ConfigError, match="one matrix at least"):
        account(matrices=[])
    one = np.ones((2, 3), np.uint8)
    with pytest.raises(GridMismatch, match="one grid"):
        rows_of(account(), one, one[:1])
    with pytest.raises(DtypeMismatch, match="float64"):
        rows_of(account(), one.astype(float), one)
    with pytest.raises(ConfigError, match="regions are for several"):
        rows_of(account(), one, one, region=one)
    with pytest.raises(GridMismatch, match="regions of shape"):
        rows_of(account(matrices=[UNCCD7_TRANSITIONS, REVERSED]), one, one, region=one[:1])


def test_the_legend_of_a_transition_map():
    legend = transition_legend(UNCCD7_TRANSITIONS)
    assert sorted(legend.codes) == sorted(cell["map_code"] for cell in TABLE["transitions"])
    assert legend.by_code(3).color == get_legend("unccd7").by_code(3).color
    assert legend.by_code(23).title == "Grassland to Cropland"

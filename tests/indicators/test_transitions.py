"""The default transition matrix cell by cell against UNCCD's table, and the rules around it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from indicators.transitions import UNCCD7_TRANSITIONS, TransitionMatrix
from landcover.errors import ConfigError, DtypeMismatch, GridMismatch, UnmappedCodes

# PRAIS 4 manual, SO1.md Table 9: process in each cell, * = printed in italics, "unlikely"; the sign is the cell's
# colour. Signs as Trends.Earth computes them for all 49 pairs (te_algorithms, land_deg_numba).
TABLE_9 = """
0 Stable|-1 Vegetation loss|-1 Deforestation|-1 Inundation*|-1 Deforestation|-1 Vegetation loss|0 Stable
1 Afforestation|0 Stable|1 Agricultural expansion|-1 Inundation*|-1 Urban expansion|-1 Vegetation loss|0 Stable
1 Afforestation|-1 Withdrawal of agriculture|0 Stable|-1 Inundation*|-1 Urban expansion|-1 Vegetation loss|0 Stable
-1 Woody encroachment*|-1 Wetland drainage|-1 Wetland drainage|0 Stable|-1 Wetland drainage|-1 Wetland drainage|0 Stable
1 Afforestation*|1 Vegetation establishment|1 Agricultural expansion|1 Wetland establishment|0 Stable|1 Withdrawal of settlements|0 Stable
1 Afforestation|1 Vegetation establishment|1 Agricultural expansion|1 Wetland establishment|-1 Urban expansion|0 Stable|0 Stable
0 Stable|0 Stable|0 Stable|0 Stable|0 Stable|0 Stable|0 Stable
"""  # noqa: E501 (a table)
CELLS = {
    (initial, final): cell.split(" ", 1)
    for initial, row in enumerate(TABLE_9.split("\n")[1:-1], start=1)
    for final, cell in enumerate(row.split("|"), start=1)
}
EMPTY = (-32768, -32767, 0)


@pytest.mark.parametrize("pair", CELLS, ids=str)
def test_every_cell_is_unccds(pair):
    sign, process = CELLS[pair]
    assert UNCCD7_TRANSITIONS.sign(*pair) == int(sign)
    assert UNCCD7_TRANSITIONS.process(*pair) == process.rstrip("*")
    assert (pair in UNCCD7_TRANSITIONS.unlikely) == process.endswith("*")


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int64])
def test_arrays_follow_the_cells(dtype):
    before, after = np.array(list(CELLS), dtype=dtype).T.reshape(2, 7, 7)
    signs = UNCCD7_TRANSITIONS.degradation(before, after)
    codes = UNCCD7_TRANSITIONS.transitions(before, after)
    assert signs.dtype == codes.dtype == np.int16
    assert signs.ravel().tolist() == [int(sign) for sign, _ in CELLS.values()]
    assert codes.ravel().tolist() == [10 * initial + final for initial, final in CELLS]


def test_counts_of_the_table():
    counts = {sign: sum(row.count(sign) for row in UNCCD7_TRANSITIONS.signs) for sign in (-1, 0, 1)}
    assert counts == {-1: 18, 0: 19, 1: 12}


@pytest.mark.parametrize("pair", list(itertools.product((*EMPTY, 1, 7), repeat=2)), ids=str)
def test_no_data_in_either_year(pair):
    before, after = (np.array([code], dtype=np.int16) for code in pair)
    empty = bool(set(pair) & set(EMPTY))
    expected = [-32768] if empty else [10 * pair[0] + pair[1]]
    assert UNCCD7_TRANSITIONS.transitions(before, after).tolist() == expected
    assert (UNCCD7_TRANSITIONS.degradation(before, after)[0] == -32768) == empty


def test_no_data_of_class_maps():
    before, after = np.array([255, 1, 2], np.uint8), np.array([1, 255, 1], np.uint8)
    assert UNCCD7_TRANSITIONS.degradation(before, after).tolist() == [-32768, -32768, 1]


def test_long_arrays_are_cut_without_a_seam():
    draw = np.random.default_rng(0)
    before, after = draw.integers(1, 8, (2, 701, 801)).astype(np.uint8)
    expected = np.array(UNCCD7_TRANSITIONS.signs)[before - 1, after - 1]
    assert np.array_equal(UNCCD7_TRANSITIONS.degradation(before, after[::1]), expected)
    assert np.array_equal(UNCCD7_TRANSITIONS.degradation(before.T, after.T), expected.T)


def test_refuses_what_is_no_pair_of_maps():
    codes = np.ones((2, 3), np.uint8)
    with pytest.raises(GridMismatch, match=r"\(2, 3\) and \(3, 2\)"):
        UNCCD7_TRANSITIONS.degradation(codes, codes.T)
    with pytest.raises(UnmappedCodes, match="8: 6"):
        UNCCD7_TRANSITIONS.degradation(codes, codes + 7)
    with pytest.raises(DtypeMismatch):
        UNCCD7_TRANSITIONS.degradation(codes, codes.astype(float))


def test_an_edited_copy_is_another_matrix():
    drained = UNCCD7_TRANSITIONS.edited({(3, 2): 0, (2, 3): -1}, matrix_id="steppe-pasture", version="1")
    assert [drained.sign(3, 2), drained.sign(2, 3), drained.sign(2, 1)] == [0, -1, 1]
    assert UNCCD7_TRANSITIONS.sign(3, 2) == -1
    assert drained.identity.startswith("steppe-pasture@1#")
    assert drained.identity.split("#")[1] != UNCCD7_TRANSITIONS.identity.split("#")[1]
    with pytest.raises(ConfigError, match="another id"):
        UNCCD7_TRANSITIONS.edited({(3, 2): 0}, matrix_id="unccd7-default", version="1")
    with pytest.raises(ConfigError, match="sign 2"):
        UNCCD7_TRANSITIONS.edited({(3, 2): 2}, matrix_id="x", version="1")
    with pytest.raises(UnmappedCodes):
        UNCCD7_TRANSITIONS.edited({(3, 9): 1}, matrix_id="x", version="1")


def test_longer_legends_take_a_larger_multiplier():
    size = 11  # WorldCover
    matrix = TransitionMatrix(
        "self",
        "1",
        "worldcover",
        ((0,) * size,) * size,
        (("Stable",) * size,) * size,
        frozenset(),
        "made for this test",
    )
    codes = np.array([10, 95, 100], np.uint8)
    assert matrix.multiplier == 100
    assert matrix.transitions(codes, codes[::-1]).tolist() == [111, 1010, 1101]
    with pytest.raises(ConfigError, match="11 x 11"):
        TransitionMatrix("odd", "1", "worldcover", ((0,),), (("Stable",),), frozenset(), "")

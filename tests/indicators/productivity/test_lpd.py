"""Combinations of trend, state and performance, exhaustively against Trends.Earth and SEPAL."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from indicators.joint import PRODUCTIVITY, condition_axis, lpd_axis
from indicators.productivity.lpd import GPG_V1, GPG_V2, LPD_TABLES, PRAIS2026, LpdTable, get_lpd_table
from indicators.productivity.positions import CONDITION_CODES, LPD_CODES
from indicators.productivity.recodes import recode_state, recode_trajectory
from landcover.errors import ConfigError, DtypeMismatch, GridMismatch, UnmappedCodes, WrongUse
from tests.landcover.vectors import vector

COMBINATIONS = vector("lpd_combinations")
VARIANTS = vector("lpd_combination_variants")
TABLE_18 = [
    [row[name] for name in ("trend", "state", "performance", "lpd5", "prod3")]
    for row in COMBINATIONS["table_18_prais_order"]
]


def columns(rows):
    return np.array(rows, np.int16).T


def test_the_18_rows_in_unccds_order():
    assert [list(row) for row in PRAIS2026.rows] == TABLE_18


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64])
def test_all_64_recoded_combinations(dtype):
    trend, state, performance, lpd, three = columns(COMBINATIONS["all_64_recoded"]["rows"]).astype(dtype)
    found = PRAIS2026.combine(trend, state, performance)
    assert len(trend) == 64
    assert [layer.dtype for layer in found] == [np.int16, np.int16]
    np.testing.assert_array_equal(found, [lpd, three])


def test_all_528_raw_combinations():
    rows = columns(COMBINATIONS["exhaustive_raw"]["rows"])
    trend, state = recode_trajectory(rows[0]), recode_state(rows[1])
    lpd, three = PRAIS2026.combine(trend, state, rows[2])
    assert rows.shape[1] == 528
    np.testing.assert_array_equal([trend, state, lpd, three, lpd, three], rows[3:])


@pytest.mark.parametrize(("table", "column"), [(PRAIS2026, 4), (GPG_V1, 5), (GPG_V2, 6)], ids=lambda x: str(x)[:30])
def test_variants(table, column):
    rows = columns(VARIANTS["rows"])
    lpd, three = table.combine(*rows[:3])
    np.testing.assert_array_equal(lpd, rows[3])
    np.testing.assert_array_equal(three, rows[column])


def test_variants_differ_where_they_are_said_to():
    changed = {
        table.id: [n for n, (a, b) in enumerate(zip(PRAIS2026.rows, table.rows, strict=True), start=1) if a != b]
        for table in LPD_TABLES.values()
    }
    assert changed == {"prais2026": [], "gpg_v1": [11], "gpg_v2": [10, 11, 15]}


def test_raw_trajectories():
    """-32767 and the codes beyond -3 to 3 differ from Trends.Earth on purpose."""
    rows = [(row["raw"], row["traj"]) for row in COMBINATIONS["raw_recode_trajectory"]]
    kept = [(raw, code) for raw, code in rows if raw not in {-32767, -4, 4}]
    raw, expected = columns(kept)
    assert len(kept) == len(rows) - 3
    np.testing.assert_array_equal(recode_trajectory(raw), expected)
    assert recode_trajectory(np.array([-32767], np.int16)).tolist() == [-32768]
    with pytest.raises(UnmappedCodes, match=r"-4: 1, 4: 2"):
        recode_trajectory(np.array([4, -4, 4, 0], np.int16))


def test_raw_states():
    raw, expected = columns([(row["raw"], row["state"]) for row in COMBINATIONS["raw_recode_state"]])
    np.testing.assert_array_equal(recode_state(raw), expected)
    with pytest.raises(UnmappedCodes, match="11: 1"):
        recode_state(np.array([11, 10]))


def test_other_marks_of_no_data():
    for mark in (-32767, 255):
        for place in range(3):
            layers = [np.zeros(2, np.int16) for _ in range(3)]
            layers[place][0] = mark
            lpd, three = PRAIS2026.combine(*layers)
            assert (lpd.tolist(), three.tolist()) == ([-32768, 4], [-32768, 0])


@pytest.mark.parametrize("table", LPD_TABLES.values(), ids=LPD_TABLES)
def test_positions_are_those_of_the_joint_tables_axes(table):
    assert lpd_axis().codes == LPD_CODES
    assert condition_axis(PRODUCTIVITY).codes == CONDITION_CODES
    places = np.array(list(itertools.product(range(4), repeat=3)), np.uint8).T
    codes = np.array(CONDITION_CODES)[places]
    found, expected = table.positions(*places), table.combine(*codes)
    np.testing.assert_array_equal(np.array(LPD_CODES)[found[0]], expected[0])
    np.testing.assert_array_equal(np.array(CONDITION_CODES)[found[1]], expected[1])
    assert {layer.dtype for layer in found} == {np.dtype(np.uint8)}


def test_five_classes_to_three():
    assert dict(PRAIS2026.classes_of_lpd) == {1: -1, 2: -1, 3: 0, 4: 0, 5: 1}
    assert PRAIS2026.three_of_lpd(np.arange(6, dtype=np.uint8)).tolist() == [0, 0, 1, 1, 2, 3]


@pytest.mark.parametrize(("table", "ambiguous"), [(GPG_V1, "LPD 2"), (GPG_V2, "LPD 1, 2")], ids=["v1", "v2"])
def test_five_classes_do_not_say_it_under_the_guidance(table, ambiguous):
    with pytest.raises(WrongUse, match=ambiguous):
        table.three_of_lpd(np.zeros(1, np.uint8))


def test_a_table_says_what_it_is():
    documents = [table.to_document() for table in LPD_TABLES.values()]
    assert len({table.identity for table in LPD_TABLES.values()}) == 3
    assert documents[0]["rows"] == TABLE_18
    assert PRAIS2026.identity.startswith("prais2026@1#")
    assert get_lpd_table("gpg_v2") is GPG_V2


def test_bad_tables():
    with pytest.raises(ConfigError, match="no LPD table 'gpg_v3'; known tables are prais2026, gpg_v1, gpg_v2"):
        get_lpd_table("gpg_v3")
    with pytest.raises(ConfigError, match="18 combinations"):
        LpdTable("gap", "1", PRAIS2026.rows[1:], "")
    with pytest.raises(ConfigError, match="18 combinations"):
        LpdTable("twice", "1", (*PRAIS2026.rows[1:], PRAIS2026.rows[1]), "")
    with pytest.raises(ConfigError, match="LPD 1 to 5"):
        replace(PRAIS2026, rows=((1, 1, 0, 6, 1), *PRAIS2026.rows[1:]))


def test_bad_layers():
    layer = np.zeros((2, 2), np.int16)
    with pytest.raises(GridMismatch, match=r"state \(2,\)"):
        PRAIS2026.combine(layer, layer[0], layer)
    with pytest.raises(DtypeMismatch, match="float32"):
        PRAIS2026.combine(layer.astype(np.float32), layer, layer)
    with pytest.raises(UnmappedCodes, match=r"performance layer .*: 7: 4"):
        PRAIS2026.combine(layer, layer, layer + 7)

import numpy as np
import pytest

from indicators.codes import NODATA
from indicators.condition.status import (
    CONDITION_OF,
    MATRIX,
    STATUSES,
    condition,
    gains_and_losses,
    legend,
    status,
    status_table,
)
from indicators.joint import condition_axis
from landcover.errors import GridMismatch, UnmappedCodes
from landcover.labels import LANGUAGES, title
from tests.landcover.vectors import vector

ROWS = vector("status_matrix_16")["rows"]
OLD = vector("progress_legacy_16")["rows"]


def columns(rows):
    return [np.array(column, np.int16) for column in zip(*rows, strict=True)]


def test_status_is_that_of_the_reference_in_all_cases():
    baseline, period, status7, status3, gain_loss = columns(ROWS)
    assert len({tuple(row[:2]) for row in ROWS}) == 16
    found = status(baseline, period)
    assert found.dtype == np.int16
    np.testing.assert_array_equal(found, status7)
    np.testing.assert_array_equal(condition(found), status3)
    np.testing.assert_array_equal(gains_and_losses(found), gain_loss)


def test_the_table_over_positions_says_the_same():
    axis, table = condition_axis("sdg"), status_table()
    codes = (*STATUSES, NODATA)
    assert {codes[table[axis.index(row[0]), axis.index(row[1])]] == row[2] for row in ROWS} == {True}


def test_any_shape_and_other_values_for_no_data():
    baseline = np.tile(np.array([[-1, -32767], [255, 1]], np.int16), (300, 500))
    found = status(baseline, np.full_like(baseline, -1))
    assert found.shape == baseline.shape
    assert found[:2, :2].tolist() == [[1, NODATA], [NODATA, 2]]


def test_the_superseded_rule_is_another_one():
    """The rule "progress" of the process of 2022 is checked as data only: nothing here follows it or reads it.

    To recognise a layer of it takes both assessments it was made of, and Steppe reads no status, only assessments,
    from which it makes the status itself. What is held fast is where the rules part, and so that the matrix is not it.
    """
    baseline, period, _ = columns(OLD)
    assert len({tuple(row[:2]) for row in OLD}) == 16
    new = condition(status(baseline, period))
    parted = {tuple(row[:2]): (row[2], now) for row, now in zip(OLD, new.tolist(), strict=True) if row[2] != now}
    assert parted == {
        (-1, 1): (0, 1),  # degraded, then improved: stable once, improved now
        (NODATA, -1): (-1, NODATA),  # one assessment was enough
        (-1, NODATA): (-1, NODATA),
        (0, NODATA): (0, NODATA),
        (1, NODATA): (1, NODATA),
    }


def test_the_seven_classes_have_names_and_colours():
    assert legend().codes == STATUSES == tuple(sorted(CONDITION_OF))
    assert {cell for row in MATRIX for cell in row} == set(STATUSES)
    names = {title("status7", code, language) for code in STATUSES for language in LANGUAGES}
    assert len(names) == 7 * 6
    assert title("status7", 3) == "Baseline degradation"
    assert legend().by_code(1).color == "#762A83"


def test_what_is_refused():
    with pytest.raises(GridMismatch, match=r"\(2,\).*\(3,\)"):
        status(np.zeros(2, np.int16), np.zeros(3, np.int16))
    with pytest.raises(UnmappedCodes, match="9: 1"):
        status(np.array([9], np.int16), np.array([0], np.int16))
    with pytest.raises(UnmappedCodes, match="8: 2"):
        condition(np.array([8, 8, 1], np.int16))

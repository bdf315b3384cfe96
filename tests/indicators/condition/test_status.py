import numpy as np
import pytest

from indicators.codes import NODATA
from indicators.condition.legacy import progress, uses_progress
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


def test_the_superseded_rule_is_that_of_the_reference():
    baseline, period, expected = columns(OLD)
    np.testing.assert_array_equal(progress(baseline, period), expected)


def test_the_superseded_rule_is_recognised():
    baseline, period, old = columns(OLD)
    new = condition(status(baseline, period))
    assert uses_progress(baseline, period, old)
    assert not uses_progress(baseline, period, new)
    same = old == new
    assert not uses_progress(baseline[same], period[same], old[same])
    mixed = np.where(np.arange(16) < 8, old, new)
    assert not uses_progress(baseline, period, mixed)
    one = np.array([-1], np.int16), np.array([1], np.int16)
    assert uses_progress(*one, np.array([0], np.int16))


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
    with pytest.raises(GridMismatch):
        progress(np.zeros(2, np.int16), np.zeros(3, np.int16))
    with pytest.raises(GridMismatch):
        uses_progress(np.zeros(2, np.int16), np.zeros(2, np.int16), np.zeros(3, np.int16))
    with pytest.raises(UnmappedCodes, match="9: 1"):
        status(np.array([9], np.int16), np.array([0], np.int16))
    with pytest.raises(UnmappedCodes, match="8: 2"):
        condition(np.array([8, 8, 1], np.int16))

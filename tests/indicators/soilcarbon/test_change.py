"""-1, 0 and 1 of changes in percent and of two stocks, exhaustively against Trends.Earth."""

from dataclasses import replace

import numpy as np
import pytest

from indicators.soilcarbon.change import (
    CARBON_RULE,
    condition_of_percent,
    condition_of_stocks,
    percent_change,
    stored_percent,
)
from landcover.errors import ConfigError, DtypeMismatch, GridMismatch
from tests.landcover.vectors import vector

PERCENT = vector("soc_degradation")["recode_percent"]["rows"]
STOCKS = vector("soc_degradation")["from_stocks"]["rows"]

OURS = {(-102, 0): -1, (-32767, 0): -32768}
"""Trends.Earth lets both through as they are: -102 is a loss, and -32767 is no data wherever it is read here."""


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
def test_all_percents(dtype):
    percent, water, theirs = np.array(PERCENT, np.int64).T
    expected = [OURS.get((p, w), code) for p, w, code in PERCENT]
    assert len(PERCENT) == 34
    assert sum(a != b for a, b in zip(expected, theirs.tolist(), strict=True)) == len(OURS)
    found = condition_of_percent(percent.astype(dtype), water=water.astype(bool))
    assert found.dtype == np.int16
    assert found.tolist() == expected


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_all_stocks(dtype):
    initial, final, water, expected = np.array(STOCKS).T
    found = condition_of_stocks(initial.astype(dtype), final.astype(dtype), water=water.astype(bool))
    assert len(STOCKS) == 34
    assert found.tolist() == expected.tolist()


def test_without_water():
    assert condition_of_percent(np.array([-10.0, np.nan, 9.99])).tolist() == [-1, -32768, 0]


@pytest.mark.parametrize("stock", [0.1, 3.3, 47.123, 73.2, 180.7])
def test_a_change_of_exactly_the_threshold_is_one_whatever_the_stock(stock):
    """Ten years of a twentieth of a fifth, summed as stocks are."""
    final = stock
    for _ in range(10):
        final -= stock * (1 - 0.8) / 20
    assert condition_of_stocks(np.array([stock]), np.array([final])).tolist() == [-1]
    assert stored_percent(percent_change(np.array([stock]), np.array([final]))).tolist() == [-10]


@pytest.mark.parametrize(("threshold", "expected"), [(5.5, [-1, -1, 0, 1]), (25, [0, 0, 0, 0]), (100, [0, 0, 0, 0])])
def test_other_thresholds(threshold, expected):
    rule = replace(CARBON_RULE, soc_threshold_percent=threshold)
    assert condition_of_percent(np.array([-20.0, -5.5, 5.4, 6.0]), rule=rule).tolist() == expected
    assert rule.identity != CARBON_RULE.identity


def test_cutting_off_does_not_change_the_class():
    percent = np.concatenate([np.arange(-101, 130, 0.01), [np.nan, 32767.9, 99_999.0]]).round(2)
    stored = stored_percent(percent)
    assert stored[-3:].tolist() == [-32768, 32767, 32767]
    np.testing.assert_array_equal(condition_of_percent(stored), condition_of_percent(percent))
    np.testing.assert_array_equal(stored[:-3], np.trunc(percent[:-3]))


@pytest.mark.parametrize("threshold", [0, -10, 100.1, float("nan")])
def test_bad_thresholds(threshold):
    with pytest.raises(ConfigError, match="expected above 0"):
        replace(CARBON_RULE, soc_threshold_percent=threshold)


def test_bad_layers():
    percent = np.zeros((2, 2), np.int16)
    with pytest.raises(GridMismatch, match="water of shape"):
        condition_of_percent(percent, water=np.zeros(2, np.bool_))
    with pytest.raises(DtypeMismatch):
        condition_of_percent(percent.astype(bool))
    with pytest.raises(GridMismatch, match="stocks of shape"):
        condition_of_stocks(percent, percent[0])

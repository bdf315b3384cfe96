"""Trends against Trends.Earth's own results, scipy, and loops over the pairs of years."""

import itertools
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from indicators.productivity import ndvi
from indicators.productivity.kendall import KENDALL_CRITICAL, critical_values
from indicators.productivity.ndvi import NdviUnfit
from indicators.productivity.trajectory import trajectory
from indicators.productivity.trend_methods import KENDALL, TREND_METHODS, Z196, TrendMethod
from landcover.errors import ConfigError
from tests.indicators.productivity.series import noisy, pixels
from tests.landcover.vectors import vector

TABLE = vector("kendall_critical_values")["table"]
CASES = vector("productivity_trajectory")["cases"]


def column(series):
    return np.array(series, np.int16).reshape(-1, 1, 1)


def slow_s(values):
    return sum(np.sign(int(b) - int(a)) for a, b in itertools.combinations(values, 2))


def slow_slope(years, values):
    mean_t, mean_y = Fraction(sum(map(int, years)), len(years)), Fraction(sum(map(int, values)), len(values))
    pairs = [(int(t) - mean_t, int(y) - mean_y) for t, y in zip(years, values, strict=True)]
    return sum(t * y for t, y in pairs) / sum(t * t for t, _ in pairs)


def slow_code(years, values):
    s, slope = slow_s(values), slow_slope(years, values)
    levels = critical_values(len(values))
    if abs(s) <= levels[0] or abs(slope) <= 10:
        return 0
    return sum(abs(s) >= level for level in levels) * (1 if slope > 0 else -1)


def slow_z(values):
    n, s = len(values), slow_s(values)
    ties = sum(t * (t - 1) * (2 * t + 5) for t in np.unique(values, return_counts=True)[1].tolist())
    variance = (n * (n - 1) * (2 * n + 5) - ties) / 18
    return (abs(s) - 1) * np.sign(s) / math.sqrt(variance) if variance and s else 0.0


def test_every_critical_value():
    assert [row["n"] for row in TABLE] == list(range(4, 60))
    assert [critical_values(row["n"]) for row in TABLE] == [(row["s90"], row["s95"], row["s99"]) for row in TABLE]
    assert len(KENDALL_CRITICAL) == 56


@pytest.mark.parametrize("years", [0, 3, 60])
def test_no_critical_values_beyond(years):
    with pytest.raises(NdviUnfit, match="4 to 59"):
        critical_values(years)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['period'][0]}-{case['kind']}")
def test_every_series_of_trends_earth(case):
    found = trajectory(column(case["annual_ndvi_x10000"]))
    assert found.s.item() == case["mann_kendall_S_direct"]
    assert found.slope.item() == pytest.approx(case["ols_slope"], abs=1e-9)
    assert int(found.slope.item()) == case["slope_int16"]
    assert found.significance.item() == case["significance"]
    assert found.trend.item() == case["trend3"]


def test_s_on_the_critical_value_is_no_trend():
    """abs(S) = 27 with 15 years is the critical value at 90 %: no trend; two pairs more are one at 90 %."""
    rising = [100 * year for year in range(15)]
    found = {}
    for swaps in itertools.product(range(15), repeat=2):
        series = rising.copy()
        series.insert(swaps[0], series.pop(swaps[1]))
        series = [*reversed(series[:8]), *series[8:]]
        result = trajectory(column(series))
        found[abs(result.s.item())] = result.significance.item()
    assert found[27] == 0
    assert found[29] == 1


@pytest.mark.parametrize(("slope", "code"), [(10, 0), (11, 3), (-10, 0), (-11, -3), (0, 0)])
def test_small_slopes_are_none(slope, code):
    found = trajectory(column([3000 + slope * year for year in range(16)]))
    assert (found.slope.item(), found.significance.item()) == (slope, code)


@pytest.mark.parametrize("years", [4, 15, 16, 59])
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_against_loops(years, missing):
    stack = noisy(years, seed=years, missing=missing)
    loose = replace(KENDALL, version="loose", max_missing_years=years)
    found, by_z = trajectory(stack, loose), trajectory(stack, replace(Z196, max_missing_years=years))
    for place, there, values in pixels(stack):
        if len(values) < 4:
            assert found.significance[place] == by_z.trend[place] == -32768
            assert np.isnan(found.slope[place])
            continue
        z = slow_z(values.tolist())
        assert found.s[place] == slow_s(values.tolist())
        assert found.slope[place] == pytest.approx(float(slow_slope(there, values)), abs=1e-12)
        assert found.significance[place] == slow_code(there, values)
        assert by_z.trend[place] == (np.sign(z) if abs(z) > 1.96 else 0)


@pytest.mark.needs("scipy")
def test_against_scipy():
    from scipy import stats  # noqa: PLC0415 (only where it is installed)

    stack = noisy(16, seed=3)
    found = trajectory(stack)
    for place, years, values in pixels(stack):
        line, tau = stats.linregress(years, values), stats.kendalltau(years, values)
        assert found.slope[place] == pytest.approx(line.slope, abs=1e-9)
        # Kendall's tau-b has the sign of S, and counts ties in its denominator only.
        assert np.sign(found.s[place]) == np.sign(tau.statistic)
        ties = sum(t * (t - 1) // 2 for t in np.unique(values, return_counts=True)[1].tolist())
        assert found.s[place] == pytest.approx(tau.statistic * math.sqrt((120 - ties) * 120), abs=1e-6)


def test_the_two_methods_have_names():
    assert set(TREND_METHODS) == {"kendall", "z196"}
    assert KENDALL.identity != Z196.identity
    with pytest.raises(ConfigError, match="known methods are kendall, z196"):
        TrendMethod("restrend", "1", 10, 0, "")
    with pytest.raises(ConfigError, match="0 or more"):
        replace(KENDALL, max_missing_years=-1)


@pytest.mark.parametrize("method", TREND_METHODS.values(), ids=TREND_METHODS)
def test_a_missing_year_is_no_data(method):
    stack = noisy(16)
    stack[5, 1, 2] = -32768
    found = trajectory(stack, method)
    assert np.argwhere(found.trend == -32768).tolist() == [[1, 2]]
    assert found.significance[1, 2] == -32768
    assert found.s[1, 2] == 0
    assert np.argwhere(np.isnan(found.slope)).tolist() == [[1, 2]]


@pytest.mark.parametrize("method", TREND_METHODS.values(), ids=TREND_METHODS)
def test_blocks_do_not_matter(method, monkeypatch):
    stack = noisy(16, rows=8, cols=9, missing=0.01)
    whole = trajectory(stack, method)
    parts = [trajectory(stack[:, rows], method) for rows in (slice(0, 3), slice(3, 8))]
    monkeypatch.setattr(ndvi, "_CHUNK", 5)
    pieces = trajectory(stack, method)
    for name in ("slope", "s", "significance", "trend"):
        np.testing.assert_array_equal(getattr(whole, name), np.concatenate([getattr(p, name) for p in parts]))
        np.testing.assert_array_equal(getattr(whole, name), getattr(pieces, name))


def test_dtypes_and_the_input_is_left_alone():
    stack = noisy(10)
    stack.flags.writeable = False
    found = trajectory(stack)
    assert (found.slope.dtype, found.s.dtype, found.significance.dtype, found.trend.dtype) == (
        np.float64,
        np.int16,
        np.int16,
        np.int16,
    )
    assert trajectory(stack[:, :0]).trend.shape == (0, 7)


@pytest.mark.parametrize(
    ("stack", "words"),
    [
        (np.zeros((16, 4), np.int16), "year, row, col"),
        (np.zeros((0, 4, 4), np.int16), "year, row, col"),
        (np.zeros((16, 4, 4), np.float32), "expected int16"),
        (np.zeros((16, 4, 4), np.complex64), "integers or floats"),
        (np.zeros((3, 4, 4), np.int16), "4 to 59"),
        (np.zeros((60, 4, 4), np.int16), "4 to 59"),
    ],
)
def test_bad_stacks(stack, words):
    with pytest.raises(NdviUnfit, match=words):
        trajectory(stack)

"""State against Trends.Earth's own results, and against numpy's percentiles in fractions."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from indicators.productivity import ndvi
from indicators.productivity.ndvi import NdviUnfit
from indicators.productivity.state import STATE, state
from landcover.errors import ConfigError
from tests.indicators.productivity.series import noisy
from tests.landcover.vectors import vector

CASES = vector("productivity_state")["cases"]


def slow(history, recent):
    """Classes and change of one pixel, as the rule reads."""
    history, recent = [int(y) for y in history if y != -32768], [int(y) for y in recent if y != -32768]
    spread = Fraction(max(history) - min(history), 20)
    values = sorted([*map(Fraction, history), min(history) - spread, max(history) + spread])
    cuts = []
    for tenth in range(1, 10):
        rank = Fraction(tenth * (len(values) - 1), 10)
        low = rank.numerator // rank.denominator
        cuts.append(values[low] + (values[low + 1] - values[low]) * (rank - low))
    means = [Fraction(sum(window), len(window)) for window in (history, recent)]
    classes = [1 + sum(cut < mean for cut in cuts) for mean in means]
    change = 0 if abs(means[0] - means[1]) <= 100 else classes[1] - classes[0]
    return [*classes, change, -1 if change <= -2 else int(change >= 2)]


def rows(found):
    return np.stack([found.historical, found.recent, found.change, found.state])


def test_every_series_of_trends_earth():
    stack = np.array([case["annual_ndvi_x10000"] for case in CASES], np.int16).T[:, None]
    names = ("class_baseline", "class_target", "class_change", "state3")
    expected = np.array([[case[name] for case in CASES] for name in names])
    assert len(CASES) == 108
    np.testing.assert_array_equal(rows(state(stack))[:, 0], expected)


@pytest.mark.parametrize(("historical", "recent"), [(13, 3), (5, 2), (1, 1)])
@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_against_fractions(historical, recent, missing):
    stack = noisy(historical + recent, rows=6, cols=8, seed=historical, missing=missing)
    method = replace(STATE, historical_years=historical, recent_years=recent, max_missing_years=2)
    found = rows(state(stack, method))
    for place in np.ndindex(stack.shape[1:]):
        windows = stack[:historical, *place], stack[historical:, *place]
        gone = [int((window == -32768).sum()) for window in windows]
        if any(n > 2 or n == len(w) for n, w in zip(gone, windows, strict=True)):
            assert found[:, *place].tolist() == [-32768] * 4
        else:
            assert found[:, *place].tolist() == slow(*windows)


def test_linear_percentiles_of_numpy():
    stack = noisy(16, seed=9)
    history = stack[:13].astype(float)
    spread = (history.max(axis=0) - history.min(axis=0)) * 0.05
    extended = np.concatenate([history, [history.min(axis=0) - spread], [history.max(axis=0) + spread]])
    cuts = np.percentile(extended, range(10, 100, 10), axis=0)
    expected = 1 + (cuts < history.mean(axis=0)).sum(axis=0)
    np.testing.assert_array_equal(state(stack).historical, expected)


@pytest.mark.parametrize(("step", "change"), [(100, 0), (-100, 0), (101, 9), (-101, -1)])
def test_means_a_hundredth_apart_are_alike(step, change):
    """A history of equal years has its cut points on its mean, which is not strictly below itself."""
    history = [3000] * 13 if step > 0 else [2994, *[3000] * 11, 3006]
    found = state(np.array([*history, *[3000 + step] * 3], np.int16).reshape(-1, 1, 1))
    assert found.change.item() == change


def test_the_last_years_count():
    stack = noisy(20)
    np.testing.assert_array_equal(rows(state(stack)), rows(state(stack[4:])))


def test_a_missing_year_is_no_data():
    stack = noisy(16)
    stack[0, 0, 0] = stack[15, 2, 3] = -32768
    assert np.argwhere(state(stack).state == -32768).tolist() == [[0, 0], [2, 3]]


def test_blocks_do_not_matter(monkeypatch):
    stack = noisy(16, rows=8, cols=9, missing=0.02)
    whole = rows(state(stack))
    np.testing.assert_array_equal(whole, np.concatenate([rows(state(stack[:, :3])), rows(state(stack[:, 3:]))], axis=1))
    monkeypatch.setattr(ndvi, "_CHUNK", 5)
    np.testing.assert_array_equal(whole, rows(state(stack)))


def test_bad_stacks_and_methods():
    with pytest.raises(NdviUnfit, match="15 years: the state needs 13 historical and 3 recent"):
        state(noisy(15))
    with pytest.raises(NdviUnfit, match="expected int16"):
        state(noisy(16).astype(np.int32))
    with pytest.raises(ConfigError, match="0 recent years"):
        replace(STATE, recent_years=0)
    with pytest.raises(ConfigError, match="expected 1 to 59 years"):
        replace(STATE, historical_years=60)
    with pytest.raises(ConfigError, match="expected 0 to 20000"):
        replace(STATE, min_change=-1)
    assert replace(STATE, recent_years=4).identity != STATE.identity

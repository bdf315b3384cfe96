"""The line through what calls took: beside numpy's least squares."""

import numpy as np
import pytest

from serving.batching.cost import FORGET, KEPT, Costs, Line

SHAPE = (4, 32, 32)


def learned(calls):
    line = Line()
    for windows, seconds in calls:
        line.add(windows, seconds)
    return line


@pytest.mark.parametrize("seed", range(5))
def test_the_fixed_share_is_that_of_weighted_least_squares(seed):
    random = np.random.default_rng(seed)
    windows = random.integers(1, 33, 60)
    seconds = 0.003 + 0.0002 * windows + random.normal(0, 1e-4, 60)
    # polyfit squares its weights.
    weights = FORGET ** (np.arange(60)[::-1] / 2)
    each, fixed = np.polyfit(windows, seconds, 1, w=weights)
    found = learned(zip(windows.tolist(), seconds.tolist(), strict=True)).fixed_share(5)
    assert found == pytest.approx(fixed / (fixed + 5 * each), rel=1e-9)


def test_nothing_is_said_of_calls_that_were_alike_or_few():
    assert learned([(4, 0.01)] * 50).fixed_share(4) == 0
    assert learned([(1, 0.01), (8, 0.011)] * 3).fixed_share(1) == 0
    assert Costs().fixed_share(SHAPE, 1) == 0


@pytest.mark.parametrize(("fixed", "each", "share"), [(0.01, 0, 1), (0, 0.01, 0), (0, -1, 0), (0, 0, 0), (9, -1, 1)])
def test_shares_stay_shares(fixed, each, share):
    calls = [(windows, fixed + each * windows) for windows in (1, 2, 4, 8)]
    assert learned(calls * 4).fixed_share(3) == pytest.approx(share, abs=1e-9)


def test_what_was_long_ago_is_forgotten():
    line = learned([(n, 1.0) for n in (1, 2, 4, 8)] * 50 + [(n, 0.5 * n) for n in (1, 2, 4, 8)] * 100)
    assert line.fixed_share(1) < 0.01


def test_shapes_have_lines_of_their_own_and_not_for_ever():
    costs = Costs()
    for _ in range(4):
        for windows in (1, 2, 4, 8):
            costs.add(SHAPE, windows, 1.0)
            costs.add((4, 64, 64), windows, windows)
    assert costs.fixed_share(SHAPE, 2) == pytest.approx(1)
    assert costs.fixed_share((4, 64, 64), 2) == pytest.approx(0, abs=1e-9)
    for side in range(KEPT):
        costs.add((1, side, side), 1, 1.0)
    assert costs.fixed_share(SHAPE, 2) == 0

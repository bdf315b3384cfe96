"""The seam score against counting every pair of neighbouring windows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landcover.seams import SeamCounter, SeamScore
from landcover.tiling import ALIGNMENT, TilePlan


def numbers(plan):
    return [(row, col) for row in range(len(plan.rows.origins)) for col in range(len(plan.cols.origins))]


def counted(plan, classes, valid):
    """Pairs counted on arrays as large as the scene; ``classes`` by place of the window."""
    pixels = different = 0
    for row, col in classes:
        for other in ((row, col + 1), (row + 1, col)):
            if other in classes:
                one, two = (np.full(valid.shape, -1) for _ in range(2))
                for place, array in (((row, col), one), (other, two)):
                    top, left = plan.rows.origins[place[0]], plan.cols.origins[place[1]]
                    array[top : top + plan.rows.tile, left : left + plan.cols.tile] = classes[place]
                both = (one >= 0) & (two >= 0) & valid
                pixels += np.count_nonzero(both)
                different += np.count_nonzero(both & (one != two))
    return SeamScore(pixels, different)


@settings(max_examples=60)
@given(
    height=st.integers(1, 220),
    width=st.integers(1, 220),
    tile=st.integers(1, 4),
    overlap=st.integers(0, 3),
    seed=st.integers(0, 99),
    empty=st.integers(0, 3),
)
def test_the_score_counts_every_pair_of_neighbours(height, width, tile, overlap, seed, empty):
    plan = TilePlan(height, width, tile * ALIGNMENT, min(overlap, tile - 1) * ALIGNMENT)
    random = np.random.default_rng(seed)
    valid = np.zeros((plan.rows.origins[-1] + plan.rows.tile, plan.cols.origins[-1] + plan.cols.tile), bool)
    valid[:height, :width] = random.random((height, width)) < 0.7
    valid[: empty * ALIGNMENT, empty * ALIGNMENT :] = False  # some windows have no valid pixel and are left out
    counter, classes = SeamCounter(plan), {}
    for row, col in numbers(plan):
        top, left = plan.rows.origins[row], plan.cols.origins[col]
        part = valid[top : top + plan.rows.tile, left : left + plan.cols.tile]
        if part.any():
            window = random.random((3, plan.rows.tile, plan.cols.tile)).astype(np.float32)
            classes[row, col] = window.argmax(axis=0)
            counter.add(row, col, window, part)
    assert counter.score == counted(plan, classes, valid)


def test_windows_that_agree_score_zero_and_a_single_window_has_no_score():
    plan = TilePlan(100, 100, 64, 32)
    window = np.random.default_rng(0).random((3, 1, 1)).astype(np.float32) * np.ones((3, 64, 64), np.float32)
    counter = SeamCounter(plan)
    for row, col in numbers(plan):
        counter.add(row, col, window, np.ones((64, 64), bool))
    assert counter.score.share == 0
    assert counter.score.pixels > 0
    assert SeamScore(8, 2).share == pytest.approx(0.25)
    assert SeamScore().share is None


def test_windows_that_wait_for_one_left_out_are_forgotten():
    plan = TilePlan(3000, 200, 64, 32)
    window = np.full((2, 64, 64), 0.5, np.float32)
    counter = SeamCounter(plan)
    held = []
    for row, col in numbers(plan):
        if (row + col) % 2 == 0:  # of a chequerboard no window has a neighbour
            counter.add(row, col, window.copy(), np.ones((64, 64), bool))
            held.append(len(counter._lower) + len(counter._right))
    assert counter.score == SeamScore()
    assert max(held) <= 2 * len(plan.cols.origins)

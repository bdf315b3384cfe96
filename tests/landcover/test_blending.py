"""Streaming blending against the straightforward whole-scene sum."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from landcover.blending import Blender
from landcover.tiling import ALIGNMENT, TilePlan, round_up

PLANS = {
    "height": st.integers(1, 260),
    "width": st.integers(1, 260),
    "tile": st.integers(1, 4),
    "overlap": st.integers(0, 3),
    "seed": st.integers(0, 99),
}


def random_windows(plan, seed):
    random = np.random.default_rng(seed)
    shape = plan.rows.tile, plan.cols.tile
    return [random.dirichlet(np.ones(3), shape).transpose(2, 0, 1).astype(np.float32) for _ in plan.windows()]


def stream(plan, windows_KHW, *, left_out=()):
    """Blend the given windows and put the blocks together; what no block holds is NaN."""
    blender = Blender(plan, classes=3)
    blended = np.full((3, plan.padded_height, plan.padded_width), np.nan)
    numbers = [(row, col) for row in range(len(plan.rows.origins)) for col in range(len(plan.cols.origins))]
    for place, window_KHW in zip(numbers, windows_KHW, strict=True):
        if place not in left_out:
            block = blender.add(*place, window_KHW.copy())
            assert np.isnan(blended[:, block.rows, block.cols]).all()  # no pixel twice
            blended[:, block.rows, block.cols] = block.probabilities_KHW
    return blended


def whole(plan, windows_KHW):
    """The same in float64 with full-size accumulators."""
    shape = round_up(plan.height), round_up(plan.width)
    total, weights = np.zeros((3, *shape)), np.zeros(shape)
    places = [(row, col) for row in plan.rows.weights() for col in plan.cols.weights()]
    for window, (row, col), probabilities in zip(plan.windows(), places, windows_KHW, strict=True):
        total[:, window.rows, window.cols] += probabilities * np.outer(row, col)
        weights[window.rows, window.cols] += np.outer(row, col)
    np.testing.assert_allclose(weights, 1, atol=1e-6)
    return total[:, : plan.height, : plan.width]


@settings(max_examples=60)
@given(**PLANS)
def test_streamed_blocks_equal_the_whole_scene_blend(height, width, tile, overlap, seed):
    plan = TilePlan(height, width, tile * ALIGNMENT, min(overlap, tile - 1) * ALIGNMENT)
    windows = random_windows(plan, seed)
    blended = stream(plan, windows)
    np.testing.assert_allclose(blended, whole(plan, windows), atol=2e-6)
    np.testing.assert_allclose(blended.sum(axis=0), 1, atol=1e-5)


@settings(max_examples=60)
@given(**PLANS, data=st.data())
def test_windows_left_out_change_nothing_outside_of_them(height, width, tile, overlap, seed, data):
    plan = TilePlan(height, width, tile * ALIGNMENT, min(overlap, tile - 1) * ALIGNMENT)
    windows, places = random_windows(plan, seed), list(plan.windows())
    numbers = [(row, col) for row in range(len(plan.rows.origins)) for col in range(len(plan.cols.origins))]
    left_out = data.draw(st.sets(st.sampled_from(numbers)))
    outside = np.ones((height, width), bool)
    for place, window in zip(numbers, places, strict=True):
        if place in left_out:
            outside[window.rows, window.cols] = False
    everything, some = stream(plan, windows), stream(plan, windows, left_out=left_out)
    assert np.array_equal(some[:, outside], everything[:, outside])


def test_windows_that_agree_blend_to_the_same_value_everywhere():
    plan = TilePlan(200, 170, 64, 32)
    window = np.full((3, plan.rows.tile, plan.cols.tile), 1 / 3, dtype=np.float32)
    np.testing.assert_allclose(stream(plan, [window] * len(list(plan.windows()))), 1 / 3, rtol=1e-6)

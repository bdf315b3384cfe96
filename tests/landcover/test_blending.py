"""Streaming blending against the straightforward whole-scene sum."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from landcover.blending import RowBlender
from landcover.tiling import ALIGNMENT, TilePlan, round_up, taper


def stream(plan, windows_KHW):
    """Blend the given windows and stack what comes out."""
    blender = RowBlender(plan, classes=3)
    rows, position = [], iter(windows_KHW)
    for _ in plan.row_origins:
        for col in plan.col_origins:
            blender.add(col, next(position))
        start, part = blender.finish_row()
        rows.append((start, part.copy()))
    return rows


def whole(plan, windows_KHW):
    """The same in float64 with full-size accumulators."""
    shape = round_up(plan.height), round_up(plan.width)
    total, weights = np.zeros((3, *shape)), np.zeros(shape)
    row_weights = taper(plan.tile_height, min(plan.overlap, plan.tile_height)).astype(float)
    window_weights = np.outer(row_weights, taper(plan.tile_width, min(plan.overlap, plan.tile_width)))
    for window, probabilities in zip(plan.windows(), windows_KHW, strict=True):
        total[:, window.rows, window.cols] += probabilities * window_weights
        weights[window.rows, window.cols] += window_weights
    assert weights[: plan.height, : plan.width].min() > 0
    return (total[:, : plan.height, : plan.width]) / weights[: plan.height, : plan.width]


@settings(max_examples=40)
@given(
    height=st.integers(1, 260),
    width=st.integers(1, 260),
    tile=st.integers(1, 4),
    overlap=st.integers(0, 3),
    seed=st.integers(0, 99),
)
def test_streamed_rows_equal_the_whole_scene_blend(height, width, tile, overlap, seed):
    plan = TilePlan(height, width, tile * ALIGNMENT, min(overlap, tile - 1) * ALIGNMENT)
    random = np.random.default_rng(seed)
    windows = [
        random.dirichlet(np.ones(3), (plan.tile_height, plan.tile_width)).transpose(2, 0, 1).astype(np.float32)
        for _ in plan.windows()
    ]
    rows = stream(plan, windows)
    assert [start for start, _ in rows] == list(plan.row_origins)
    blended = np.concatenate([part for _, part in rows], axis=1)
    assert blended.shape == (3, height, width)
    np.testing.assert_allclose(blended, whole(plan, windows), rtol=2e-5)
    np.testing.assert_allclose(blended.sum(axis=0), 1, atol=1e-5)


def test_windows_that_agree_blend_to_the_same_value_everywhere():
    plan = TilePlan(200, 170, 64, 32)
    window = np.full((3, 64, 64), 1 / 3, dtype=np.float32)
    for _, part in stream(plan, [window] * len(list(plan.windows()))):
        np.testing.assert_allclose(part, 1 / 3, rtol=1e-6)

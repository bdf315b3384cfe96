"""The tiling covers every pixel, whatever the size."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landcover.errors import WindowError
from landcover.tiling import ALIGNMENT, FLATTEST, MARGIN, ROW_PIXELS, TilePlan, cut, mirror, round_up, taper

SIDES = st.integers(1, 700)
PLANS = st.tuples(st.integers(1, 6), st.integers(0, 5)).filter(lambda pair: pair[1] < pair[0])


@given(height=SIDES, width=SIDES, sizes=PLANS, margin=st.integers(0, 3))
def test_every_pixel_is_covered_and_windows_are_aligned(height, width, sizes, margin):
    tile, overlap = sizes[0] * ALIGNMENT, sizes[1] * ALIGNMENT
    plan = TilePlan(height, width, tile, overlap, margin * ALIGNMENT)
    covered = np.zeros((round_up(plan.padded_height), round_up(plan.padded_width)), dtype=int)
    for window in plan.windows():
        assert (window.height, window.width) == (plan.rows.tile, plan.cols.tile)
        assert window.row % ALIGNMENT == window.col % ALIGNMENT == 0
        covered[window.rows, window.cols] += 1
        assert window.row_stop <= round_up(plan.padded_height)
        assert window.col_stop <= round_up(plan.padded_width)
    assert covered[: plan.padded_height, : plan.padded_width].min() >= 1


@given(length=st.integers(1, 3000), sizes=PLANS)
def test_windows_are_few_small_and_share_at_least_the_overlap(length, sizes):
    tile, overlap = sizes[0] * ALIGNMENT, sizes[1] * ALIGNMENT
    axis = cut(length, tile, overlap)
    count, gaps = len(axis.origins), np.diff(axis.origins)
    assert axis.tile <= tile
    assert axis.tile % ALIGNMENT == 0
    assert axis.origins[0] == 0
    assert axis.origins[-1] + axis.tile == round_up(length)
    assert (gaps > 0).all()
    assert (gaps <= axis.tile - overlap).all()
    # One window less could not cover the side, and neither could windows of 32 pixels less.
    assert (count - 1) * tile - max(count - 2, 0) * overlap < round_up(length)
    assert count * (axis.tile - ALIGNMENT) - (count - 1) * overlap < round_up(length)


@given(length=st.integers(1, 3000), sizes=PLANS)
def test_weights_are_positive_and_sum_to_one_at_every_pixel(length, sizes):
    axis = cut(length, sizes[0] * ALIGNMENT, sizes[1] * ALIGNMENT)
    total = np.zeros(round_up(length))
    for origin, weights in zip(axis.origins, axis.weights(), strict=True):
        assert weights.shape == (axis.tile,)
        assert weights.min() > 0
        total[origin : origin + axis.tile] += weights
    np.testing.assert_allclose(total, 1, atol=3e-7)


@given(length=st.integers(1, 3000), sizes=PLANS)
def test_finished_pixels_follow_each_other_without_gap(length, sizes):
    axis = cut(length, sizes[0] * ALIGNMENT, sizes[1] * ALIGNMENT)
    parts = [axis.finished(index) for index in range(len(axis.origins))]
    assert parts[0].start == 0
    assert parts[-1].stop == length
    assert all(before.stop == after.start for before, after in pairwise(parts))
    assert all(part.start < part.stop for part in parts)


@given(length=st.integers(1, 600))
def test_taper_and_its_mirror_image_sum_to_one(length):
    rising = taper(length)
    assert 0 < rising.min() <= rising.max() < 1
    np.testing.assert_allclose(rising + rising[::-1], 1, atol=1e-12)


@given(start=st.integers(-300, 0), stop=st.integers(1, 300), size=st.integers(1, 90))
def test_mirror_is_numpys_symmetric_padding(start, stop, size):
    padded = np.pad(np.arange(size), (-start, max(stop - size, 0)), mode="symmetric")
    assert np.array_equal(mirror(start, stop, size), padded[: stop - start])


@pytest.mark.parametrize(
    ("height", "width", "tile", "overlap", "says"),
    [
        (0, 5, 64, 32, "0 x 5"),
        (5, 5, 50, 0, "tile of 50"),
        (5, 5, 64, 64, "overlap of 64"),
        (5, 5, 64, 10, "overlap of 10"),
        (5, 5, 64, -32, "overlap of -32"),
    ],
)
def test_impossible_plans_are_refused_with_the_numbers(height, width, tile, overlap, says):
    with pytest.raises(WindowError, match=says):
        TilePlan(height, width, tile, overlap)


def test_a_sentinel_2_tile_is_cut_as_expected():
    plan = TilePlan(10980, 10980, 512, 32)
    assert len(plan.rows.origins) == len(plan.cols.origins) == 23
    assert plan.rows.origins[-1] + 512 == round_up(10980)
    assert plan.redundancy == pytest.approx((23 * 512 / 10980) ** 2)


def test_a_sentinel_2_tile_gets_the_flattest_windows():
    plan = TilePlan(10980, 10980, 768, 32, MARGIN)
    assert plan.rows.tile == FLATTEST
    assert plan.redundancy == pytest.approx(1.125, abs=5e-4)


@given(
    height=st.integers(1, 5000),
    width=st.integers(5000, 10**6),
    sizes=st.sampled_from([(768, 32), (1024, 512), (96, 0)]),
)
def test_wide_grids_get_flat_windows(height, width, sizes):
    plan = TilePlan(height, width, *sizes, margin=ALIGNMENT)
    tile, overlap = sizes
    least = min(tile, max(FLATTEST, overlap + ALIGNMENT))
    assert plan.rows.tile <= max(ROW_PIXELS // plan.padded_width, least)
    assert plan.cols.tile <= tile
    narrow = TilePlan(height, 100, *sizes, margin=ALIGNMENT)
    assert plan.rows.tile <= narrow.rows.tile
    if tile * plan.padded_width <= ROW_PIXELS:
        assert plan.rows == narrow.rows


def test_a_scene_a_little_larger_than_a_window_is_not_computed_twice():
    assert TilePlan(700, 700, 640, 64).redundancy < 1.25

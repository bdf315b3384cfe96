"""The tiling covers every pixel, whatever the size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landcover.errors import WindowError
from landcover.tiling import ALIGNMENT, TilePlan, mirror, round_up, taper

SIDES = st.integers(1, 700)
PLANS = st.tuples(st.integers(1, 6), st.integers(0, 5)).filter(lambda pair: pair[1] < pair[0])


@given(height=SIDES, width=SIDES, sizes=PLANS, margin=st.integers(0, 3))
def test_every_pixel_is_covered_and_windows_are_aligned(height, width, sizes, margin):
    tile, overlap = sizes[0] * ALIGNMENT, sizes[1] * ALIGNMENT
    plan = TilePlan(height, width, tile, overlap, margin * ALIGNMENT)
    covered = np.zeros((round_up(plan.padded_height), round_up(plan.padded_width)), dtype=int)
    for window in plan.windows():
        assert (window.height, window.width) == (plan.tile_height, plan.tile_width)
        assert window.row % ALIGNMENT == window.col % ALIGNMENT == 0
        covered[window.rows, window.cols] += 1
        assert window.row_stop <= round_up(plan.padded_height)
        assert window.col_stop <= round_up(plan.padded_width)
    assert covered[: plan.padded_height, : plan.padded_width].min() >= 1


@given(length=SIDES, sizes=PLANS)
def test_neighbours_share_at_least_the_overlap(length, sizes):
    tile, overlap = sizes[0] * ALIGNMENT, sizes[1] * ALIGNMENT
    origins = TilePlan(length, 1, tile, overlap).row_origins
    gaps = np.diff(origins)
    assert (gaps > 0).all()
    assert (gaps <= tile - overlap).all()


@given(tile=st.integers(1, 600), overlap=st.integers(0, 600))
def test_taper_is_positive_and_sums_to_one_with_its_neighbour(tile, overlap):
    overlap = min(overlap, tile)
    weights = taper(tile, overlap)
    assert weights.shape == (tile,)
    assert weights.min() > 0
    assert weights.max() <= 1
    if 2 * overlap <= tile:
        np.testing.assert_allclose(weights[:overlap] + weights[tile - overlap :], 1, atol=1e-6)


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
    assert plan.row_origins[:2] == (0, 480)
    assert plan.row_origins[-1] + 512 == round_up(10980)
    assert plan.redundancy < 1.2

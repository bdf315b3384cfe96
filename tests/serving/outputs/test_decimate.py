"""The small map against a mode computed square by square."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landcover.errors import ConfigError, DtypeMismatch, WindowError
from serving.outputs.decimate import Decimator
from tests.serving.outputs import maps


def brute_force(codes, factor, nodata=255):
    height, width = -(-codes.shape[0] // factor), -(-codes.shape[1] // factor)
    small = np.empty((height, width), codes.dtype)
    for row in range(height):
        for col in range(width):
            square = codes[row * factor : (row + 1) * factor, col * factor : (col + 1) * factor]
            values, counts = np.unique(square, return_counts=True)
            order = sorted(zip(-counts, values == nodata, values, strict=True))
            small[row, col] = order[0][2]
    return small


def decimated(codes, max_side, cuts=()):
    decimator = Decimator(maps.utm(*codes.shape), max_side=max_side)
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(codes)}), len(codes)]
    for start, stop in itertools.pairwise(edges):
        decimator.add(start, codes[start:stop])
    return decimator.result()


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    max_side=st.integers(1, 70),
    cuts=st.lists(st.integers(1, 59), max_size=5),
    seed=st.integers(0, 20),
)
def test_most_frequent_class_of_every_square(height, width, max_side, cuts, seed):
    codes = maps.patches(height, width, codes=(1, 2, 7, 255), side=2, seed=seed)
    small, grid = decimated(codes, max_side, cuts)
    factor = -(-max(height, width) // max_side)
    np.testing.assert_array_equal(small, brute_force(codes, factor))
    assert (grid.height, grid.width) == small.shape
    assert max(small.shape) <= max_side
    assert grid.transform @ (0, 0) == maps.utm(height, width).transform @ (0, 0)
    assert grid.pixel_size == (10.0 * factor, 10.0 * factor)


@pytest.mark.parametrize("seed", range(5))
def test_most_frequent_of_negative_codes(seed):
    codes = np.random.default_rng(seed).choice(np.array([-1, 0, 1, -32768], np.int16), (41, 37))
    decimator = Decimator(maps.utm(41, 37), max_side=10, nodata=-32768, dtype=np.int16)
    decimator.add(0, codes[:17])
    decimator.add(17, codes[17:])
    np.testing.assert_array_equal(decimator.result()[0], brute_force(codes, 5, nodata=-32768))


@pytest.mark.parametrize("height", [254, 255, 256, 257, 600])
def test_squares_of_more_rows_than_a_byte_counts(height):
    codes = np.full((height, 3), 4, np.uint8)
    codes[:, 1] = 1
    codes[: height // 2, 2] = 1
    np.testing.assert_array_equal(decimated(codes, 1)[0], brute_force(codes, height))


def test_codes_that_come_only_further_down():
    codes = np.repeat(np.arange(12, dtype=np.uint8), 5)[:, None] + np.arange(9, dtype=np.uint8) % 2
    np.testing.assert_array_equal(decimated(codes, 12, (7, 31))[0], brute_force(codes, 5))


def test_small_maps_stay_as_they_are():
    codes = maps.patches(30, 40)
    small, grid = decimated(codes, 1600)
    np.testing.assert_array_equal(small, codes)
    assert grid == maps.utm(30, 40)


def test_refusals():
    decimator = Decimator(maps.utm(10, 8), max_side=4)
    rows = np.ones((5, 8), np.uint8)
    with pytest.raises(WindowError, match="rows are missing"):
        decimator.result()
    with pytest.raises(WindowError, match="from row 0"):
        decimator.add(5, rows)
    with pytest.raises(WindowError, match="expected"):
        decimator.add(0, rows[:, :7])
    with pytest.raises(DtypeMismatch, match="int16"):
        decimator.add(0, rows.astype(np.int16))
    decimator.add(0, rows)
    with pytest.raises(WindowError, match="at most 5 rows"):
        decimator.add(5, np.ones((6, 8), np.uint8))
    with pytest.raises(ConfigError, match="at least 1"):
        Decimator(maps.utm(10, 8), max_side=0)

"""The minimum mapping unit against GDAL's sieve on one array, and against patches found by flood filling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio import features

from landcover.errors import OutputNotWritable, WindowError
from landcover.raster.sieve import PatchSieve
from tests.scenes import utm_grid
from tests.service import left_in


def noisy(height, width, *, seed=0, cell=6, noise=0.15, empty=0.1):
    """A class map of squares with single pixels and small groups of others, and pixels without data."""
    random = np.random.default_rng(seed)
    squares = random.integers(1, 5, (height // cell + 1, width // cell + 1), dtype=np.uint8)
    codes = np.kron(squares, np.ones((cell, cell), np.uint8))[:height, :width]
    other = random.random(codes.shape) < noise
    codes[other] = random.integers(1, 5, other.sum())
    codes[random.random(codes.shape) < empty] = 255
    return np.ascontiguousarray(codes)


def sieve(folder, codes, min_pixels, *, order=1, rows=37):
    """The map before and after, through the sieve in pieces."""
    with PatchSieve(folder / "map.tif", utm_grid(*codes.shape), min_pixels=min_pixels) as sieve:
        for start in range(0, len(codes), rows)[::order]:
            sieve.add(start, codes[start : start + rows])
        parts = list(sieve.rows())
    assert [row for row, _, _ in parts] == list(range(0, len(codes), 512))
    return np.concatenate([before for _, before, _ in parts]), np.concatenate([after for _, _, after in parts])


@pytest.mark.parametrize("min_pixels", [2, 9, 50, 10**9])
@pytest.mark.parametrize("order", [1, -1])
def test_pieces_give_the_map_that_one_array_gives(tmp_path, min_pixels, order):
    codes = noisy(1100, 530)
    before, after = sieve(tmp_path, codes, min_pixels, order=order)
    whole = features.sieve(codes, min(min_pixels, codes.size), mask=codes != 255)
    whole[codes == 255] = 255
    np.testing.assert_array_equal(before, codes)
    np.testing.assert_array_equal(after, whole)
    assert (after != before).any() == (min_pixels < 10**9)
    assert left_in(tmp_path) == []


def patches_of(codes):
    """Number of the patch of each pixel, -1 without data, and the size of each patch, by flood filling."""
    number, sizes = np.full(codes.shape, -1), []
    for start in np.argwhere(codes != 255).tolist():
        if number[tuple(start)] >= 0:
            continue
        waiting, size = [tuple(start)], 0
        number[tuple(start)] = len(sizes)
        while waiting:
            place = waiting.pop()
            size += 1
            for near in neighbours(place, codes.shape):
                if number[near] < 0 and codes[near] == codes[place]:
                    number[near] = len(sizes)
                    waiting.append(near)
        sizes.append(size)
    return number, sizes


def neighbours(place, shape):
    row, col = place
    around = ((row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1))
    return [(r, c) for r, c in around if 0 <= r < shape[0] and 0 <= c < shape[1]]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 9999),
    height=st.integers(1, 20),
    width=st.integers(1, 20),
    min_pixels=st.integers(2, 12),
    empty=st.sampled_from([0.0, 0.1, 0.5]),
)
def test_small_patches_take_the_class_of_their_largest_neighbour(
    tmp_path_factory, seed, height, width, min_pixels, empty
):
    codes = noisy(height, width, seed=seed, cell=5, empty=empty)
    _, after = sieve(tmp_path_factory.mktemp("sieve"), codes, min_pixels)
    number, sizes = patches_of(codes)
    for patch, size in enumerate(sizes):
        inside = number == patch
        around = {number[near] for place in np.argwhere(inside).tolist() for near in neighbours(place, codes.shape)}
        others = {other: sizes[other] for other in around - {patch, -1}}
        got = set(after[inside].tolist())
        own = {int(codes[inside][0])}
        if size >= min_pixels or not others:
            assert got == own
        elif max(others.values()) >= min_pixels:
            largest = [other for other, its in others.items() if its == max(others.values())]
            assert len(got) == 1
            assert got <= {int(codes[number == other][0]) for other in largest}
        else:  # the largest neighbour is too small as well: one class for the whole patch, whichever
            assert len(got) == 1
    np.testing.assert_array_equal(after == 255, codes == 255)


def test_missing_rows_are_an_error(tmp_path):
    with PatchSieve(tmp_path / "map.tif", utm_grid(60, 50), min_pixels=5) as sieve:
        sieve.add(0, noisy(40, 50))
        with pytest.raises(WindowError, match="20 of 60 rows were never written"):
            next(sieve.rows())
    assert left_in(tmp_path) == []


def test_a_merge_that_gave_up_is_noticed(tmp_path, monkeypatch):
    """GDAL's sieve answers with an error code when memory ends; rasterio does not look at it."""
    monkeypatch.setattr(features, "sieve", lambda *_args, **_keywords: None)
    with pytest.raises(OutputNotWritable, match="could not be merged"):
        sieve(tmp_path, noisy(60, 50), 5)
    assert left_in(tmp_path) == []

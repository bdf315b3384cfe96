"""Drawing: exact numbers, every set equally likely, the same for the same seed for all time."""

import hashlib
from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from indicators.sampling.draw import Draws, Position, chosen_ranks, draw_positions, shuffled
from landcover.errors import RasterChanged

CODES = np.random.default_rng(3).integers(1, 4, (37, 23)).astype(np.uint8)
CODES[5:9, 3:7] = 255
PIXELS = {code: int((code == CODES).sum()) for code in (1, 2, 3)}
COUNTS = {1: 20, 2: 2, 3: PIXELS[3]}


def blocks(step, codes=CODES):
    return ((row, codes[row : row + step]) for row in range(0, len(codes), step))


def test_each_stratum_gets_its_number_of_distinct_pixels_of_its_own():
    found = draw_positions(blocks(5), PIXELS, COUNTS, seed=1)
    assert Counter(position.stratum for position in found) == COUNTS
    assert len({(position.row, position.col) for position in found}) == sum(COUNTS.values())
    assert all(CODES[position.row, position.col] == position.stratum for position in found)
    assert [(position.row, position.col) for position in found] == sorted(
        (position.row, position.col) for position in found
    )


@pytest.mark.parametrize("step", [1, 2, 36, 37])
def test_blocks_do_not_change_the_sample(step):
    assert draw_positions(blocks(step), PIXELS, COUNTS, seed=1) == draw_positions(blocks(7), PIXELS, COUNTS, seed=1)


def test_seeds_differ_and_strata_do_not_disturb_each_other():
    one = draw_positions(blocks(7), PIXELS, COUNTS, seed=1)
    assert draw_positions(blocks(7), PIXELS, COUNTS, seed=2) != one
    alone = draw_positions(blocks(7), PIXELS, {1: 20}, seed=1)
    assert alone == [position for position in one if position.stratum == 1]


def test_random_numbers_are_those_that_are_written_down():
    """SHA-256 by hand, so that any tool can draw the sample again."""
    draws = Draws(5, -1)
    for counter in range(3):
        word = int(hashlib.sha256(f"steppe-sample-1:5:-1:{counter}".encode()).hexdigest()[:16], 16)
        assert draws.below(1000) == word % 1000
    assert chosen_ranks(1_000_000, 5, Draws(1, 2)).tolist() == [210288, 538830, 561906, 779881, 902252]


def test_words_that_would_favour_small_numbers_are_passed_over(monkeypatch):
    words = iter([2**64 - 1, 5])
    monkeypatch.setattr("indicators.sampling.draw._word", lambda _text: next(words))
    assert Draws(1, 1).below(3 * 2**62) == 5


def test_every_set_of_pixels_is_equally_likely():
    """All 35 ways to choose 3 of 7, over 3,500 seeds: chi-squared with 34 degrees of freedom, 0.1 % level 65.2."""
    found = Counter(tuple(chosen_ranks(7, 3, Draws(seed, 4)).tolist()) for seed in range(3500))
    assert set(found) == set(combinations(range(7), 3))
    chi_squared = sum((count - 100) ** 2 / 100 for count in found.values())
    assert chi_squared < 65.2


def test_all_pixels_and_none():
    assert chosen_ranks(6, 6, Draws(1, 1)).tolist() == [0, 1, 2, 3, 4, 5]
    assert chosen_ranks(6, 0, Draws(1, 1)).tolist() == []


def test_a_map_that_changes_between_the_passes_is_refused():
    other = CODES.copy()
    other[0, 0] = 1 if CODES[0, 0] != 1 else 2
    with pytest.raises(RasterChanged, match="changed while points were drawn"):
        draw_positions(blocks(7, other), PIXELS, COUNTS, seed=1)


def test_negative_codes_are_strata_too():
    codes = np.array([[-1, 0, 1, -32768]], np.int16).repeat(3, axis=0)
    found = draw_positions([(0, codes)], {-1: 3, 0: 3, 1: 3}, {-1: 3, 0: 1, 1: 1}, seed=9)
    assert [position for position in found if position.stratum == -1] == [Position(-1, row, 0) for row in range(3)]


def test_the_order_of_work_is_a_random_one():
    found = draw_positions(blocks(7), PIXELS, COUNTS, seed=1)
    order = shuffled(found, 1)
    assert sorted(order, key=lambda at: at[1:]) == found
    assert order != found
    assert shuffled(reversed(found), 1) == order
    assert shuffled(found, 2) != order
    # The first half of the work has about half of each stratum.
    half = Counter(position.stratum for position in order[: len(order) // 2])
    assert 5 <= half[1] <= 15

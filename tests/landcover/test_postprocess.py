"""Codes, confidence and uncertainty against numpy's argmax and sort, and the definitions in float64."""

from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from landcover import postprocess
from landcover.legends import get_legend
from landcover.postprocess import (
    class_codes,
    confidence_percent,
    entropy_percent,
    margin_percent,
    probability_percent,
)

LEGEND = get_legend("unccd7")


@given(height=st.integers(1, 20), width=st.integers(1, 20), levels=st.integers(1, 30), seed=st.integers(0, 999))
def test_codes_are_those_of_the_most_probable_class(height, width, levels, seed):
    random = np.random.default_rng(seed)
    # Few levels, so that ties are frequent: the first class of the legend wins, as with argmax.
    probabilities = (random.integers(0, levels, (7, height, width)) / levels).astype(np.float32)
    valid = random.random((height, width)) > 0.2
    codes = class_codes(probabilities, valid, LEGEND)
    expected = np.where(valid, np.array(LEGEND.codes)[probabilities.argmax(axis=0)], 255)
    assert codes.dtype == np.uint8
    assert np.array_equal(codes, expected)


@given(block=st.integers(1, 90), seed=st.integers(0, 999))
def test_the_best_class_is_found_in_blocks_of_any_size(block, seed):
    wide = np.random.default_rng(seed).integers(0, 5, (9, 11, 16)).astype(np.float32)
    part = wide[:, 2:, 3:12]  # not contiguous, as a block of a window
    with patch.object(postprocess, "_BLOCK_PIXELS", block):
        index = postprocess.best_class(part)
    assert index.dtype == np.uint8
    assert np.array_equal(index, part.argmax(axis=0))


def test_classes_with_negative_codes_are_int16_with_nodata_of_their_own():
    probabilities = np.eye(3, dtype=np.float32)[:, None]
    valid = np.array([[True, True, True]])
    codes = class_codes(probabilities, valid, get_legend("degradation3"))
    assert (codes.dtype, codes.tolist()) == (np.int16, [[-1, 0, 1]])
    assert class_codes(probabilities, ~valid, get_legend("degradation3")).tolist() == [[-32768] * 3]


def test_confidence_is_rounded_percent_and_255_without_data():
    probabilities = np.zeros((7, 1, 4), np.float32)
    probabilities[3, 0] = [0.004, 0.996, 1.00001, 0.5]
    valid = np.array([[True, True, True, False]])
    assert confidence_percent(probabilities, valid).tolist() == [[0, 100, 100, 255]]


def some_probabilities(classes, seed):
    """Class probabilities of 12 x 9 pixels: from certain to even, some exactly 0."""
    random = np.random.default_rng(seed)
    odds = random.random((classes, 12, 9)) ** random.integers(1, 30, (12, 9))
    odds[random.random(odds.shape) < 0.2] = 0
    odds[0] += 1e-6
    return (odds / odds.sum(axis=0)).astype(np.float32), random.random((12, 9)) > 0.2


@given(classes=st.integers(1, 9), seed=st.integers(0, 999))
def test_entropy_is_that_of_shannon(classes, seed):
    probabilities, valid = some_probabilities(classes, seed)
    exact = probabilities.astype(np.float64)
    terms = np.where(exact > 0, -exact * np.log(np.where(exact > 0, exact, 1)), 0)
    expected = 100 * terms.sum(axis=0) / np.log(max(classes, 2))
    percent = entropy_percent(probabilities, valid)
    assert percent.dtype == np.uint8
    assert np.array_equal(percent == 255, ~valid)
    assert np.abs(percent[valid] - expected[valid]).max(initial=0) <= 0.5001


@given(classes=st.integers(2, 9), seed=st.integers(0, 999))
def test_margin_is_between_the_two_largest(classes, seed):
    probabilities, valid = some_probabilities(classes, seed)
    ordered = np.sort(probabilities.astype(np.float64), axis=0)
    expected = 100 * (1 - (ordered[-1] - ordered[-2]))
    percent = margin_percent(probabilities, valid)
    assert np.array_equal(percent == 255, ~valid)
    assert np.abs(percent[valid] - expected[valid]).max(initial=0) <= 0.5001


def test_uncertainty_at_its_ends():
    certain, even, two = np.zeros((3, 7, 1, 1), np.float32)
    certain[2], even[:], two[[1, 4]] = 1, 1 / 7, 0.5
    everywhere = np.ones((1, 1), bool)
    assert [int(entropy_percent(p, everywhere)[0, 0]) for p in (certain, even, two)] == [0, 100, 36]
    assert [int(margin_percent(p, everywhere)[0, 0]) for p in (certain, even, two)] == [0, 100, 100]
    assert [int(margin_percent(p[:1], everywhere)[0, 0]) for p in (np.ones((1, 1, 1), np.float32),)] == [0]


@given(classes=st.integers(1, 9), seed=st.integers(0, 999))
def test_the_largest_probability_is_the_confidence(classes, seed):
    probabilities, valid = some_probabilities(classes, seed)
    percent = probability_percent(probabilities, valid)
    assert percent.shape == probabilities.shape
    assert np.array_equal(percent.max(axis=0), confidence_percent(probabilities, valid))
    assert np.abs(percent[:, valid] / 100 - probabilities[:, valid]).max(initial=0) <= 0.00501

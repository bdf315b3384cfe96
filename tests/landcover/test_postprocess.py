"""Codes and confidence against numpy's argmax."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from landcover.legends import get_legend
from landcover.postprocess import class_codes, confidence_percent

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

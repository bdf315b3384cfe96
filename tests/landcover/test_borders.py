"""Pixels beyond the edge of an image are its own land, mirrored."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from landcover.borders import mirror_borders

MASKS = arrays.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def numbered(valid_HW):
    """Two bands in which no two valid pixels are alike, 0 where not valid."""
    return np.where(valid_HW, np.arange(1, 2 * valid_HW.size + 1).reshape(2, *valid_HW.shape), 0).astype(np.uint16)


def pixel_by_pixel(dn_BHW, valid_HW, reach):
    """The same, the slow way."""
    filled_BHW, places = dn_BHW.copy(), np.argwhere(valid_HW)
    for row, col in np.argwhere(~valid_HW):
        distances = [((row - at[0]) ** 2 + (col - at[1]) ** 2, *at) for at in places]
        if not distances or min(distances)[0] > reach**2:
            continue
        _, *edge = min(distances)
        behind = np.array([2 * edge[0] - row, 2 * edge[1] - col])
        inside = (behind >= 0).all() and (behind < valid_HW.shape).all()
        source = behind if inside and valid_HW[*behind] else edge
        filled_BHW[:, row, col] = dn_BHW[:, *source]
    return filled_BHW


@given(valid_HW=MASKS, reach=st.integers(1, 7))
def test_filled_as_pixel_by_pixel(valid_HW, reach):
    dn_BHW = numbered(valid_HW)
    made_BHW = dn_BHW.copy()
    mirror_borders(made_BHW, valid_HW, reach)
    assert np.array_equal(made_BHW, pixel_by_pixel(dn_BHW, valid_HW, reach))


@given(valid=st.integers(9, 30), more=st.integers(1, 8))
def test_a_straight_edge_is_numpys_reflection(valid, more):
    inside_BHW = np.random.default_rng(valid).integers(1, 9999, (3, valid, valid)).astype(np.uint16)
    padding = [(more, more), (more, more)]
    made_BHW = np.pad(inside_BHW, [(0, 0), *padding])
    mirror_borders(made_BHW, np.pad(np.ones((valid, valid), bool), padding), reach=12)
    assert np.array_equal(made_BHW, np.pad(inside_BHW, [(0, 0), *padding], mode="reflect"))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_nothing_is_done_without_an_edge(share):
    made_BHW = numbered(np.full((40, 30), bool(share)))
    before_BHW = made_BHW.copy()
    mirror_borders(made_BHW, np.full((40, 30), bool(share)))
    assert np.array_equal(made_BHW, before_BHW)

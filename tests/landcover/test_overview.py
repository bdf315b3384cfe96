"""Which pixels an overview shows."""

import numpy as np
import pytest

from landcover.overview import SIDE, overview_lines


@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 1000, 10980])
def test_lines_are_the_middles_of_equal_parts(length):
    middles = [int((part + 0.5) * length / SIDE) for part in range(SIDE)]
    assert overview_lines(length).tolist() == middles
    assert 0 <= middles[0] <= middles[-1] < length


def test_a_large_scene_shows_no_line_twice():
    assert len(np.unique(overview_lines(64))) == SIDE

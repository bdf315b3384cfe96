"""Sums of the joint table along its axes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from indicators.codes import NODATA
from indicators.joint import SDG, Axis, JointTable, condition_axis, cover_axis
from landcover.errors import ConfigError
from landcover.legends import get_legend

AXES = (
    cover_axis("initial", get_legend("unccd7")),
    cover_axis("final", get_legend("unccd7")),
    condition_axis(SDG),
)


def table(seed=0):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 1000, (8, 8, 4))
    return JointTable(AXES, pixels, rng.random((8, 8, 4)), "random")


@pytest.mark.parametrize("names", [*itertools.permutations(["initial", "final", "sdg"], 2), ("sdg",)])
def test_marginals(names):
    whole = table()
    letters = dict(zip(whole.names, "abc", strict=True))
    rule = f"abc->{''.join(letters[name] for name in names)}"
    part = whole.over(names)
    assert part.names == names
    np.testing.assert_array_equal(part.pixels, np.einsum(rule, whole.pixels))
    np.testing.assert_allclose(part.km2, np.einsum(rule, whole.km2), rtol=1e-14)


def test_sums_of_two():
    both = table(0) + table(1)
    np.testing.assert_array_equal(both.pixels, table(0).pixels + table(1).pixels)
    with pytest.raises(ConfigError, match="axes differ"):
        _ = table() + table().over(["initial"])


def test_what_is_refused():
    with pytest.raises(ConfigError, match="distinct"):
        Axis("a", (1, 1))
    with pytest.raises(ConfigError, match="shape"):
        JointTable(AXES, np.zeros((1, 1, 1), np.int64), np.zeros((1, 1, 1)), "")
    with pytest.raises(ConfigError, match="no axis 'lpd'"):
        table().over(["lpd"])
    with pytest.raises(ConfigError, match="no code 9"):
        AXES[0].index(9)
    assert AXES[0].index(NODATA) == 7

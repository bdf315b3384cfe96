"""Class weights against scikit-learn, against the formulas, and their two promises: mean 1 and the limit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from landcover.errors import ConfigError, NoValidData
from training.class_weights import class_weights

RULES = ("balanced", "sqrt", "effective")
PIXELS = [5_000_000, 120_000, 0, 9_000, 40_000_000, 350]

counts = st.lists(st.integers(0, 10**9), min_size=1, max_size=12).filter(any)


def mean_of(weights, pixels):
    return float(np.dot(weights.values, pixels) / np.sum(pixels))


def test_balanced_is_scikit_learns():
    pixels = [70, 20, 9, 1]
    labels = np.repeat(np.arange(4), pixels)
    wanted = compute_class_weight("balanced", classes=np.arange(4), y=labels)
    assert class_weights("balanced", pixels).values == pytest.approx(wanted)


def test_sqrt_is_the_square_root_of_balanced():
    pixels = [70, 20, 9, 1]
    balanced, root = (np.array(class_weights(rule, pixels).values) for rule in ("balanced", "sqrt"))
    assert (root / root[0]) ** 2 == pytest.approx(balanced / balanced[0])


def test_effective_is_the_formula():
    pixels = np.array([70, 20, 9, 1])
    beta = (25 - 1) / 25
    wanted = (1 - beta) / (1 - beta**pixels)
    wanted /= (wanted * pixels).sum() / pixels.sum()
    assert class_weights("effective", pixels.tolist()).values == pytest.approx(wanted)


def test_effective_keeps_its_digits_where_classes_are_huge():
    weights = class_weights("effective", [10**12, 10**12, 10**3])
    # Next to 7 * 10^11, thousand pixels are all different: weighted by 1 / n.
    mean_pixels = (2 * 10**12 + 10**3) / 3
    common = 1 / (mean_pixels * -np.expm1(-(10**12) / mean_pixels))
    assert weights.values[2] / weights.values[0] == pytest.approx(1e-3 / common, rel=1e-3)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("limit", [None, 1.0, 3.0, 50.0])
@given(pixels=counts)
def test_mean_is_one_and_nothing_exceeds_the_limit(rule, limit, pixels):
    weights = class_weights(rule, pixels, largest=limit)
    assert mean_of(weights, pixels) == pytest.approx(1, rel=1e-6)
    assert all((value > 0) == (count > 0) for value, count in zip(weights.values, pixels, strict=True))
    assert limit is None or max(weights.values) <= limit


@pytest.mark.parametrize("rule", RULES)
def test_the_limit_raises_the_rest_in_proportion(rule):
    free, limited = (np.array(class_weights(rule, PIXELS, largest=limit).values) for limit in (None, 20.0))
    assert free.max() > 20
    assert limited.max() == 20
    below = (limited < 20) & (limited > 0)
    assert np.ptp((limited / np.where(free > 0, free, 1))[below]) < 1e-9


@pytest.mark.parametrize("rule", RULES)
def test_rarer_never_weighs_less(rule):
    weights = np.array(class_weights(rule, PIXELS).values)
    rarest_first = [index for index in np.argsort(PIXELS) if PIXELS[index]]
    assert (np.diff(weights[rarest_first]) <= 0).all()


def test_a_class_without_pixels_is_named():
    weights = class_weights("sqrt", [10, 0, 5, 0], names=("tree", "grass", "water", "bare"))
    assert weights.values[1] == weights.values[3] == 0
    assert "grass, bare" in weights.warning
    assert "class 1, 3" in class_weights("sqrt", [10, 0, 5, 0]).warning
    assert class_weights("sqrt", [10, 5]).warning is None


def test_what_makes_no_weights_is_refused():
    with pytest.raises(NoValidData, match="no training pixel has a label"):
        class_weights("balanced", [0, 0])
    with pytest.raises(ConfigError, match="at least 0"):
        class_weights("balanced", [3, -1])
    with pytest.raises(ConfigError, match="largest class weight"):
        class_weights("balanced", [3, 1], largest=0.5)
    with pytest.raises(ConfigError, match="take balanced, sqrt or effective"):
        class_weights("cubic", [3, 1])

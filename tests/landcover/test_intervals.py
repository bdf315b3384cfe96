import numpy as np
import pytest
from scipy.stats import bootstrap

from landcover.errors import ConfigError
from landcover.intervals import bootstrap_interval
from landcover.metrics import score


def sites(count, classes=3, seed=0):
    """Confusion matrices of sites whose accuracy differs from site to site."""
    rng = np.random.default_rng(seed)
    made = np.zeros((count, classes, classes), np.int64)
    for matrix in made:
        right = rng.uniform(0.5, 0.95)
        for truth in range(classes):
            chances = np.full(classes, (1 - right) / (classes - 1))
            chances[truth] = right
            matrix[truth] = rng.multinomial(400, chances)
    return made


def accuracy(matrix):
    return score(matrix).overall_accuracy


def test_interval_agrees_with_scipy():
    made = sites(40)
    per_site = made.trace(axis1=1, axis2=2) / made.sum(axis=(1, 2))  # equal sizes: the pooled accuracy is their mean
    found = bootstrap_interval(made, accuracy, 1, resamples=4000)
    expected = bootstrap((per_site,), np.mean, method="percentile", n_resamples=4000, rng=2).confidence_interval
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.005)
    assert (found.level, found.sites, found.resamples) == (0.95, 40, 4000)
    assert found.low < accuracy(made.sum(axis=0)) < found.high


def test_sites_give_a_wider_interval_than_pixels_would():
    made = sites(40)
    found = bootstrap_interval(made, accuracy, 1)
    right = accuracy(made.sum(axis=0))
    pixels = 2 * 1.96 * np.sqrt(right * (1 - right) / made.sum())  # as if every pixel were independent
    assert found.high - found.low > 3 * pixels


def test_the_seed_decides():
    made = list(sites(10))
    one, same, other = (bootstrap_interval(made, accuracy, seed, resamples=200) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_a_higher_level_is_wider():
    made = sites(10)
    narrow, wide = (bootstrap_interval(made, accuracy, 1, level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_equal_sites_leave_no_doubt():
    found = bootstrap_interval(np.repeat(sites(1), 5, axis=0), accuracy, 0)
    assert found.low == found.high


def test_a_class_that_one_site_has_keeps_its_undefined_draws_out():
    made = sites(8, classes=4)
    made[1:, 3, :] = made[1:, :, 3] = 0
    found = bootstrap_interval(made, lambda matrix: score(matrix).iou[3], 0, resamples=500)
    assert 250 < found.resamples < 500


@pytest.mark.parametrize("made", [sites(1), [], np.zeros((5, 3, 3), np.int64)])
def test_no_interval_where_nothing_can_be_said(made):
    assert bootstrap_interval(made, accuracy, 0, resamples=50) is None


@pytest.mark.parametrize("options", [{"level": 0}, {"level": 1}, {"resamples": 0}])
def test_impossible_settings_are_refused(options):
    with pytest.raises(ConfigError):
        bootstrap_interval(sites(3), accuracy, 0, **options)


@pytest.mark.parametrize("made", [np.zeros((3, 2)), np.zeros((3, 2, 4))])
def test_stacks_of_other_shapes_are_refused(made):
    with pytest.raises(ConfigError, match="shape"):
        bootstrap_interval(made, accuracy, 0)

"""The distribution of bare ground against numerical integration, and the exported levels against its formula."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import logistic

from models.export import export_graph, open_session
from models.graph import SceneNet
from models.severity import CoverEstimate, CoverNetwork, SeverityLevels

pytestmark = pytest.mark.train
BOUNDS = (0.3, 0.6, 0.75, 0.9)
BANDS = 5
CASES = [(0.3, 0.05, 0.4), (-0.2, 0.1, 0.0), (0.95, 0.2, 1.0), (0.5, 1.5, 0.2), (0.1, 0.007, 0.9)]


def one(location, scale):
    """An estimate of one pixel by one member."""
    return CoverEstimate(*(torch.full((1, 1, 1, 1), value, dtype=torch.float64) for value in (location, scale)))


def integral(function, *breaks):
    return sum(quad(function, low, high, limit=400)[0] for low, high in pairwise(breaks))


@pytest.mark.parametrize(("location", "scale", "bare"), CASES)
def test_score_is_the_integral_of_the_squared_difference(location, scale, bare):
    def squared(x):
        return (logistic.cdf(x, location, scale) - (x >= bare)) ** 2

    breaks = sorted({0.0, min(max(location, 0), 1), bare, 1.0})
    found = one(location, scale).crps(torch.full((1, 1, 1), bare, dtype=torch.float64)).item()
    assert found == pytest.approx(integral(squared, *breaks), abs=1e-7)


@pytest.mark.parametrize(("location", "scale", "bare"), CASES)
def test_expectation_counts_what_lies_outside_as_0_and_1(location, scale, bare):
    del bare
    inside = integral(lambda x: x * logistic.pdf(x, location, scale), 0, min(max(location, 0), 1), 1)
    expected = inside + logistic.sf(1, location, scale)
    assert one(location, scale).mean().item() == pytest.approx(expected, abs=1e-7)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(3)
    cover = CoverNetwork(BANDS, members=3, width=8, depth=2, others=1)
    cover.features.fit(torch.rand(1, BANDS, 500, 1) * 0.5 + 0.1)
    with torch.no_grad():
        cover.head.weight.mul_(30)  # so that pixels get many levels
    return SceneNet(SeverityLevels(cover, BOUNDS), scale=2.75e-5, offset=-0.2, mean=[0.0] * BANDS, std=[1.0] * BANDS)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).integers(7300, 30_000, shape).astype(np.uint16)


def test_levels_are_differences_of_the_members_mean_distribution(net):
    dn = torch.from_numpy(numbers(1, BANDS, 20, 30).astype(np.float32))
    with torch.inference_mode():
        found = net.probabilities(dn)[0].numpy()
        estimate = net.network.cover(net.normalise(dn))
    location, scale = (part[0].numpy() for part in (estimate.location_NMHW, estimate.scale_NMHW))
    below = [logistic.cdf(bound, location, scale).mean(axis=0) for bound in BOUNDS]
    edges = np.stack([np.zeros_like(below[0]), *below, np.ones_like(below[0])])
    np.testing.assert_allclose(found, np.diff(edges, axis=0), atol=1e-5)
    assert len(np.unique(found.argmax(axis=0))) >= 3


def test_exported_graph_gives_a_pixel_the_same_answer_in_any_window(net):
    export = export_graph(net, numbers(2, BANDS, 64, 64))
    dn = numbers(1, BANDS, 96, 160, seed=5)
    session = open_session(export.content)
    (whole,) = session.run(None, {"dn": dn})
    assert export.parity < 1e-5
    for rows, cols in ((slice(0, 32), slice(0, 32)), (slice(32, 96), slice(96, 160)), (slice(7, 50), slice(3, 30))):
        (part,) = session.run(None, {"dn": np.ascontiguousarray(dn[:, :, rows, cols])})
        assert np.array_equal(part, whole[:, :, rows, cols])


def test_dark_and_saturated_pixels_have_an_answer(net):
    dn = torch.tensor([0, 1, 7273, 65535], dtype=torch.float32).expand(1, BANDS, 1, 4)
    with torch.inference_mode():
        found = net.probabilities(dn)
    assert torch.isfinite(found).all()
    assert found.sum(dim=1).numpy() == pytest.approx(1, abs=1e-5)

"""Networks by name, and the normalisation in front of them."""

import pytest
import torch

from models.contrast import contrast_channels
from models.graph import MAX_REFLECTANCE, Normalise, SceneNet
from models.networks import NETWORKS, NetworkOptions, UnknownNetwork, build_network

pytestmark = pytest.mark.train

BANDS, CLASSES = 9, 7
STATISTICS = {"mean": [0.3] * BANDS, "std": [0.1] * BANDS}


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_logits_have_the_size_of_the_input(name):
    contrast = contrast_channels(BANDS)
    bands = {"siamese": 2 * BANDS, "change": 2 * BANDS + contrast}.get(name.partition("-")[0], BANDS)
    network = build_network(name, bands, CLASSES).eval()
    with torch.no_grad():
        assert network(torch.zeros(2, bands, 64, 96)).shape == (2, CLASSES, 64, 96)


def test_a_siamese_network_needs_two_dates():
    with pytest.raises(NetworkOptions, match="two dates, got 9"):
        build_network("siamese-lite0", BANDS, CLASSES)


def test_tiny_takes_any_size():
    assert build_network("plain-tiny", BANDS, CLASSES)(torch.zeros(1, BANDS, 17, 5)).shape == (1, CLASSES, 17, 5)


def test_unknown_name_lists_the_known():
    with pytest.raises(UnknownNetwork, match="unet-resnet18"):
        build_network("unet-resnet99", BANDS, CLASSES)


def test_resnet18_bundle_stays_below_60_megabytes():
    network = build_network("unet-resnet18", BANDS, CLASSES)
    stored = sum(value.numel() * value.element_size() for value in network.state_dict().values())
    assert stored < 52e6


def test_decoder_is_nearest_neighbour():
    modules = build_network("unet-resnet18", BANDS, CLASSES).modules()
    modes = {module.interpolation_mode for module in modules if hasattr(module, "interpolation_mode")}
    assert modes == {"nearest"}


def test_normalise_is_the_written_formula():
    normalise = Normalise(scale=1e-4, offset=-0.1, mean=[0.3, 0.4], std=[0.1, 0.2])
    dn = torch.tensor([[[[0.0, 2600.0]], [[5000.0, 60000.0]]]])
    reflectance = torch.tensor([[[[0.0, 0.16]], [[0.4, MAX_REFLECTANCE]]]])
    wanted = (reflectance.sqrt() - torch.tensor([0.3, 0.4]).view(1, 2, 1, 1)) / torch.tensor([0.1, 0.2]).view(
        1, 2, 1, 1
    )
    torch.testing.assert_close(normalise(dn), wanted, atol=2e-4, rtol=1e-5)


def test_normalise_keeps_its_constants_out_of_the_weights():
    assert Normalise(scale=1e-4, offset=0.0, **STATISTICS).state_dict() == {}


@pytest.mark.parametrize(("mean", "std", "message"), [([0.3], [0.1, 0.2], "1 means but 2"), ([0.3], [0.0], "above 0")])
def test_impossible_statistics_are_refused(mean, std, message):
    with pytest.raises(ValueError, match=message):
        Normalise(scale=1e-4, offset=0.0, mean=mean, std=std)


def test_probabilities_sum_to_one_and_soften_with_temperature():
    torch.manual_seed(0)
    net = SceneNet(build_network("plain-tiny", BANDS, CLASSES), scale=1e-4, offset=0.0, **STATISTICS).eval()
    dn = torch.randint(0, 10000, (2, BANDS, 16, 16)).float()
    with torch.no_grad():
        sharp, soft = net.probabilities(dn), net.probabilities(dn, temperature=4.0)
    torch.testing.assert_close(sharp.sum(dim=1), torch.ones(2, 16, 16))
    assert torch.equal(sharp, torch.softmax(net(dn), dim=1))
    assert torch.equal(sharp.argmax(dim=1), soft.argmax(dim=1))
    assert soft.amax(dim=1).mean() < sharp.amax(dim=1).mean()

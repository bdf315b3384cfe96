"""The network that judges contrast and land-cover features of two dates."""

import numpy as np
import pytest
import segmentation_models_pytorch as smp
import torch

from landcover.overview import SIDE
from models.changes import ChangeNet
from models.contrast import contrast_channels
from models.export import Batch, export_graph, graph_inputs, open_session
from models.graph import SceneNet
from models.networks import NetworkOptions, build_network

pytestmark = pytest.mark.train

BANDS, CHANNELS = 3, (32, 24, 16, 16, 8)
WIDTH = 2 * BANDS + contrast_channels(BANDS)


def change_net(**options):
    decoder = {"decoder_channels": CHANNELS, "decoder_interpolation": "nearest"}
    unet = smp.Unet("resnet18", encoder_weights=None, in_channels=BANDS, classes=7, **decoder)
    return ChangeNet(unet, 3, bands=BANDS, features=CHANNELS[-1], width=8, **options)


def scene_net(network):
    torch.manual_seed(3)
    statistics = {"mean": [0.3] * 2 * BANDS, "std": [0.1] * 2 * BANDS}
    return SceneNet(network, scale=1e-4, offset=0.0, **statistics, contrast=True).eval()


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).integers(200, 4000, shape, dtype=np.uint16)


def test_exchanged_dates_turn_the_answer_round():
    net = scene_net(change_net(members=2))
    dn, overview = (torch.from_numpy(numbers(1, 2 * BANDS, side, side, seed=side)) for side in (64, SIDE))
    dn[:, :BANDS, :20] = 0  # no data at the older date
    exchanged, other = (torch.cat(each.chunk(2, dim=1)[::-1], dim=1) for each in (dn, overview))
    with torch.no_grad():
        answer = net(dn.float(), overview.float())
        assert answer.shape == (1, 3, 64, 64)
        assert torch.equal(net(exchanged.float(), other.float()), answer.flip(1))
        assert not torch.allclose(answer, answer.flip(1), atol=1e-3)


def test_the_answer_is_the_mean_of_its_members():
    network = change_net(members=2).eval()
    inputs = torch.randn(1, WIDTH, 32, 32)
    with torch.no_grad():
        both = network(inputs)
        one, other = network.members
        network.members = torch.nn.ModuleList([one])
        first = network(inputs)
        network.members = torch.nn.ModuleList([other])
        assert torch.allclose(both, (first + network(inputs)) / 2, atol=1e-6)
        assert not torch.allclose(first, both, atol=1e-3)


def test_training_leaves_the_land_cover_network_alone():
    network = change_net()  # as it is built, no call of train(): Lightning makes none
    before = {name: value.clone() for name, value in network.trunk.state_dict().items()}
    optimiser = torch.optim.SGD([each for each in network.parameters() if each.requires_grad], lr=0.1)
    network(torch.randn(2, WIDTH, 32, 32)).square().mean().backward()
    optimiser.step()
    assert all(torch.equal(value, before[name]) for name, value in network.trunk.state_dict().items())
    assert all(each.grad is None for each in network.trunk.parameters())
    assert all(each.grad is not None for each in network.members.parameters())


def test_the_exported_graph_takes_an_overview_and_agrees_with_torch():
    overview = numbers(1, 2 * BANDS, SIDE, SIDE, seed=1)
    probe = Batch(numbers(2, 2 * BANDS, 64, 128, seed=2), numbers(1, 2 * BANDS, SIDE, SIDE, seed=3))
    probe.dn_NBHW[0, :BANDS, :20] = 0  # no data at the older date
    export = export_graph(
        scene_net(change_net()), numbers(2, 2 * BANDS, 64, 64), overview_1BHW=overview, probes=[probe]
    )
    session = open_session(export.content)
    assert [each.name for each in session.get_inputs()] == ["dn", "overview"]
    answer = session.run(None, graph_inputs(session, export.sample))[0]
    elsewhere = export.sample._replace(overview_1BHW=overview // 2)
    other = session.run(None, graph_inputs(session, elsewhere))[0]
    assert np.allclose(answer, export.sample_probabilities_NKHW, atol=1e-4)
    assert not np.allclose(answer, other, atol=1e-3)  # another scene, another judgement


def test_contrast_is_exact_in_mixed_precision():
    seen = []
    net = scene_net(torch.nn.Conv2d(WIDTH, 3, 1))
    net.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    dn, overview = (torch.from_numpy(numbers(1, 2 * BANDS, side, side).astype(np.float32)) for side in (32, SIDE))
    with torch.no_grad():
        net(dn, overview)
        with torch.autocast("cpu", torch.bfloat16):
            net(dn, overview)
    assert torch.equal(*seen)


def test_no_overview_is_refused():
    with pytest.raises(ValueError, match="give an overview"):
        scene_net(change_net())(torch.zeros(1, 2 * BANDS, 32, 32))


def test_impossible_networks_are_refused():
    with pytest.raises(ValueError, match="members is 0, expected at least 1"):
        change_net(members=0)
    with pytest.raises(ValueError, match="expected one of the inputs and one before the last layer"):
        change_net(dropouts=[0.1])
    with pytest.raises(NetworkOptions, match="takes the bands of two dates and their contrast, got 18 channels"):
        build_network("change-lite0", 18, 3)


def test_a_network_in_use_answers_as_in_training():
    torch.manual_seed(5)
    network = change_net(dropouts=(0.0, 0.0))
    inputs = torch.randn(4, WIDTH, 64, 64)
    inputs[:, 2 * BANDS :] += 1  # what rose in one order has fallen in the other
    with torch.no_grad():
        for _ in range(100):
            trained = network(inputs)
        used = network.eval()(inputs)
    assert (used - trained).abs().mean() < 0.02 * trained.std()

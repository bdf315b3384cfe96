"""The network for two dates against the U-Net that it is made of."""

import pytest
import segmentation_models_pytorch as smp
import torch

from models.export import export_graph
from models.graph import SceneNet
from models.pretrained import PretrainedChoice, load_pretrained
from models.siamese import LEVELS, SiameseUNet

pytestmark = pytest.mark.train

BANDS, CHANNELS = 3, (32, 24, 16, 16, 8)


def unet(classes=7):
    options = {"decoder_channels": CHANNELS, "decoder_interpolation": "nearest"}
    return smp.Unet("tu-tf_efficientnet_lite0", encoder_weights=None, in_channels=BANDS, classes=classes, **options)


@pytest.fixture(scope="module")
def land_cover(tmp_path_factory):
    """A land-cover U-Net, its weights as a checkpoint names them, and a network for two dates that starts from them."""
    torch.manual_seed(0)
    body = unet().eval()
    path = tmp_path_factory.mktemp("weights") / "last.ckpt"
    torch.save(
        {"state_dict": {f"scene_net.network.body.{key}": value for key, value in body.state_dict().items()}}, path
    )
    network = SiameseUNet(unet(), 3, decoder_channels=CHANNELS, width=8).eval()
    bands = ["B02", "B03", "B04"]
    load_pretrained(network.trunk, PretrainedChoice(str(path), bands=bands), bands=bands)
    return body, network


def test_each_date_is_seen_as_the_land_cover_network_sees_it(land_cover):
    body, network = land_cover
    stages = []
    hooks = [block.register_forward_hook(lambda *found: stages.append(found[-1])) for block in body.decoder.blocks]
    images = torch.randn(2, BANDS, 64, 96)
    with torch.no_grad():
        body(images)
        found = network._features(images)
    for hook in hooks:
        hook.remove()
    assert len(found) == LEVELS
    for mine, whole in zip(found, stages[:LEVELS], strict=True):
        assert torch.equal(mine, whole)


def test_logits_of_two_dates(land_cover):
    _, network = land_cover
    images = torch.randn(2, 2 * BANDS, 64, 96)
    with torch.no_grad():
        logits = network(images)
        exchanged = network(images.roll(BANDS, dims=1))
        alone = network(images[:1])
    assert logits.shape == (2, 3, 64, 96)
    assert not torch.allclose(logits, exchanged, atol=1e-3)  # the order of the dates is the sign of the change
    assert torch.allclose(logits[:1], alone, atol=1e-5)  # the batch is not mixed with the dates


def test_every_weight_is_trained():
    network = SiameseUNet(unet(), 3, decoder_channels=CHANNELS, width=8)
    network(torch.randn(2, 2 * BANDS, 64, 64)).square().mean().backward()
    idle = [name for name, weight in network.named_parameters() if weight.grad is None]
    assert idle == []


@pytest.mark.parametrize(
    ("trunk", "learns"), [("frozen", set()), ("tuned", {"weight"}), ("trained", {"weight", "mean"})]
)
def test_what_of_the_trunk_is_trained(trunk, learns):
    network = SiameseUNet(unet(), 3, decoder_channels=CHANNELS, width=8, trunk=trunk).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = torch.optim.SGD([weight for weight in network.parameters() if weight.requires_grad], lr=0.1)
    network(torch.randn(2, 2 * BANDS, 64, 64)).square().mean().backward()
    optimiser.step()
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert any(name.startswith("head.") for name in changed)
    kinds = {kind for name in changed if name.startswith("trunk.") for kind in ("weight", "mean") if kind in name}
    assert kinds == learns


def test_an_unknown_trunk_is_refused():
    with pytest.raises(ValueError, match="trunk is 'thawed'; expected one of frozen, tuned, trained"):
        SiameseUNet(unet(), 3, decoder_channels=CHANNELS, trunk="thawed")


def test_exports_with_free_size():
    options = {"decoder_channels": CHANNELS, "decoder_interpolation": "nearest"}
    body = smp.Unet("resnet18", encoder_weights=None, in_channels=BANDS, classes=7, **options)
    network = SiameseUNet(body, 3, decoder_channels=CHANNELS, width=8)
    statistics = {"mean": [0.3] * 2 * BANDS, "std": [0.1] * 2 * BANDS}
    net = SceneNet(network, scale=1e-4, offset=0.0, **statistics)
    sample = torch.randint(1, 4000, (2, 2 * BANDS, 128, 64), generator=torch.Generator().manual_seed(1))
    assert export_graph(net, sample.to(torch.uint16).numpy()).parity < 1e-4

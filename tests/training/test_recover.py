"""A checkpoint from a bundle: what comes back is the network that was exported, or nothing."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import yaml
from onnx import numpy_helper

from landcover.bundle import version_key
from landcover.errors import ConfigError, OutputNotWritable
from models.export import export_graph
from models.graph import SceneNet
from models.networks import build_network
from models.upsampling import merge_upsampling, unmerged
from serving.cli import main as steppe
from tests.models.test_upsampling import graph
from training.checkpoints import read_checkpoint
from training.inference import SITES_KEY, load_task
from training.origins import RECOVERED_KEY
from training.recover import NotRecovered, fill, main

pytestmark = [
    pytest.mark.train,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::jsonargparse._deprecated.JsonargparseDeprecationWarning"),
]
BANDS, CLASSES = 3, 5


def scene_net(seed):
    torch.manual_seed(seed)
    body = build_network("unet-lite0", BANDS, CLASSES, decoder_channels=(16, 8, 8, 8, 8))
    return SceneNet(body, scale=1e-4, offset=0.0, mean=[0.3] * BANDS, std=[0.1] * BANDS)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 9000, shape).astype(np.uint16)


@pytest.mark.parametrize("skip", [True, False])
def test_merged_weights_come_back(skip):
    content = graph(skip=skip)
    before, after = (
        {t.name: numpy_helper.to_array(t) for t in onnx.load_model_from_string(each).graph.initializer}
        for each in (content, merge_upsampling(content))
    )
    np.testing.assert_allclose(unmerged(after, "w0"), before["w0"], atol=1e-6)
    assert unmerged(before, "w0") is None


def test_an_exported_network_comes_back_with_its_normalisation_folded():
    net = scene_net(0)
    with torch.no_grad():
        for seed in range(3):
            net.train()(torch.from_numpy(numbers(2, BANDS, 64, 64, seed=seed).astype(np.float32)))
    content = export_graph(net.eval(), numbers(2, BANDS, 64, 64)).content
    stored = {t.name: numpy_helper.to_array(t) for t in onnx.load_model_from_string(content).graph.initializer}
    other = scene_net(1).eval()
    fill(other, stored, "model@1")
    dn = torch.from_numpy(numbers(1, BANDS, 96, 64, seed=9).astype(np.float32))
    with torch.inference_mode():
        torch.testing.assert_close(other(dn), net(dn), atol=2e-4, rtol=1e-3)


def test_the_shipped_model_comes_back_and_other_networks_do_not(repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bundle = max((repository / "models/zoo/steppe-s2-landcover").iterdir(), key=lambda path: version_key(path.name))
    config = repository / "configs/train/s2_landcover.yaml"
    order = [str(bundle), "-c", str(config), "-o", "shipped.ckpt"]
    assert steppe(["train", "recover", *order]) == 0
    stored = read_checkpoint(Path("shipped.ckpt"))
    assert len(stored[SITES_KEY]) == 49
    assert len(stored[RECOVERED_KEY]) == 1
    assert stored["hyper_parameters"]["network"]["options"]["replicate_from"] == 16  # found by trying
    assert load_task(Path("shipped.ckpt")).inputs.bands[0] == "B02"
    with pytest.raises(OutputNotWritable, match="exists"):
        main(order)
    order[-1] = "other.ckpt"
    text = yaml.safe_load(config.read_text())
    text["model"]["init_args"]["inputs"]["mean"] = [0.5] * 9
    Path("mean.yaml").write_text(yaml.safe_dump(text))
    order[2] = "mean.yaml"
    with pytest.raises(NotRecovered, match=r"otherwise, by .* and more"):
        main(order)
    two = [str(repository / "models/zoo/steppe-s2-degradation/1.0.0"), *order[1:]]
    with pytest.raises(NotRecovered, match=r"degradation@1\.0\.0 compares two dates"):
        main(two)
    text["model"]["init_args"]["network"]["name"] = "unet-lite0"
    Path("lite0.yaml").write_text(yaml.safe_dump(text))
    order[2] = "lite0.yaml"
    with pytest.raises(NotRecovered, match="other weights than the network of the configuration"):
        main(order)
    Path("none.yaml").write_text("data: {}")
    order[2] = "none.yaml"
    with pytest.raises(ConfigError, match=r"describes no training\.task\.LandCoverTask"):
        main(order)
    Path("none.yaml").write_text("model: {class_path: training.task.LandCoverTask, init_args: {legend: unccd7}}")
    with pytest.raises(ConfigError, match=r"none\.yaml describes no network"):
        main(order)
    assert not Path("other.ckpt").exists()

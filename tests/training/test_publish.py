"""From a checkpoint to a bundle that the service takes, and the refusals on the way."""

import json

import numpy as np
import onnx
import pytest
import torch
import yaml

from landcover.bundle import load_bundle, verify_bundle
from landcover.errors import ConfigError, OutputNotWritable, ParityError
from landcover.manifest import BandStatistics
from models import export
from serving.engine import Engine
from tests.training import test_cli
from tests.training.test_cli import SMALL
from training import cli
from training.evaluate import main as evaluate
from training.golden import golden_input
from training.inference import CheckpointUnreadable, load_task
from training.publish import main as publish
from training.temperature import fit_temperature

pytestmark = test_cli.pytestmark


@pytest.fixture(scope="module")
def trained(data_root, repository, tmp_path_factory):
    """A checkpoint of the smoke configuration on generated data, and what the commands need beside it."""
    folder = tmp_path_factory.mktemp("trained")
    config = repository / "configs/train/smoke.yaml"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEPPE_DATA", str(data_root))
        patch.chdir(folder)
        logger = f"--trainer.logger.init_args.save_dir={folder}"
        assert cli.train(["fit", "-c", str(config), *SMALL, logger]) == 0
        text = yaml.safe_load((repository / "configs/publish/s2_landcover.yaml").read_text())
        (folder / "publish.yaml").write_text(yaml.safe_dump(text | {"name": "smoke", "tile_size": 64, "overlap": 32}))
        yield {
            "config": ["-c", str(config)],
            "checkpoint": next(folder.rglob("best.ckpt")),
            "text": folder / "publish.yaml",
            "zoo": folder / "zoo",
        }


def order(trained, version, **changes):
    given = trained | changes
    return [
        *given["config"],
        *("-p", str(given["text"]), "--checkpoint", str(given["checkpoint"])),
        *("--version", version, "-o", str(given["zoo"])),
    ]


def test_published_bundle_is_complete_and_runs(trained):
    assert publish(order(trained, "0.1.0")) == 0
    bundle = load_bundle(trained["zoo"] / "smoke" / "0.1.0")
    verify_bundle(bundle)
    assert Engine(bundle).self_test() < 1e-4
    manifest = bundle.manifest
    assert manifest.bands[0] == "B02"
    assert manifest.architecture == "plain-tiny"
    assert set(manifest.provenance["sites"]) == {"train", "val", "test"}
    assert len(manifest.provenance["training_files_sha256"]) == 64
    card = bundle.card()
    for part in (
        "## Accuracy on sites it never saw",
        "### Per class",
        "### Per site",
        "mumbai",
        "## Terms",
        "CC BY 4.0",
    ):
        assert part in card
    assert "None" not in card


def test_graph_carries_the_manifest_and_no_path_of_this_machine(trained, tmp_path):
    publish(order(trained, "0.2.0"))
    content = (trained["zoo"] / "smoke/0.2.0/model.onnx").read_bytes()
    model = onnx.load_model_from_string(content)
    stored = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(stored["stac_item"])["properties"]["mlm:name"] == "smoke"
    assert b"site-packages" not in content
    assert str(tmp_path.parent).encode() not in content


def test_evaluating_the_bundle_gives_the_checkpoints_figures(trained, tmp_path):
    publish(order(trained, "0.3.0"))
    tiles = ["--tile", "64", "--overlap", "32", "--split", "test"]
    for name, model in (
        ("checkpoint", ["--checkpoint", str(trained["checkpoint"])]),
        ("bundle", ["--bundle", str(trained["zoo"] / "smoke/0.3.0")]),
    ):
        assert evaluate([*trained["config"], *model, *tiles, "-o", str(tmp_path / name)]) == 0
    by_checkpoint, by_bundle = (json.loads((tmp_path / name).read_text()) for name in ("checkpoint", "bundle"))
    # Temperature never changes which class wins, so both must agree pixel for pixel.
    assert by_checkpoint["confusion_matrix"] == by_bundle["confusion_matrix"]
    assert by_checkpoint["overall_accuracy"] == by_bundle["overall_accuracy"]
    assert set(by_bundle["by_level"]) == {"unknown"}


def test_a_version_is_published_once(trained):
    publish(order(trained, "0.4.0"))
    with pytest.raises(OutputNotWritable, match=r"smoke@0\.4\.0 exists"):
        publish(order(trained, "0.4.0"))


def test_disagreement_with_the_network_refuses_to_write(trained, monkeypatch):
    monkeypatch.setattr(export, "PARITY_TOLERANCE", -1.0)
    with pytest.raises(ParityError, match="nothing was written"):
        publish(order(trained, "0.5.0"))
    assert not (trained["zoo"] / "smoke" / "0.5.0").exists()


def test_incomplete_text_is_refused_before_any_work(trained, tmp_path):
    text = tmp_path / "text.yaml"
    text.write_text("name: smoke\ntitle: x\n")
    with pytest.raises(ConfigError, match="lacks description, licence"):
        publish(order(trained, "0.6.0", text=text))


@pytest.mark.parametrize("content", [None, b"", b"not a checkpoint", b"PK\x03\x04broken"])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "model.ckpt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointUnreadable, match=r"model\.ckpt"):
        load_task(path)


def test_golden_input_looks_like_the_bands_and_is_repeatable():
    statistics = [BandStatistics(1500, 700, 100, 1400, 5000), BandStatistics(3000, 300, 2000, 3000, 4000)]
    first, second = (golden_input(statistics, side=128, windows=2, seed=4) for _ in range(2))
    assert np.array_equal(first, second)
    assert first.dtype == np.uint16
    assert first.shape == (2, 2, 128, 128)
    assert first.min() >= 1
    for index, band in enumerate(statistics):
        assert np.median(first[:, index]) == pytest.approx(band.p50, rel=0.15)
        assert band.p01 - 500 < np.quantile(first[:, index], 0.01)
        assert np.quantile(first[:, index], 0.99) < band.p99 * 1.3


class Overconfident(torch.nn.Module):
    """Logits three times as large as they should be."""

    def forward(self, dn_NBHW):
        return 3 * dn_NBHW


def test_temperature_undoes_overconfidence(monkeypatch):
    draw = torch.Generator().manual_seed(0)
    logits_PK = 2 * torch.randn(60_000, 7, generator=draw)
    labels_P = torch.multinomial(torch.softmax(logits_PK, dim=1), 1, generator=draw)[:, 0]
    monkeypatch.setattr("training.temperature._labelled_logits", lambda *_: (3 * logits_PK, labels_P))
    assert fit_temperature(Overconfident(), []) == pytest.approx(3, rel=0.03)

"""From a checkpoint to a bundle that the service takes, and the refusals on the way."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
import yaml

from landcover.bundle import load_bundle, verify_bundle
from landcover.errors import ConfigError, OutputNotWritable, ParityError
from landcover.precision import Precision
from models import export
from serving.engine import Engine
from tests.training import fits
from tests.training.conftest import BANDS_9
from training import promotion
from training.candidates import ModelDoesNotFit
from training.config import data_from_config, read_yaml
from training.evaluate import main as evaluate
from training.gate import GateRefused
from training.order import Int8Choice
from training.order_text import check_text
from training.publish import main as publish
from training.variants import Int8Refused

pytestmark = [*fits.WARNINGS, pytest.mark.slow]

INT8 = {"windows": 3, "side": 32, "method": "minmax"}


@pytest.fixture(scope="module")
def trained(data_root, repository, tmp_path_factory):
    """A checkpoint of the smoke configuration on generated data, and what the command needs beside it."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEPPE_DATA", str(data_root))
        patch.chdir(folder)
        text = yaml.safe_load((repository / "configs/publish/s2_landcover.yaml").read_text())
        del text["evaluation"]
        # Nothing is asked of the accuracy of random weights; the variant's own limit is tested below.
        small = {"name": "smoke", "tile_size": 64, "overlap": 32, "int8": INT8 | {"max_loss": 1.0, "float_first": 1}}
        (folder / "publish.yaml").write_text(yaml.safe_dump(text | small))
        assert fits.fit(folder, epochs=1) == 0
        yield {
            "config": repository / "configs/train/smoke.yaml",
            "checkpoint": folder / "version_0/checkpoints/last.ckpt",
            "text": folder / "publish.yaml",
            "zoo": folder / "zoo",
        }


def order(trained, version, *more, **changes):
    given = {key: str(value) for key, value in (trained | changes).items()}
    return [
        *("-c", given["config"], "-p", given["text"], "--checkpoint", given["checkpoint"]),
        *("--version", version, "-o", given["zoo"], *more),
    ]


def other_text(trained, path, **changes):
    path.write_text(yaml.safe_dump(yaml.safe_load(trained["text"].read_text()) | changes))
    return path


@pytest.fixture(scope="module")
def published(trained):
    assert publish(order(trained, "0.1.0")) == 0
    return load_bundle(trained["zoo"] / "smoke/0.1.0")


def test_published_bundle_is_complete_and_runs(published):
    verify_bundle(published)
    assert Engine(published).self_test() < 1e-4
    manifest = published.manifest
    assert manifest.bands == BANDS_9
    assert manifest.dates == 1
    assert manifest.architecture == "plain-tiny"
    assert set(manifest.provenance["sites"]) == {"train", "val", "test"}
    assert len(manifest.provenance["training_files_sha256"]) == 64
    assert manifest.provenance["gate"] == {"champion": None}
    assert manifest.scores["test"]["sites"] > 3


def test_the_card_names_a_command_for_each_figure(published):
    card = published.card()
    for part in ("## Accuracy on sites it never saw", "### Per class", "### Per site", "mumbai", "CC BY 4.0"):
        assert part in card
    for command in ("--split=test", "--precision=int8"):
        assert any(line.startswith("steppe evaluate -c") and command in line for line in card.splitlines())
    assert "None" not in card
    assert " nan " not in card


def test_the_int8_variant_runs_and_its_figures_are_in_the_manifest(published):
    engine = Engine(published, provider="cpu", precision=Precision.INT8)
    assert engine.self_test() == 0
    variant = published.manifest.variants[Precision.INT8]
    assert variant.fp32_macro_iou == published.manifest.scores["test"]["macro_iou"]
    dn = published.sample().dn_NBHW
    same = engine.run(dn).argmax(axis=1) == Engine(published).run(dn).argmax(axis=1)
    assert same.mean() > 0.8
    assert not np.array_equal(engine.run(dn), Engine(published).run(dn))


def test_evaluating_the_bundle_gives_the_figures_of_card_and_manifest(trained, published, tmp_path):
    manifest = published.manifest
    for precision, expected in (
        ("fp32", manifest.scores["test"]["macro_iou"]),
        ("int8", manifest.variants[Precision.INT8].macro_iou),
    ):
        words = ["-c", str(trained["config"]), "--bundle", str(published.path), "--precision", precision]
        sizes = ["--tile", "64", "--overlap", "32", "--split", "test"]
        assert evaluate([*words, *sizes, "-o", str(tmp_path / precision)]) == 0
        report = json.loads((tmp_path / precision / "report.json").read_text())
        assert report["macro_iou"] == expected


def test_both_graphs_carry_the_manifest_and_no_path_of_this_machine(published, tmp_path):
    for name in ("model.onnx", "model.int8.onnx"):
        content = published.read(name)
        model = onnx.load_model_from_string(content)
        stored = {entry.key: entry.value for entry in model.metadata_props}
        assert json.loads(stored["stac_item"])["properties"]["mlm:name"] == "smoke"
        assert b"site-packages" not in content
        assert str(tmp_path.parents[1]).encode() not in content


def test_a_dry_run_shows_the_files_and_writes_nothing(trained, capsys):
    assert publish(order(trained, "0.2.0", "--dry-run", zoo=trained["zoo"] / "empty")) == 0
    printed = capsys.readouterr().out
    assert "would be written: smoke@0.2.0" in printed
    assert "model.int8.onnx" in printed
    assert "no champion" in printed
    assert not (trained["zoo"] / "empty").exists()


def test_the_card_names_the_layers_that_stay_float(published):
    assert (
        "8 bits between the first and the last layer with weights, but for the first one, which stay"
        in published.card()
    )
    assert published.manifest.provenance["int8"]["float32_layers"] == {"first": 1, "last": 0}


def test_an_int8_variant_that_loses_too_much_is_left_out_and_the_card_says_so(trained, tmp_path, capsys, monkeypatch):
    refuse(monkeypatch)
    assert publish(order(trained, "0.3.0", zoo=tmp_path)) == 0
    bundle = load_bundle(tmp_path / "smoke/0.3.0")
    verify_bundle(bundle)
    assert bundle.manifest.variants == {}
    assert sorted(bundle.manifest.files) == ["card.md", "model.onnx", "sample.npz"]
    assert bundle.manifest.provenance["int8"]["published"] is False
    assert "Not part of this bundle: the int8 variant loses" in bundle.card()
    assert "int8 refused" in capsys.readouterr().out


def test_a_required_int8_variant_that_loses_too_much_stops_everything(trained, tmp_path, monkeypatch):
    refuse(monkeypatch)
    with pytest.raises(Int8Refused, match=r"more than 0\.5; nothing was published") as caught:
        publish(order(trained, "0.3.1", "--require-int8", zoo=tmp_path))
    assert caught.value.exit_code == 7
    assert not (tmp_path / "smoke").exists()


def refuse(monkeypatch):
    """Quantise into noise: the graph of other random weights is no variant of this one."""
    real = export.onnx.load_model_from_string

    def spoilt(content, *_):
        model = real(content)
        for tensor in model.graph.initializer:
            if tensor.name.endswith("weight"):
                values = onnx.numpy_helper.to_array(tensor)
                tensor.CopyFrom(onnx.numpy_helper.from_array(-values, tensor.name))
        return model.SerializeToString()

    monkeypatch.setattr("training.variants.quantise_graph", spoilt)
    monkeypatch.setattr("training.order.Order.int8", lambda _: Int8Choice(windows=1, side=32))


def test_no_int8_when_the_configuration_says_so(trained, tmp_path):
    text = other_text(trained, tmp_path / "text.yaml", int8=False)
    assert publish(order(trained, "0.4.0", text=text, zoo=tmp_path)) == 0
    bundle = load_bundle(tmp_path / "smoke/0.4.0")
    assert "## The int8 variant" not in bundle.card()
    assert (bundle.manifest.variants, "int8" in bundle.manifest.provenance) == ({}, False)
    with pytest.raises(ConfigError, match="--require-int8 contradicts"):
        publish(order(trained, "0.4.1", "--require-int8", text=text, zoo=tmp_path))


def test_a_version_is_published_once(trained, published):
    with pytest.raises(OutputNotWritable, match=r"smoke@0\.1\.0 exists"):
        publish(order(trained, published.manifest.version))


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


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"licens": "MIT"}, "has licens, which nothing reads"),
        ({"int8": {"method": "best"}}, "'best' is not a valid Method"),
        ({"int8": {"bits": 4}}, "is not understood"),
        ({"int8": {"side": 33}}, "multiple of 32"),
        ({"int8": {"percentile": 0}}, "above 50"),
        ({"gate": {"tolerances": 1}}, "is not understood"),
        ({"evaluation": "report.json"}, "leave out `evaluation`"),
    ],
)
def test_entries_that_cannot_be_used_are_refused_before_any_work(trained, tmp_path, entry, says):
    with pytest.raises(ConfigError, match=says):
        publish(order(trained, "0.6.1", text=other_text(trained, tmp_path / "text.yaml", **entry)))


def test_data_with_other_bands_is_refused(trained, tmp_path):
    config = yaml.safe_load(trained["config"].read_text())
    config["data"]["init_args"]["source"]["init_args"]["bands"] = list(BANDS_9[:4])
    (tmp_path / "four.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(ModelDoesNotFit, match="bands"):
        publish(order(trained, "0.7.0", config=tmp_path / "four.yaml"))


@pytest.fixture(scope="module")
def first_version(trained, tmp_path_factory):
    """A registry with one version of the network, which is the champion of the next."""
    folder = tmp_path_factory.mktemp("registry")
    text = other_text(trained, folder / "text.yaml", int8=False)
    assert publish(order(trained, "0.1.0", zoo=folder, text=text)) == 0
    return folder


@pytest.fixture
def a_better_champion(monkeypatch):
    """The champion's graph, seen through the labels: a model that is always right."""

    def right(bundle, scenes, legend, sizes):
        evaluation = real(bundle, scenes, legend, sizes)
        perfect = [replace(each, matrix=np.diag(each.matrix.sum(axis=1))) for each in evaluation.scenes]
        return replace(evaluation, scenes=tuple(perfect))

    real = promotion._evaluated
    monkeypatch.setattr(promotion, "_evaluated", right)


def test_the_same_network_again_passes_the_gate(trained, first_version, tmp_path, capsys):
    text = other_text(trained, tmp_path / "same.yaml", int8=False, gate={"tolerance": 0.0})
    champion = ("--champion", str(first_version / "smoke/0.1.0"))
    assert publish(order(trained, "0.2.0", *champion, zoo=tmp_path, text=text)) == 0
    assert "promotion gate: both graphs on the test scenes" in capsys.readouterr().out
    gate = load_bundle(tmp_path / "smoke/0.2.0").manifest.provenance["gate"]
    assert gate["champion"] == "smoke@0.1.0"
    assert {row["verdict"] for row in gate["scores"]} == {"ok"}


@pytest.mark.usefixtures("a_better_champion")
@pytest.mark.parametrize("option", [(), ("--dry-run",)])
def test_a_worse_network_is_not_published(trained, first_version, tmp_path, option, capsys):
    text = other_text(trained, tmp_path / "gate.yaml", int8=False)
    with pytest.raises(GateRefused, match=r"against smoke@0\.1\.0, overall accuracy falls from 1\.000 to") as caught:
        publish(order(trained, "0.2.0", *option, zoo=first_version, text=text))
    assert caught.value.exit_code == 8
    assert "refused" in capsys.readouterr().out
    assert not (first_version / "smoke/0.2.0").exists()


@pytest.mark.usefixtures("a_better_champion")
def test_force_publishes_and_records_who_and_why(trained, first_version, tmp_path):
    text = other_text(trained, tmp_path / "gate.yaml", int8=False)
    more = ("--champion", str(first_version / "smoke/0.1.0"), "--force", "Ada: the champion saw the labels")
    assert publish(order(trained, "0.2.0", *more, zoo=tmp_path, text=text)) == 0
    bundle = load_bundle(tmp_path / "smoke/0.2.0")
    verify_bundle(bundle)
    override = bundle.manifest.provenance["gate"]["override"]
    assert (override["who"], override["why"]) == ("Ada", "the champion saw the labels")
    assert "Published against the promotion gate by Ada" in bundle.card()
    assert "| refused |" in bundle.card()


@pytest.mark.parametrize("text", ["", "because", "Ada:"])
def test_force_without_who_and_why_is_wrong_use(trained, text, capsys):
    with pytest.raises(SystemExit) as caught:
        publish(order(trained, "0.2.0", "--force", text))
    assert caught.value.code == 2
    assert "WHO: WHY" in capsys.readouterr().err


@pytest.fixture
def crossed(trained, tmp_path):
    """A network trained on all sites, and the report of its cross-validation by two folds."""
    config = yaml.safe_load(trained["config"].read_text())
    sites = sorted({scene.info.site for scene in data_from_config(trained["config"]).source.scenes()})
    folds = {"folds": [sites[::2], sites[1::2]]}
    (tmp_path / "folds.yaml").write_text(yaml.safe_dump(folds))
    config["data"]["init_args"]["split"] = {"folds": str(tmp_path / "folds.yaml"), "fold": "none"}
    (tmp_path / "all.yaml").write_text(yaml.safe_dump(config))
    for fold in range(2):
        stored = torch.load(trained["checkpoint"], weights_only=True)
        del stored["training_sites"]  # one network stands for those of both folds
        torch.save(stored, tmp_path / f"fold{fold}.ckpt")
    words = ["-c", str(tmp_path / "all.yaml"), "--folds", str(tmp_path / "fold{fold}.ckpt"), "--tile", "64"]
    assert evaluate([*words, "--device", "cpu", "-o", str(tmp_path / "crossed")]) == 0
    return {"config": tmp_path / "all.yaml", "report": tmp_path / "crossed/report.json"}


def test_a_network_trained_on_all_sites_carries_the_figures_of_its_folds(trained, crossed, first_version, tmp_path):
    text = other_text(trained, tmp_path / "text.yaml", int8=INT8 | {"max_loss": 1.0}, evaluation=str(crossed["report"]))
    champion = ("--champion", str(first_version / "smoke/0.1.0"))
    given = {"config": crossed["config"], "text": text, "zoo": tmp_path / "zoo"}
    assert publish(order(trained, "1.0.0", *champion, **given)) == 0
    bundle = load_bundle(tmp_path / "zoo/smoke/1.0.0")
    verify_bundle(bundle)
    report = json.loads(crossed["report"].read_text())
    assert bundle.manifest.scores == {"cross_validation": report}
    assert bundle.manifest.temperature == pytest.approx(
        np.exp(np.mean(np.log([*report["temperatures"].values()]))), abs=1e-4
    )
    assert bundle.manifest.provenance["sites"]["test"] == []
    # The champion's own network, scored where the champion held out and where the folds did: nothing is lost.
    gate = bundle.manifest.provenance["gate"]
    assert {row["verdict"] for row in gate["scores"]} <= {"ok", "undefined"}
    held_out = load_bundle(first_version / "smoke/0.1.0").manifest.provenance["sites"]["test"]
    assert {name.rsplit("_", 1)[0] for name in gate["scenes"] if name[-4:].isdigit()} <= set(held_out)
    card = bundle.card()
    for part in (
        "## Accuracy by cross-validation",
        "### Per fold",
        "scenes that this network was trained on",
        "--folds",
    ):
        assert part in card
    assert "it never saw" not in card


def test_a_split_without_test_needs_the_report_of_a_cross_validation(trained, crossed):
    with pytest.raises(ConfigError, match="the split has no test scenes; name the report"):
        publish(order(trained, "1.0.1", config=crossed["config"]))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"overlap": "many"}, "overlap is 'many'"),
        ({"overlap": 64, "tile_size": 64}, "overlap 64 is not below tile_size 64"),
        ({"tile_size": 0}, "tile_size is 0"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"limits": 3}, "limits is 3"),
        ({"terms": "abc"}, "terms is 'abc'"),
        ({"name": 5}, "name is 5"),
        ({"name": "A b"}, "name is 'A b'"),
        ({"title": None}, "title is None"),
        ({"levels": ["L9"]}, "levels L9 are not known"),
    ],
)
def test_words_of_a_wrong_kind_are_refused_before_anything_is_scored(repository, change, says):
    text = read_yaml(repository / "configs/publish/s2_landcover.yaml") | change
    with pytest.raises(ConfigError, match=says):
        check_text(text)


@pytest.mark.parametrize("name", ["s2_landcover", "s2_degradation"])
def test_the_shipped_words_are_fit_to_publish(repository, name):
    check_text(read_yaml(repository / f"configs/publish/{name}.yaml"))

"""From field plots to a map: fit, cross-validate, publish, classify a Landsat raster, and change the table."""

import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio
import yaml

from landcover.bundle import load_bundle, verify_bundle, write_bundle
from landcover.errors import BundleInvalid, ConfigError, OutputNotWritable
from landcover.manifest import CARD_FILE, MODEL_FILE, SAMPLE_FILE
from landcover.sensors import get_product
from serving.cli import main as steppe
from serving.engine import Engine
from tests.bundles import tiny_bundle
from tests.rasters import north_up, write_tiff
from tests.training.severity.conftest import REPOSITORY, mixed, write_config
from training import cli
from training.gate import GateRefused
from training.inference import CheckpointUnreadable
from training.severity.cross_validation import read_recipe, train_fold
from training.severity.evaluate import main as evaluate
from training.severity.folds import fold_of_plots
from training.severity.plots import to_digital_numbers
from training.severity.publish import main as publish
from training.severity.scores import cover_scores
from training.severity.table import read_table
from training.severity.task import load_severity_task

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::jsonargparse._deprecated.JsonargparseDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*smaller than the logging interval"),
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*does not have any valid"),
    pytest.mark.filterwarnings("ignore:.*lr_scheduler.step"),
]
HEIGHT, WIDTH = 70, 90


@pytest.fixture(scope="module")
def house(plots_root, tmp_path_factory):
    """A trained checkpoint and a published bundle of generated plots, and where they lie."""
    folder = tmp_path_factory.mktemp("severity")
    config = write_config(folder / "config.yaml")
    text = yaml.safe_load((REPOSITORY / "configs/publish/landsat_severity.yaml").read_text())
    text |= {"name": "severity", "table": str(REPOSITORY / "configs/severity/bare_ground.yaml"), "tile_size": 64}
    (folder / "publish.yaml").write_text(yaml.safe_dump(text))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEPPE_DATA", str(plots_root))
        patch.chdir(folder)
        assert cli.train(["fit", "-c", str(config), "--trainer.logger=false"]) == 0
        (checkpoint,) = folder.rglob("best.ckpt")
        given = {"folder": folder, "config": config, "text": folder / "publish.yaml", "checkpoint": checkpoint}
        assert publish(order(given, "0.1.0")) == 0
        yield given


def order(house, version, *, source=None, text=None):
    source = source or ("--checkpoint", str(house["checkpoint"]))
    text = text or house["text"]
    return [
        "-c",
        str(house["config"]),
        "-p",
        str(text),
        *source,
        "--version",
        version,
        "-o",
        str(house["folder"] / "zoo"),
    ]


@pytest.fixture(scope="module")
def raster(tmp_path_factory):
    """A Landsat image of generated land, barer from left to right, with a hole; and its digital numbers."""
    bare = np.broadcast_to(np.linspace(0, 1, WIDTH), (HEIGHT, WIDTH)).ravel()
    cover = np.stack([bare, (1 - bare) * 0.4, (1 - bare) * 0.6], axis=1)
    product = get_product("landsat-8-c2-l2")
    dn_PB = to_digital_numbers(mixed(cover, seed=9), product)
    dn_BRC = dn_PB.T.reshape(5, HEIGHT, WIDTH).copy()
    dn_BRC[:, 10:20, 5:15] = 0
    tags = {"processing_level": "L2SP", "scale": "0.0000275", "offset": "-0.2"}
    path = tmp_path_factory.mktemp("raster") / "landsat.tif"
    names = ("SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7")
    return write_tiff(path, dn_BRC, names=names, tags=tags, nodata=0, transform=north_up(30.0)), dn_BRC


def classified(house, raster, out, monkeypatch, *, model="severity@0.1.0", **environment):
    for name, value in {"registry": house["folder"] / "zoo", "threads": 1, **environment}.items():
        monkeypatch.setenv(f"STEPPE_{name.upper()}", str(value))
    assert steppe(["classify", str(raster), "-m", model, "-o", str(out)]) == 0
    with rasterio.open(out) as dataset:
        return dataset.read(1)


def test_bundle_is_complete_and_reproduces_its_golden_sample(house):
    bundle = load_bundle(house["folder"] / "zoo/severity/0.1.0")
    verify_bundle(bundle)
    assert Engine(bundle).self_test() < 1e-4
    manifest = bundle.manifest
    assert manifest.legend_id == "severity5"
    assert manifest.provenance["severity_table"]["bounds"] == [0.3, 0.6, 0.75, 0.9]
    headline, bright = manifest.scores["cross_validation"]
    assert (headline["rule"], bright["rule"]) == ("random", "bright")
    assert headline["bare_fraction"]["plots"] == sum(map(sum, headline["confusion_matrix"])) == 400
    card = bundle.card()
    for part in (
        "## The levels",
        "60 to 75 %",
        "producer's",
        "Not the Chinese standard",
        "One date shows state",
        "MIT",
    ):
        assert part in card
    assert "None" not in card
    assert str(house["folder"]) not in card


def test_a_landsat_raster_is_classified_as_torch_would(house, raster, tmp_path, monkeypatch):
    path, dn_BRC = raster
    codes = classified(house, path, tmp_path / "map.tif", monkeypatch)
    other_windows = classified(house, path, tmp_path / "other.tif", monkeypatch, tile=96, overlap=32)
    assert np.array_equal(codes, other_windows)
    valid = (dn_BRC != 0).any(axis=0)
    assert (codes[~valid] == 255).all()
    import torch  # noqa: PLC0415 (only here)

    net = load_severity_task(house["checkpoint"]).severity_net((0.3, 0.6, 0.75, 0.9)).eval()
    with torch.inference_mode():
        expected = net.probabilities(torch.from_numpy(dn_BRC[None].astype(np.float32)))[0].numpy()
    top = np.sort(expected, axis=0)
    sure = valid & (top[-1] - top[-2] > 1e-4)
    assert np.array_equal(codes[sure], expected.argmax(axis=0)[sure])
    assert codes[valid].min() == 0
    assert (codes[40:, -5:] >= 2).mean() > 0.9


def test_another_table_changes_the_levels_and_needs_no_data(house, raster, tmp_path, monkeypatch):
    path, _ = raster
    monkeypatch.delenv("STEPPE_DATA", raising=False)
    table = {"quantity": "bare_fraction", "note": "ours"} | {
        "levels": {
            "non_desertified": [0, 0.1],
            "light": [0.1, 0.3],
            "moderate": [0.3, 0.6],
            "severe": [0.6, 0.75],
            "extremely_severe": [0.75, 1],
        }
    }
    (tmp_path / "ours.yaml").write_text(yaml.safe_dump(table))
    text = yaml.safe_load(house["text"].read_text()) | {"table": str(tmp_path / "ours.yaml")}
    (tmp_path / "publish.yaml").write_text(yaml.safe_dump(text))
    source = ("--bundle", str(house["folder"] / "zoo/severity/0.1.0"))
    assert publish(order(house, "0.1.0-ours", source=source, text=tmp_path / "publish.yaml")) == 0
    bundle = load_bundle(house["folder"] / "zoo/severity/0.1.0-ours")
    verify_bundle(bundle)
    assert Engine(bundle).self_test() < 1e-4
    assert "ours" in bundle.card()
    assert "was not measured" in bundle.card()
    before = load_bundle(house["folder"] / "zoo/severity/0.1.0").sample().probabilities_NKHW
    after = bundle.sample().probabilities_NKHW
    # 30, 60 and 75 % are bounds of both tables, one level apart.
    np.testing.assert_allclose(after[:, 2:4], before[:, 1:3], atol=5e-5)  # torch before, ONNX Runtime after
    np.testing.assert_allclose(after[:, 0] + after[:, 1], before[:, 0], atol=5e-5)  # torch before, ONNX Runtime after
    codes = classified(house, path, tmp_path / "map.tif", monkeypatch, model="severity@0.1.0-ours")
    assert (codes[codes != 255] >= classified(house, path, tmp_path / "a.tif", monkeypatch)[codes != 255]).all()


def test_a_version_that_is_worse_is_not_published_unless_somebody_answers_for_it(house, tmp_path, capsys):
    champion = load_bundle(house["folder"] / "zoo/severity/0.1.0")
    scores = json.loads(json.dumps(champion.manifest.scores))
    scores["cross_validation"][0]["bare_fraction"]["r2"] = 0.9999
    better = replace(champion.manifest, version="0.2.0", scores=scores, files={})
    write_bundle(tmp_path, better, {name: champion.read(name) for name in (MODEL_FILE, SAMPLE_FILE, CARD_FILE)})
    worse = [*order(house, "0.3.0"), "--champion", str(tmp_path / "severity/0.2.0")]
    with pytest.raises(GateRefused, match=r"against severity@0\.2\.0, R2 of the bare fraction falls from 1\.000"):
        publish(worse)
    assert not (house["folder"] / "zoo/severity/0.3.0").exists()
    assert "promotion gate: the recorded cross-validations of both" in " ".join(capsys.readouterr().out.split())
    assert publish([*worse, "--force", "Ada: the plots were measured again"]) == 0
    bundle = load_bundle(house["folder"] / "zoo/severity/0.3.0")
    gate = bundle.manifest.provenance["gate"]
    assert gate["override"]["why"] == "the plots were measured again"
    # The same recipe on the same plots: every other score is the champion's own.
    assert [row["name"] for row in gate["scores"] if row["verdict"] == "refused"] == ["R2 of the bare fraction"]
    assert "Published against the promotion gate by Ada" in bundle.card()
    assert str(tmp_path) not in bundle.card()


def test_only_severity_bundles_take_a_table(house, tmp_path):
    other = tiny_bundle(tmp_path)
    with pytest.raises(BundleInvalid, match="has no table of 4 bounds"):
        publish(order(house, "0.5.0", source=("--bundle", str(other.path))))


def test_what_cannot_be_published_is_refused_before_any_work(house, tmp_path):
    with pytest.raises(OutputNotWritable, match=r"severity@0\.1\.0 exists"):
        publish(order(house, "0.1.0"))
    (tmp_path / "short.yaml").write_text("name: severity\ntable: x.yaml\n")
    with pytest.raises(ConfigError, match="lacks title, description"):
        publish(order(house, "0.4.0", text=tmp_path / "short.yaml"))
    (tmp_path / "no.ckpt").write_bytes(b"no")
    with pytest.raises(CheckpointUnreadable, match=r"no\.ckpt is no checkpoint"):
        publish(order(house, "0.4.0", source=("--checkpoint", str(tmp_path / "no.ckpt"))))
    with pytest.raises(ConfigError, match="does not train on field plots"):
        read_recipe(REPOSITORY / "configs/train/smoke.yaml")


def test_cross_validation_is_what_the_command_line_trains(house, plots_root, tmp_path, monkeypatch):
    monkeypatch.setenv("STEPPE_DATA", str(plots_root))
    monkeypatch.chdir(tmp_path)
    fold = ["--data.init_args.hold_out.fold=1", "--trainer.logger=false"]
    assert cli.train(["fit", "-c", str(house["config"]), *fold]) == 0
    (checkpoint,) = tmp_path.rglob("best.ckpt")
    recipe = read_recipe(house["config"])
    inside = train_fold(recipe, recipe.build_data(hold_out={"fold": 1})).state_dict()
    outside = load_severity_task(checkpoint).state_dict()
    assert all((inside[name] == outside[name]).all() for name in outside)


def test_evaluation_scores_every_plot_by_a_network_that_never_saw_it(house, plots_root, monkeypatch, capsys):
    from sklearn.linear_model import Ridge  # noqa: PLC0415 (the oracle; training has no use for it)
    from sklearn.model_selection import cross_val_predict  # noqa: PLC0415

    monkeypatch.setenv("STEPPE_DATA", str(plots_root))
    table = REPOSITORY / "configs/severity/bare_ground.yaml"
    assert evaluate(["-c", str(house["config"]), "--table", str(table), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    plots = read_recipe(house["config"]).build_data().plots
    folds = fold_of_plots(plots, "random", 5)
    assert [fold["plots"] for fold in report["folds"]] == np.bincount(folds).tolist()
    truth = np.bincount(read_table(table).levels(plots.bare), minlength=5)
    assert [row["plots"] for row in report["levels"]] == truth.tolist()
    splits = [((folds != fold).nonzero()[0], (folds == fold).nonzero()[0]) for fold in range(5)]
    ridge = cross_val_predict(Ridge(1e-3), plots.dn_PB * 1e-4, plots.bare, cv=splits)
    # A fit of six small epochs is no worse than a straight line by much; far better than the mean of the plots.
    assert report["bare_fraction"]["rmse"] < 1.3 * np.sqrt(((ridge - plots.bare) ** 2).mean())
    assert report["bare_fraction"]["r2"] > 0.8


def test_scores_against_their_formulas():
    from sklearn.metrics import r2_score, root_mean_squared_error  # noqa: PLC0415

    from training.severity.scores import Estimates, level_scores, within_one  # noqa: PLC0415

    random = np.random.default_rng(0)
    bare, mean = random.random((2, 300))
    bare[:40] = 0
    at_most = np.where(bare == 0, 0.3, random.random(300))
    levels = random.dirichlet(np.ones(5), 300).astype(np.float32)
    found = cover_scores(Estimates(bare, mean, at_most, levels))
    assert found.rmse == pytest.approx(root_mean_squared_error(bare, mean))
    assert found.r2 == pytest.approx(r2_score(bare, mean))
    assert found.bias == pytest.approx((mean - bare).mean())
    inside = (at_most[40:] >= 0.25) & (at_most[40:] <= 0.75)
    assert found.coverage[0] == pytest.approx((40 + inside.sum()) / 300)  # no bare ground: inside, from 0 to the 75 %
    table = read_table(REPOSITORY / "configs/severity/bare_ground.yaml")
    scores, reliability = level_scores(Estimates(bare, mean, at_most, levels), table)
    truth, mapped = table.levels(bare), levels.argmax(axis=1)
    assert scores.overall_accuracy == pytest.approx((truth == mapped).mean())
    assert within_one(scores) == pytest.approx((abs(truth - mapped) <= 1).mean())
    assert sum(reliability.counts) == 300

"""``steppe evaluate`` from the command line: one network, a bundle, all folds, and what it refuses."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from rasterio.transform import from_origin

from indicators.transitions import UNCCD7_TRANSITIONS
from landcover.bundle import load_bundle
from landcover.errors import BundleInvalid, ConfigError, OutputNotWritable
from landcover.legends import get_legend
from landcover.precision import VariantMissing
from landcover.sensors import get_product
from serving.cli import main as steppe
from tests.bundles import tiny_bundle
from tests.training.conftest import BANDS_9, write_scene
from tests.training.verdicts import PixelModel, write_checkpoint
from training import candidates
from training import evaluate as command
from training.candidates import Candidate, ModelDoesNotFit, bundle_candidate, checkpoint_candidate, differenced
from training.evaluate import main
from training.inference import CheckpointUnreadable
from training.order import read_cross_validation
from training.split_error import SplitError
from training.temperature import NothingToScore

FLIPS = [(), (2,), (3,), (2, 3)]
TILES = ("--tile", "64", "--overlap", "32", "--device", "cpu")
SMALL_SITES = {
    "train": ["*"],
    "val": ["worldcereal_*", "terramind_*_637U_59R_*"],
    "test": ["eotdl_Boadella", "terramind_*_38D_378R_*"],
}

pytestmark = pytest.mark.filterwarnings("ignore::jsonargparse._deprecated.JsonargparseDeprecationWarning")


@pytest.fixture(autouse=True)
def place(tmp_path, data_root, monkeypatch):
    """An empty working folder, with STEPPE_DATA at the generated data."""
    monkeypatch.setenv("STEPPE_DATA", str(data_root))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configure(split, **source):
    """Write a training configuration and hand out its name."""
    options = {"bands": list(BANDS_9)} | source
    data = {
        "class_path": "training.datamodule.SceneData",
        "init_args": {
            "source": {"class_path": "training.sources.dynamic_world.DynamicWorldSites", "init_args": options},
            "split": split,
        },
    }
    Path("config.yaml").write_text(yaml.safe_dump({"data": data}))
    return "config.yaml"


def by_sites(**source):
    return configure({"sites": SMALL_SITES}, **source)


@pytest.fixture(scope="module")
def few_sites(tmp_path_factory):
    """Root of a collection of four small sites, for runs over all folds."""
    root = tmp_path_factory.mktemp("few")
    kind = {"bands": BANDS_9, "crs": "EPSG:32631", "transform": from_origin(500000, 5000000, 10, 10)}
    for number in range(4):
        write_scene(root / "s2_landcover", f"site{number}_20200101", shape=(30, 33), **kind, seed=number)
    return root


@pytest.fixture
def folds(few_sites, monkeypatch):
    """A configuration of four folds and its checkpoints, the arguments that evaluate them."""
    monkeypatch.setenv("STEPPE_DATA", str(few_sites))
    Path("folds.yaml").write_text(yaml.safe_dump({"folds": [[f"site{number}"] for number in range(4)]}))
    for fold in range(4):
        Path(f"fold{fold}").mkdir(exist_ok=True)
        write_checkpoint(f"fold{fold}/last.ckpt", bands=BANDS_9, seed=fold)
    return ["-c", configure({"folds": "folds.yaml", "fold": 0}), "--folds", "fold{fold}/last.ckpt", *TILES]


def test_a_checkpoint_is_scored_and_reported(place, capsys):
    write_checkpoint("net.ckpt", bands=BANDS_9)
    arguments = ["-c", by_sites(), "--checkpoint", "net.ckpt", *TILES, "-o", "out"]
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert "per class" in shown
    assert re.search(r"overall accuracy 0\.\d{3}, macro IoU 0\.\d{3}", shown)
    report = json.loads((place / "out/report.json").read_text())
    assert report["split"] == "val"
    assert set(report["by_site"]) == {
        "terramind_L1C_637U_59R_1_3",
        "terramind_L2A_637U_59R_1_3",
        "worldcereal_preproc",
    }
    assert report["command"] == f"steppe evaluate {' '.join(arguments)}"
    assert list(report["models"]) == ["net.ckpt"]
    assert "Per class" in (place / "out/report.html").read_text()


def test_json_goes_to_standard_output_alone(place, capsys):
    write_checkpoint("net.ckpt", bands=BANDS_9)
    assert main(["-c", by_sites(), "--checkpoint", "net.ckpt", *TILES, "--split", "test", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["split"] == "test"
    assert set(report["by_site"]) == {"eotdl_Boadella", "terramind_L1C_38D_378R_2_3"}
    assert {path.name for path in place.iterdir()} == {"config.yaml", "net.ckpt"}


def test_options_reach_the_figures(capsys):
    write_checkpoint("net.ckpt", bands=BANDS_9)
    arguments = ["-c", by_sites(), "--checkpoint", "net.ckpt", *TILES, "--json"]
    options = ["--min-share", "0.2", "--boundary-px", "1", "--stable", "cropland"]
    main([*arguments, *options])
    report = json.loads(capsys.readouterr().out)
    assert (report["min_share"], report["boundary_px"]) == (0.2, 1)
    assert report["change"]["stable"] == "cropland"
    frequent = [row["pixels"] >= 0.2 * report["pixels"] for row in report["classes"]]
    assert [row["frequent"] for row in report["classes"]] == frequent


def test_folds_are_pooled_and_each_is_scored_by_its_own_network(folds, capsys):
    assert main([*folds, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert list(report["by_fold"]) == ["0", "1", "2", "3"]
    assert list(report["models"]) == [f"fold {fold}: last.ckpt" for fold in range(4)]
    assert report["pixels"] == sum(row["pixels"] for row in report["by_fold"].values())
    assert set(report["temperatures"]) == {f"fold {fold}" for fold in range(4)}
    # Fold 1 alone, by its own network, gives the same row.
    split = {"folds": "folds.yaml", "fold": 1}
    main(["-c", configure(split), "--checkpoint", "fold1/last.ckpt", *TILES, "--split", "test", "--json"])
    alone = json.loads(capsys.readouterr().out)
    assert report["by_fold"]["1"]["overall_accuracy"] == alone["overall_accuracy"]
    assert report["by_fold"]["1"]["macro_iou"] == alone["macro_iou"]


def test_figures_without_the_sites_that_settings_were_chosen_on(folds, capsys):
    assert main([*folds, "--chosen-on", "site0", "*2", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    rest = [report["by_fold"][fold] for fold in ("1", "3")]  # one site a fold
    others = report["elsewhere"]
    assert others["left_out"] == ["site0", "site2"]
    assert others["pixels"] == sum(row["pixels"] for row in rest)
    right = sum(row["overall_accuracy"] * row["pixels"] for row in rest)
    assert others["overall_accuracy"] == pytest.approx(right / others["pixels"])
    main([*folds, "--chosen-on", "site0", "*2"])
    assert "without the 2 sites that settings were chosen on" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("patterns", "message"),
    [(["paris"], "'paris' fits no site; there are site0, site1"), (["site*"], "leaves no site to score")],
)
def test_sites_that_settings_were_chosen_on_are_checked_before_the_work(folds, patterns, message, monkeypatch):
    monkeypatch.setattr(command, "_evaluated", lambda *_: pytest.fail("work was done"))
    with pytest.raises(ConfigError, match=message):
        main([*folds, "--chosen-on", *patterns])


def test_an_interrupted_cross_validation_goes_on(folds, monkeypatch, capsys):
    arguments = [*folds, "-o", "out", "--json"]
    scored, evaluate = [], command.evaluate_scenes

    def watched(predict, scenes, *rest, **options):
        if len(scored) == 2:
            scored.append("interrupted")
            raise KeyboardInterrupt
        scored.append(scenes[0].info.site)
        return evaluate(predict, scenes, *rest, **options)

    monkeypatch.setattr(command, "evaluate_scenes", watched)
    with pytest.raises(KeyboardInterrupt):
        main(arguments)
    assert main(arguments) == 0
    assert len(scored) == 2 + 1 + 2  # folds 0 and 1 were not scored again
    resumed = json.loads(capsys.readouterr().out)
    main([*folds, "--json"])
    straight = json.loads(capsys.readouterr().out)
    changing = ("created", "command")
    assert {name: value for name, value in resumed.items() if name not in changing} == {
        name: value for name, value in straight.items() if name not in changing
    }
    # Another network of fold 2 is another result; the rest is kept.
    scored.clear()
    scored.extend(["", "", ""])
    write_checkpoint("fold2/last.ckpt", bands=BANDS_9, seed=77)
    main(arguments)
    assert len(scored) == 4


def test_turns_are_averaged_and_the_report_says_so(folds, capsys, monkeypatch):
    calls, average = [], candidates.average_turns

    def counted(answer, dn_NBHW, *rest, **options):
        found = average(answer, dn_NBHW, *rest, **options)
        by_hand = np.mean([np.flip(answer(np.flip(dn_NBHW, axes).copy(), *rest), axes) for axes in FLIPS], axis=0)
        np.testing.assert_allclose(found, by_hand, atol=1e-6)
        calls.append(options)
        return found

    monkeypatch.setattr(candidates, "average_turns", counted)
    main([*folds, "-o", "out", "--json"])
    plain = json.loads(capsys.readouterr().out)
    assert calls == []
    main([*folds, "-o", "out", "--json", "--tta", "flips"])  # the kept folds of the plain network are not taken
    turned = json.loads(capsys.readouterr().out)
    assert len(calls) >= 4
    assert (plain["split"], turned["split"]) == ("held-out folds", "held-out folds, test-time augmentation flips")
    assert turned["ece"] != plain["ece"]
    with pytest.raises(ConfigError, match="not of a cross-validation of this network"):
        read_cross_validation(Path("out"), get_legend("unccd7"))


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04broken"])
def test_an_unreadable_checkpoint_is_one_sentence_and_exit_7(capsys, content):
    if content is not None:
        Path("net.ckpt").write_bytes(content)
    assert steppe(["evaluate", "-c", by_sites(), "--checkpoint", "net.ckpt", *TILES]) == 7
    error = capsys.readouterr().err
    assert "net.ckpt" in error
    assert len(error.strip().splitlines()) == 1


def test_a_missing_fold_is_said_before_the_first_is_scored(folds, monkeypatch):
    Path("fold2/last.ckpt").unlink()
    monkeypatch.setattr(command, "evaluate_scenes", None)
    with pytest.raises(CheckpointUnreadable, match=r"no checkpoint of fold 2 \(of 4\)"):
        main(folds)


def test_folds_need_a_place_for_the_number_and_a_split_by_folds(folds):
    with pytest.raises(ConfigError, match=r"\{fold\}"):
        main([*folds[:3], "last.ckpt", *TILES])
    with pytest.raises(ConfigError, match="not split by folds"):
        main(["-c", by_sites(), "--folds", "fold{fold}/last.ckpt", *TILES])


def test_a_split_without_scenes_is_said():
    write_checkpoint("net.ckpt", bands=BANDS_9)
    config = configure({"fractions": {"train": 0.5, "val": 0.5, "test": 0.0}})
    with pytest.raises(SplitError, match="'test' has no scene"):
        main(["-c", config, "--checkpoint", "net.ckpt", *TILES, "--split", "test"])


def test_scenes_without_labels_are_said(monkeypatch, capsys):
    write_checkpoint("net.ckpt", bands=BANDS_9)
    monkeypatch.setattr("training.evaluation.labels", lambda sample: torch.full_like(sample["mask"], 255).numpy())
    assert steppe(["evaluate", "-c", by_sites(), "--checkpoint", "net.ckpt", *TILES]) == NothingToScore.exit_code == 3
    assert "no pixel of the scenes has a label" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("model", "source", "message"),
    [
        ({"bands": BANDS_9[:4]}, {}, "bands B02, B03, B04, B05, the data has B02"),
        ({"bands": BANDS_9, "dates": 2}, {}, "dates 2, the data has 1"),
        ({"bands": BANDS_9, "legend": "ipcc6"}, {}, "the legend 'ipcc6', the data has 'unccd7'"),
        ({"bands": BANDS_9}, {"product": "sentinel-2-l1c-0400"}, "scale and offset 0.0001 and 0"),
    ],
)
def test_a_model_of_other_data_is_refused(model, source, message):
    write_checkpoint("net.ckpt", **model)
    with pytest.raises(ModelDoesNotFit, match=message):
        main(["-c", by_sites(**source), "--checkpoint", "net.ckpt", *TILES])


def test_two_maps_are_compared_through_the_matrix():
    model = PixelModel(bands=4)
    candidate = Candidate(
        "m", "0", model, get_legend("unccd7"), BANDS_9[:4], 1, get_product("sentinel-2-l1c").radiometry
    )
    images = np.random.default_rng(5).integers(1, 4000, (2, 8, 6, 5)).astype(np.float32)
    found = differenced(candidate)
    assert (found.dates, found.legend.id, found.temperature) == (2, "degradation3", 1.0)
    older, younger = (model(dates).argmax(axis=1) + 1 for dates in (images[:, :4], images[:, 4:]))
    signs = UNCCD7_TRANSITIONS.degradation(older, younger)
    assert set(signs.ravel().tolist()) == {-1, 0, 1}
    answer = found.predict(images)
    assert answer.dtype == np.float32
    assert np.array_equal(np.array(found.legend.codes)[answer.argmax(axis=1)], signs)
    assert (answer.sum(axis=1) == 1).all()
    with pytest.raises(ModelDoesNotFit, match=r"legend 'degradation3' for 2 date\(s\); a difference needs"):
        differenced(found)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--folds", "x{fold}", "--split", "val"],
        ["--checkpoint", "net.ckpt", "--precision", "int8"],
        ["--checkpoint", "net.ckpt", "--bundle", "x"],
        ["--checkpoint", "net.ckpt", "--min-share", "1.5"],
        ["--checkpoint", "net.ckpt", "--tile", "33"],
        ["--checkpoint", "net.ckpt", "--tile", "64", "--overlap", "64"],
        [],
    ],
)
def test_wrong_use_is_exit_2(arguments, capsys):
    with pytest.raises(SystemExit) as leave:
        main(["-c", by_sites(), *arguments])
    assert leave.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_a_class_that_is_not_there_is_said():
    write_checkpoint("net.ckpt", bands=BANDS_9)
    with pytest.raises(ConfigError, match="no class 'stable'"):
        main(["-c", by_sites(), "--checkpoint", "net.ckpt", *TILES, "--stable", "stable"])


def test_an_output_that_cannot_be_written_is_said_before_the_work(monkeypatch):
    Path("out").write_text("a file")
    monkeypatch.setattr(command, "data_from_config", None)
    with pytest.raises(OutputNotWritable, match="'out'"):
        main(["-c", "config.yaml", "--checkpoint", "net.ckpt", "-o", "out"])


def test_a_device_that_is_not_there_is_said():
    write_checkpoint("net.ckpt", bands=BANDS_9)
    with pytest.raises(ConfigError, match="device 'warp' cannot be used"):
        checkpoint_candidate(Path("net.ckpt"), device="warp")


def test_a_bundle_without_an_int8_graph_is_said(tmp_path):
    bundle = tiny_bundle(tmp_path).path
    assert bundle_candidate(bundle).temperature == 1.25
    with pytest.raises(VariantMissing, match="no int8 graph"):
        bundle_candidate(bundle, precision="int8")


def test_an_edited_manifest_is_refused(repository, tmp_path):
    (shipped,) = (repository / "models/zoo/steppe-s2-landcover").iterdir()
    edited = tmp_path / "steppe-s2-landcover" / shipped.name
    shutil.copytree(shipped, edited)
    item = json.loads((edited / "manifest.json").read_text())
    item["properties"]["license"] = "MIT"
    (edited / "manifest.json").write_text(json.dumps(item))
    with pytest.raises(BundleInvalid, match=r"manifest\.json is not the one the graph was published with"):
        bundle_candidate(edited)


def test_a_folder_that_is_no_bundle_is_said():
    with pytest.raises(BundleInvalid, match=r"manifest\.json"):
        main(["-c", by_sites(), "--bundle", ".", *TILES])


def test_the_shipped_bundle_is_scored(repository, capsys):
    (path,) = (repository / "models/zoo/steppe-s2-landcover").iterdir()
    bundle = load_bundle(path)
    assert main(["-c", by_sites(), "--bundle", str(path), *TILES, "--json"]) == 0
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert "sites; figures on them say nothing about other places" in said.err  # it was trained on all there are
    assert list(report["models"]) == [f"{bundle.manifest.identifier} (fp32)"]
    assert report["temperatures"] == {"model": bundle.manifest.temperature}
    assert report["ece"] == report["ece_after_scaling"] != report["ece_before_scaling"]

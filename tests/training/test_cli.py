"""``steppe train`` from the command line: what it writes, what it repeats, and one sentence for every mistake."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
import yaml

from landcover.errors import ConfigError, SteppeError
from serving.cli import main
from tests.training.fits import SMALL, SMOKE, WARNINGS, at, column, fit, stored
from training import cli
from training.config_errors import WrongUse
from training.inference import CheckpointUnreadable, load_task
from training.run_folder import RunBusy, locked

pytestmark = WARNINGS


@pytest.fixture(autouse=True)
def data(data_root, monkeypatch, tmp_path):
    monkeypatch.setenv("STEPPE_DATA", str(data_root))
    monkeypatch.chdir(tmp_path)


def small(command, *more):
    return cli.train([command, "-c", str(SMOKE), *SMALL, *more])


def test_every_shipped_config_is_run_by_a_test(repository):
    """Here, in test_two_date, severity/, test_own_configs, and those of TorchGeo in test_torchgeo."""
    names = {path.stem for path in (repository / "configs/train").glob("*.yaml")}
    run = {"s2_landcover", "smoke", "s2_degradation", "landsat_severity", "own_polygons", "own_rasters"}
    assert names == run


@pytest.mark.slow
def test_smoke_runs():
    assert small("fit", "--trainer.fast_dev_run=1") == 0


@pytest.mark.slow
def test_land_cover_runs(repository, tmp_path):
    """With folds of the sites that the generated data has, made by the command, shipped folds or not."""
    config, folds = str(repository / "configs/train/s2_landcover.yaml"), str(tmp_path / "folds.yaml")
    assert cli.train(["folds", "-c", config, "-k", "3", "--together", "paris, bercy", "-o", folds]) == 0
    here = f"--data.init_args.split.folds={folds}"
    assert cli.train(["fit", "-c", config, *SMALL, "--trainer.fast_dev_run=1", here]) == 0


@pytest.mark.slow
def test_fit_writes_everything_that_comes_after_it(tmp_path, capsys):
    """One run, and what is expected of it: logs, averaged weights, and the other commands."""
    assert fit(tmp_path / "runs/smoke", epochs=1) == 0
    folder = tmp_path / "runs/smoke/version_0"
    assert {"metrics.csv", "config.yaml", "run.json", "previews", "checkpoints"} <= {p.name for p in folder.iterdir()}
    assert list(folder.glob("events.out.tfevents.*"))

    written = stored(tmp_path / "runs/smoke")
    averaged, current = written["state_dict"], written["current_model_state"]
    weight = next(name for name in averaged if name.endswith("0.weight"))
    assert not torch.equal(averaged[weight], current[weight])
    task = load_task(folder / "checkpoints/best.ckpt")
    assert torch.equal(task.state_dict()[weight], averaged[weight])
    assert task.inputs.bands[0] == "B02"
    assert task.scene_net(torch.zeros(1, 9, 32, 32)).shape == (1, 7, 32, 32)

    # Without --ckpt_path the best checkpoint of the newest run is taken, with the class weights of its training.
    logged = ["--trainer.logger=lightning.pytorch.loggers.CSVLogger", f"--trainer.logger.save_dir={tmp_path}/csv"]
    capsys.readouterr()
    assert small("validate", *logged) == 0
    assert "using runs/smoke/version_0/checkpoints/best.ckpt" in capsys.readouterr().err
    again = column(tmp_path / "csv/lightning_logs", "val/mean_iou"), column(tmp_path / "csv/lightning_logs", "val/loss")
    fitted = column(tmp_path / "runs/smoke", "val/mean_iou"), column(tmp_path / "runs/smoke", "val/loss")
    assert again[0] == pytest.approx(fitted[0], abs=1e-6)
    assert again[1] == pytest.approx(fitted[1], abs=1e-5)

    assert small("predict", "--split=val", f"--maps={tmp_path / 'maps'}") == 0
    assert sorted(path.stem for path in (tmp_path / "maps").iterdir()) == [
        "terramind_L1C_637U_59R_1_3",
        "terramind_L2A_637U_59R_1_3",
    ]

    with pytest.raises(ConfigError, match="other inputs"):
        small("validate", "--model.init_args.inputs.product=sentinel-2-l2a")
    with pytest.raises(CheckpointUnreadable, match="another network"):
        small("validate", "--model.init_args.network.options={width: 4}")
    (tmp_path / "torn.ckpt").write_bytes((folder / "checkpoints/best.ckpt").read_bytes()[:999])
    with pytest.raises(CheckpointUnreadable, match=r"torn.ckpt cannot be read"):
        small("validate", f"--ckpt_path={tmp_path / 'torn.ckpt'}")


def test_validation_needs_a_model(tmp_path):
    with pytest.raises(CheckpointUnreadable, match="no trained model in") as caught:
        small("validate", *at(tmp_path / "empty"))
    assert caught.value.exit_code == 7


def test_two_trainings_do_not_share_a_folder(tmp_path):
    with locked(tmp_path / "runs"), pytest.raises(RunBusy):
        fit(tmp_path / "runs")


def changed(tmp_path, change):
    config = yaml.safe_load(SMOKE.read_text())
    change(config)
    (tmp_path / "changed.yaml").write_text(yaml.safe_dump(config))
    return str(tmp_path / "changed.yaml")


def renamed(config):
    config["trainr"] = config.pop("trainer")


def misspelt(config):
    config["model"]["init_args"]["optimizer"] = config["model"]["init_args"].pop("optimiser")


def text_for_number(config):
    config["data"]["init_args"]["patches"]["size"] = "many"


def odd_size(config):
    config["data"]["init_args"]["patches"]["size"] = 65


def unknown_class(config):
    config["data"]["init_args"]["source"]["class_path"] = "training.sources.dynamic_world.Nix"


def unknown_network(config):
    config["model"]["init_args"]["network"] = {"name": "nix"}


def no_such_precision(config):
    config["trainer"]["precision"] = "17"


def no_device(config):
    config["trainer"]["devices"] = 0


def uninstalled(config):
    config["trainer"]["logger"] = {"class_path": "lightning.pytorch.loggers.MLFlowLogger"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (renamed, r"trainr"),
        (misspelt, r"optimizer.learning_rate' is not accepted"),
        (text_for_number, r"data.patches.size: Expected a int. Got value: many"),
        (odd_size, r"patch size 65"),
        (unknown_class, r"has no attribute 'Nix'"),
        (unknown_network, r"Network 'nix' is not known"),
        (no_such_precision, r"trainer.precision: .* Given value: 17"),
        (no_device, r"devices='?0'?"),
        pytest.param(uninstalled, r"mlflow", marks=pytest.mark.skipif("mlflow" in sys.modules, reason="installed")),
    ],
)
def test_a_mistake_in_the_configuration_is_one_sentence(tmp_path, change, message):
    with pytest.raises(SteppeError, match=message) as caught:
        cli.train(["fit", "-c", changed(tmp_path, change), *at(tmp_path / "runs")])
    assert caught.value.exit_code == 4
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "arguments",
    [["fit"], ["fit", "-c"], ["fit", "-c", str(SMOKE), "--nix=1"]],
    ids=["no configuration", "no file", "unknown option"],
)
def test_wrong_use_is_exit_2(arguments):
    with pytest.raises(WrongUse) as caught:
        cli.train(arguments)
    assert caught.value.exit_code == 2


def test_a_missing_configuration_is_exit_4_and_no_traceback(capsys):
    assert main(["train", "fit", "-c", "nix.yaml"]) == 4
    assert capsys.readouterr().err == (
        "steppe: cannot read nix.yaml: No such file or directory; give the path of a YAML file\n"
    )


def test_help_teaches_and_needs_no_torch():
    script = "import sys; from training import cli; sys.exit(cli.train(['--help']) or 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    for word in ("check", "stats", "folds", "fit", "validate", "test", "predict", "--resume none", "Exit codes"):
        assert word in done.stdout


def test_help_of_fit_explains_resume(capsys):
    assert cli.train(["fit", "--help"]) == 0
    text = capsys.readouterr().out
    assert "--resume" in text
    assert "last finished epoch" in text


def test_an_unknown_command_is_exit_2(capsys):
    assert cli.train(["fitt"]) == 2
    assert "no command 'fitt'" in capsys.readouterr().err
    assert cli.train([]) == 2


@pytest.mark.parametrize("command", ["check", "stats", "folds"])
def test_commands_for_data_get_their_arguments(monkeypatch, command):
    seen = []
    module = cli.OWN_COMMANDS[command]
    monkeypatch.setitem(sys.modules, module, SimpleNamespace(main=lambda given: seen.extend(given) or 3))
    assert cli.train([command, "-c", "x.yaml"]) == 3
    assert seen == ["-c", "x.yaml"]


@pytest.mark.parametrize("command", ["evaluate", "publish"])
def test_other_commands_hand_over_their_arguments(monkeypatch, command):
    seen = []
    monkeypatch.setitem(sys.modules, f"training.{command}", SimpleNamespace(main=lambda given: seen.extend(given) or 3))
    assert getattr(cli, command)(["--json"]) == 3
    assert seen == ["--json"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--seed_everything=-5"], "seed_everything is -5"),
        (["--data.init_args.patches.num_workers=-1"], "num_workers -1"),
        (["--model.init_args.network.options={width: 0}"], "layer without channels"),
    ],
)
def test_values_that_cannot_be_are_one_sentence(tmp_path, words, says):
    with pytest.raises(ConfigError, match=says):
        fit(tmp_path, *words)


def test_a_fit_without_an_epoch_is_no_success(tmp_path):
    for _ in range(2):
        with pytest.raises(ConfigError, match="no epoch was trained"):
            fit(tmp_path, epochs=0)

"""Every shipped config runs through ``steppe train`` on generated data, and its checkpoint holds what export needs."""

import shutil
import sys
from types import SimpleNamespace

import pytest
import torch
import yaml

from training import cli
from training.task import LandCoverTask

# Warnings of Lightning about runs as small as these, and about its own dependencies.
pytestmark = [
    pytest.mark.filterwarnings("ignore::jsonargparse._deprecated.JsonargparseDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The dirpath has changed"),
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*is smaller than the logging interval"),
    pytest.mark.filterwarnings("ignore:.*lr_scheduler.step"),
]

CONFIGS = ("s2_landcover", "smoke")
# Everything that makes a config large; what is left is what it is about.
SMALL = [
    "--data.patches.size=64",
    "--data.patches.eval_size=64",
    "--data.patches.batch_size=2",
    "--data.patches.per_epoch=4",
    "--data.patches.num_workers=0",
    "--trainer.accelerator=cpu",
    "--trainer.enable_progress_bar=false",
    "--trainer.enable_model_summary=false",
    "--trainer.max_epochs=1",
    "--trainer.logger.class_path=lightning.pytorch.loggers.CSVLogger",
]


@pytest.fixture
def small(repository, data_root, tmp_path, monkeypatch):
    """Runs a config in an empty folder, with STEPPE_DATA at the generated data."""
    monkeypatch.setenv("STEPPE_DATA", str(data_root))
    monkeypatch.chdir(tmp_path)

    def run(name, command="fit", *more):
        config = repository / "configs/train" / f"{name}.yaml"
        logger = f"--trainer.logger.init_args.save_dir={tmp_path}"
        return cli.train([command, "-c", str(config), *SMALL, logger, *more])

    return run


def test_every_shipped_config_is_run_here(repository):
    assert sorted(path.stem for path in (repository / "configs/train").glob("*.yaml")) == sorted(CONFIGS)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_config_runs(small, name):
    assert small(name, "fit", "--trainer.fast_dev_run=1") == 0


def test_fit_writes_an_averaged_checkpoint_that_loads_without_code(small, tmp_path):
    small("smoke")
    (path,) = tmp_path.rglob("best.ckpt")
    stored = torch.load(path, weights_only=True)
    averaged, current = stored["state_dict"], stored["current_model_state"]
    weight = next(name for name in averaged if name.endswith("0.weight"))
    assert not torch.equal(averaged[weight], current[weight])
    task = LandCoverTask.load_from_checkpoint(path)
    assert torch.equal(task.state_dict()[weight], averaged[weight])
    assert task.inputs.bands[0] == "B02"
    assert task.scene_net(torch.zeros(1, 9, 32, 32)).shape == (1, 7, 32, 32)
    assert list(tmp_path.rglob("previews/*.png"))
    assert list(tmp_path.rglob("last.ckpt"))


def test_validation_repeats_the_figures_of_the_checkpoint(small, tmp_path):
    small("smoke")
    (path,) = tmp_path.rglob("best.ckpt")
    shutil.copy(path, tmp_path / "kept.ckpt")
    fitted = column(tmp_path, "val/mean_iou", 0)
    small("smoke", "validate", f"--ckpt_path={tmp_path / 'kept.ckpt'}")
    assert column(tmp_path, "val/mean_iou", 1) == pytest.approx(fitted, abs=1e-6)


def column(folder, name, version):
    (path,) = folder.rglob(f"version_{version}/metrics.csv")
    header, *rows = [line.split(",") for line in path.read_text().splitlines()]
    return next(float(row[header.index(name)]) for row in rows if row[header.index(name)])


def test_same_seed_same_weights(small, tmp_path):
    for version in range(2):
        small("smoke", "fit", f"--trainer.logger.init_args.version={version}")
    first, second = (torch.load(p, weights_only=True)["state_dict"] for p in sorted(tmp_path.rglob("last.ckpt")))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_two_halves_of_a_config_name_the_same_bands(repository):
    for name in CONFIGS:
        config = yaml.safe_load((repository / "configs/train" / f"{name}.yaml").read_text())
        source = config["data"]["source"]
        assert source.get("bands", config["model"]["inputs"]["bands"]) == config["model"]["inputs"]["bands"]


@pytest.mark.parametrize("command", ["evaluate", "publish"])
def test_other_commands_hand_over_their_arguments(monkeypatch, command):
    seen = []
    monkeypatch.setitem(sys.modules, f"training.{command}", SimpleNamespace(main=lambda given: seen.extend(given) or 3))
    assert getattr(cli, command)(["--json"]) == 3
    assert seen == ["--json"]

"""A run that ends early goes on, and comes to what it would have come to; everything else is refused in a sentence."""

import math
import os
import pickle
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch

from landcover.errors import DiskFull, OutputNotWritable
from tests.training.fits import WARNINGS, Signal, always_with, column, fit, metrics, stored
from training import lightning_cli
from training.checkpoints import WholeCheckpointIO, read_checkpoint
from training.inference import CheckpointUnreadable
from training.resume import RUN_KEY, RunDiffers, plan_fit, plan_from, run_record
from training.run_folder import RunBusy, RunFolder, RunRecord, data_fingerprints, find_runs, locked
from training.scenes import MemoryScene, SceneInfo

pytestmark = WARNINGS

KILLED_RUN = """
import signal, sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from tests.training.fits import Signal, always_with, fit
always_with(Signal(signal.SIGKILL, epoch=2, batch=1))
fit(Path(sys.argv[1]), epochs=4)
"""


@pytest.fixture
def data(data_root, monkeypatch):
    monkeypatch.setenv("STEPPE_DATA", str(data_root))


@pytest.fixture
def signalled():
    own = lightning_cli.SteppeCLI._own_callbacks
    yield lambda number, **when: always_with(Signal(number, **when))
    lightning_cli.SteppeCLI._own_callbacks = own


def same(first, second):
    """Equal to the last bit, whatever is nested in what."""
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second or (math.isnan(first) and math.isnan(second))


def without_paths(callbacks):
    return {name: state.get("best_model_score", state) for name, state in callbacks.items()}


@pytest.mark.slow
@pytest.mark.usefixtures("data")
def test_killed_run_ends_as_the_uninterrupted_one_bit_for_bit(data_root, tmp_path, capsys):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    fit(whole, epochs=4)
    environment = {**os.environ, "STEPPE_DATA": str(data_root), "OMP_NUM_THREADS": str(torch.get_num_threads())}
    command = [sys.executable, "-c", KILLED_RUN, broken]
    killed = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert stored(broken)["epoch"] == 1
    capsys.readouterr()
    assert fit(broken, epochs=4) == 0
    assert "going on with" in capsys.readouterr().err
    for name in ("last", "best"):
        first, second = stored(whole, name), stored(broken, name)
        assert "averaging_state" in first
        for key in ("state_dict", "current_model_state", "averaging_state", "optimizer_states", "lr_schedulers"):
            assert same(first[key], second[key]), (name, key)
        assert same(without_paths(first["callbacks"]), without_paths(second["callbacks"]))
        assert same(first["class_weights"], second["class_weights"])
    assert len(find_runs(broken)) == 1
    assert metrics(whole) == metrics(broken)
    assert len(column(broken, "val/mean_iou")) == 4


@pytest.mark.slow
@pytest.mark.usefixtures("data")
def test_sigterm_saves_and_exits_143(tmp_path, signalled, capsys):
    signalled(signal.SIGTERM, epoch=1, batch=0)
    assert fit(tmp_path) == 143
    assert "goes on from the last finished epoch" in capsys.readouterr().err
    assert stored(tmp_path)["epoch"] == 0
    assert stored(tmp_path, "interrupted")["global_step"] == 4
    assert not RunFolder(tmp_path, 0).read_record().finished


@pytest.mark.slow
@pytest.mark.usefixtures("data")
def test_a_finished_run_is_left_alone_until_a_new_one_is_asked_for(tmp_path, capsys):
    fit(tmp_path, epochs=1)
    capsys.readouterr()
    before = stored(tmp_path)
    assert fit(tmp_path, epochs=1) == 0
    assert "is finished, nothing to do" in capsys.readouterr().err
    assert fit(tmp_path, "--resume=none", epochs=1) == 0
    assert same(before["state_dict"], stored(tmp_path, version=1)["state_dict"])
    with pytest.raises(CheckpointUnreadable, match="there is no training"):
        fit(tmp_path / "elsewhere", "--resume=last")


@pytest.mark.slow
@pytest.mark.usefixtures("data")
def test_a_finished_run_with_a_constant_rate_can_be_made_longer(tmp_path, capsys):
    constant = "--model.init_args.optimiser.schedule=constant"
    fit(tmp_path / "twice", constant, epochs=1)
    capsys.readouterr()
    fit(tmp_path / "twice", constant, epochs=2)
    assert "1 epochs done" in capsys.readouterr().err
    fit(tmp_path / "once", constant, epochs=2)
    assert same(stored(tmp_path / "twice")["state_dict"], stored(tmp_path / "once")["state_dict"])


@pytest.mark.slow
@pytest.mark.usefixtures("data")
def test_a_full_disk_ends_with_exit_code_6_and_the_old_checkpoint(tmp_path, monkeypatch):
    written = WholeCheckpointIO.save_checkpoint

    def full_at_the_second_epoch(self, checkpoint, path, storage_options=None):  # noqa: ARG001 (Lightning's signature)
        with file_size_limit(1000 if checkpoint["epoch"] == 1 else 10**9):
            written(self, checkpoint, path)

    monkeypatch.setattr(WholeCheckpointIO, "save_checkpoint", full_at_the_second_epoch)
    with pytest.raises(DiskFull, match="intact") as caught:
        fit(tmp_path)
    assert caught.value.exit_code == 6
    assert stored(tmp_path)["epoch"] == 0
    assert not list(tmp_path.rglob(".*writing"))


@contextmanager
def file_size_limit(size):
    """The kernel refuses to write beyond a size, as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# From here on without training: what a fit decides to do.

RECORD = RunRecord(config={"model.width": 8}, data={"train/a": "1"})


def started(root, *, record=RECORD, names=("last",), version=0, epoch=3):
    run = RunFolder(root, version)
    run.write_record(record)
    for name in names:
        run.checkpoints.mkdir(exist_ok=True)
        content = {"state_dict": {}, "loops": {}, "epoch": epoch, "global_step": 40, RUN_KEY: record.identity}
        torch.save(content, run.checkpoints / f"{name}.ckpt")
    return run


def test_an_empty_folder_starts_anew(tmp_path):
    plan = plan_fit(tmp_path / "none", "auto", RECORD)
    assert (plan.run.version, plan.checkpoint, plan.said) == (0, None, "")


def test_an_unfinished_run_goes_on_and_says_so(tmp_path):
    run = started(tmp_path)
    plan = plan_fit(tmp_path, "auto", RECORD)
    assert plan.checkpoint == run.checkpoints / "last.ckpt"
    assert (plan.run, plan.step) == (run, 40)
    assert "4 epochs done" in plan.said


def test_none_starts_beside_what_is_there(tmp_path):
    started(tmp_path)
    plan = plan_fit(tmp_path, "none", RECORD)
    assert (plan.run.version, plan.checkpoint) == (1, None)


def test_a_run_without_a_finished_epoch_starts_anew(tmp_path):
    started(tmp_path, names=())
    plan = plan_fit(tmp_path, "auto", RECORD)
    assert (plan.run.version, plan.checkpoint) == (1, None)
    assert "ended before its first epoch" in plan.said


def test_a_finished_run_of_other_settings_is_left_where_it_is(tmp_path):
    started(tmp_path).finish()
    plan = plan_fit(tmp_path, "auto", replace(RECORD, config={"model.width": 9}))
    assert (plan.run.version, plan.checkpoint) == (1, None)
    assert plan_fit(tmp_path, "auto", RECORD).nothing_to_do


@pytest.mark.parametrize("resume", ["auto", "last"])
def test_other_settings_are_named(tmp_path, resume):
    started(tmp_path)
    other = replace(RECORD, config={"model.width": 9, "model.depth": 2})
    with pytest.raises(RunDiffers, match=r"model.depth: nothing -> 2; model.width: 8 -> 9") as caught:
        plan_fit(tmp_path, resume, other)
    assert caught.value.exit_code == 4


def test_other_data_is_named(tmp_path):
    started(tmp_path)
    with pytest.raises(RunDiffers, match=r"other data \(train/a; train/b\)"):
        plan_fit(tmp_path, "auto", replace(RECORD, data={"train/a": "2", "train/b": "1"}))


class Bomb:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def damaged(kind, path, marker):
    match kind:
        case "truncated":
            path.write_bytes(path.read_bytes()[:-200])
        case "empty":
            path.write_bytes(b"")
        case "foreign":
            torch.save({"weights": torch.zeros(3)}, path)
        case "foreign-lightning":
            torch.save({"state_dict": {}, "loops": {}, "epoch": 1, "global_step": 1}, path)
        case "bomb":
            torch.save({"state_dict": {}, "loops": {}, "bomb": Bomb(marker)}, path)
        case "plain-pickle-bomb":
            path.write_bytes(pickle.dumps(Bomb(marker)))
        case "folder":
            path.unlink()
            path.mkdir()


KINDS = ("truncated", "empty", "foreign", "foreign-lightning", "bomb", "plain-pickle-bomb", "folder")


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_checkpoint_is_exit_7_and_runs_no_code(tmp_path, kind):
    run = started(tmp_path / "runs")
    damaged(kind, run.checkpoints / "last.ckpt", tmp_path / "exploded")
    with pytest.raises(CheckpointUnreadable, match=r"last.ckpt") as caught:
        plan_fit(tmp_path / "runs", "auto", RECORD)
    assert caught.value.exit_code == 7
    assert len(str(caught.value)) < 500
    assert not (tmp_path / "exploded").exists()


def test_another_checkpoint_is_taken_only_when_asked_for(tmp_path):
    run = started(tmp_path, names=("last", "previous", "best"))
    damaged("truncated", run.checkpoints / "last.ckpt", None)
    with pytest.raises(CheckpointUnreadable, match=r"--resume last goes on from previous.ckpt, --resume best"):
        plan_fit(tmp_path, "auto", RECORD)
    plan = plan_fit(tmp_path, "last", RECORD)
    assert plan.checkpoint == run.checkpoints / "previous.ckpt"
    assert "previous.ckpt" in plan.said
    assert plan_fit(tmp_path, "best", RECORD).checkpoint == run.checkpoints / "best.ckpt"


def test_last_and_best_fail_where_there_is_none(tmp_path):
    started(tmp_path, names=("last",))
    with pytest.raises(CheckpointUnreadable, match=r"there is no checkpoint best.ckpt"):
        plan_fit(tmp_path, "best", RECORD)
    with pytest.raises(CheckpointUnreadable, match="there is no training"):
        plan_fit(tmp_path / "empty", "best", RECORD)


def test_a_named_checkpoint_starts_a_new_folder(tmp_path):
    run = started(tmp_path)
    plan = plan_from(run.checkpoints / "last.ckpt", tmp_path, RECORD)
    assert (plan.run.version, plan.step) == (1, 40)
    with pytest.raises(RunDiffers):
        plan_from(run.checkpoints / "last.ckpt", tmp_path, RunRecord(config={}))


def test_a_damaged_record_is_a_sentence(tmp_path):
    run = started(tmp_path)
    (run.folder / "run.json").write_text("{")
    with pytest.raises(lightning_cli.ConfigError, match="--resume none"):
        plan_fit(tmp_path, "auto", RECORD)


def test_settings_that_do_not_shape_weights_may_change():
    config = {"seed_everything": 1, "trainer": {"max_epochs": 3, "accelerator": "cpu", "enable_progress_bar": True}}
    record = run_record(config, {"train/a": "1"})
    assert record == RunRecord({"seed_everything": 1, "trainer.max_epochs": 3}, {"train/a": "1"})


def test_the_length_of_a_run_is_a_setting_unless_its_rate_is_constant(tmp_path):
    def record(schedule, epochs):
        optimiser = {"optimiser": {"schedule": schedule}}
        return run_record({"model": {"init_args": optimiser}, "trainer": {"max_epochs": epochs}}, {})

    assert record("cosine", 3).identity != record("cosine", 4).identity
    run = started(tmp_path, record=record("constant", 4))
    run.finish()
    for epochs in (3, 4):
        assert plan_fit(tmp_path, "auto", record("constant", epochs)).nothing_to_do
    for epochs in (5, -1):  # -1 is without end
        plan = plan_fit(tmp_path, "auto", record("constant", epochs))
        assert (plan.run, plan.checkpoint) == (run, run.checkpoints / "last.ckpt")


def test_the_lock_holds_others_off_and_ends_with_its_holder(tmp_path):
    with locked(tmp_path / "new"):
        with pytest.raises(RunBusy, match="another") as caught, locked(tmp_path / "new"):
            pass
        assert caught.value.exit_code == 4
    with locked(tmp_path / "new"):
        pass


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputNotWritable, match="default_root_dir"), locked(tmp_path / "file" / "below"):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_folder_is_a_sentence(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputNotWritable, match="Permission"), locked(tmp_path / "new"):
        pass


def test_fingerprints_follow_the_bytes_and_not_the_time(tmp_path):
    path = tmp_path / "a.tif"
    scene = MemoryScene(SceneInfo(name="a", site="a", height=1, width=1, files=(path,)), {})
    content = bytearray(np.random.default_rng(0).bytes(400_000))
    path.write_bytes(content)
    first = data_fingerprints({"train": [scene]})
    assert list(first) == ["train/a"]
    os.utime(path, (1, 1))
    assert data_fingerprints({"train": [scene]}) == first
    content[200_001] ^= 1
    path.write_bytes(content)
    assert data_fingerprints({"train": [scene]}) != first


def test_the_checkpoint_before_the_last_is_kept(tmp_path):
    writer = WholeCheckpointIO()
    for epoch in range(3):
        content = {"state_dict": {}, "loops": {}, "epoch": epoch}
        writer.save_checkpoint(content, tmp_path / "last.ckpt")
        writer.save_checkpoint(content, tmp_path / "best.ckpt")
    assert {path.name: read_checkpoint(path)["epoch"] for path in tmp_path.iterdir()} == {
        "last.ckpt": 2,
        "previous.ckpt": 1,
        "best.ckpt": 2,
    }


def test_a_write_that_fails_leaves_the_old_bytes(tmp_path):
    writer = WholeCheckpointIO()
    writer.save_checkpoint({"state_dict": {}, "loops": {}, "epoch": 0}, tmp_path / "last.ckpt")
    with file_size_limit(500), pytest.raises(DiskFull):
        writer.save_checkpoint({"state_dict": {"w": torch.zeros(999)}, "loops": {}}, tmp_path / "last.ckpt")
    assert writer.load_checkpoint(tmp_path / "last.ckpt")["epoch"] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]

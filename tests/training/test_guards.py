"""No step after a loss that is no number; the same random numbers after a restart."""

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from tests.training.fits import WARNINGS, fit, stored
from training.guards import MOST_NAMES, Diverged, EpochSeed, FiniteGuard, blame, epoch_state
from training.run_folder import RunFolder
from training.task import LandCoverTask

pytestmark = WARNINGS


@pytest.fixture
def data(data_root, monkeypatch):
    monkeypatch.setenv("STEPPE_DATA", str(data_root))


@pytest.mark.slow
@pytest.mark.usefixtures("data")
def test_a_broken_loss_ends_with_exit_code_5_and_keeps_the_checkpoint(tmp_path, monkeypatch):
    step = LandCoverTask.model_step

    def broken(self, batch, stage):
        loss = step(self, batch, stage)
        return loss * torch.nan if stage == "train" and self.current_epoch == 1 and self.global_step == 4 else loss

    monkeypatch.setattr(LandCoverTask, "model_step", broken)
    with pytest.raises(Diverged, match=r"loss is nan at step 4 \(epoch 1\), in the batch of \w+.*untouched") as caught:
        fit(tmp_path)
    assert caught.value.exit_code == 5
    kept = stored(tmp_path)
    assert kept["epoch"] == 0
    assert all(weight.isfinite().all() for weight in kept["current_model_state"].values())
    monkeypatch.setattr(LandCoverTask, "model_step", step)
    assert fit(tmp_path) == 0
    assert RunFolder(tmp_path, 0).read_record().finished


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_guard_looks_before_the_gradient_is_computed(value):
    guard, trainer = FiniteGuard(), SimpleNamespace(global_step=7, current_epoch=2)
    guard.on_train_batch_start(trainer, None, {"scene": ["a", "b"], "image": torch.ones(2, 1, 2, 2)}, 0)
    guard.on_before_backward(trainer, None, torch.tensor(1.0))
    with pytest.raises(Diverged, match=r"step 7 \(epoch 2\), in the batch of a, b"):
        guard.on_before_backward(trainer, None, torch.tensor(value))


@pytest.mark.parametrize("hook", ["on_validation_epoch_end", "on_train_epoch_end"])
def test_broken_weights_never_reach_a_checkpoint(hook):
    network = nn.Linear(2, 2)
    trainer = SimpleNamespace(global_step=7, current_epoch=2, state=SimpleNamespace(fn="fit"))
    getattr(FiniteGuard(), hook)(trainer, network)
    network.bias.data[0] = torch.inf
    with pytest.raises(Diverged, match="weight bias is no longer a finite number at step 7"):
        getattr(FiniteGuard(), hook)(trainer, network)


def test_a_broken_image_is_named():
    image = torch.ones(3, 1, 2, 2)
    image[1, 0, 0, 0] = torch.nan
    assert blame({"scene": ["a", "b", "c"], "image": image}).startswith("because the image of b holds NaN")


def test_a_large_batch_is_not_a_page():
    names = [f"scene{number}" for number in range(MOST_NAMES + 5)]
    assert blame({"scene": names}).startswith("in the batch of scene0, ")
    assert "and 5 more" in blame({"scene": names})
    assert "unnamed" in blame({})


def drawn(seed, epoch, rank=0, before=0):
    torch.rand(before)
    trainer = SimpleNamespace(current_epoch=epoch, global_rank=rank)
    EpochSeed(seed).on_train_batch_start(trainer, None, None, 0)
    first = torch.rand(1).item(), np.random.rand(), random.random()  # noqa: NPY002, S311 (what others draw from)
    EpochSeed(seed).on_train_batch_start(trainer, None, None, 1)
    return (*first, torch.rand(1).item())


def test_an_epoch_draws_the_same_whatever_came_before():
    assert drawn(1, 3) == drawn(1, 3, before=17)
    others = [drawn(1, 3), drawn(1, 4), drawn(2, 3), drawn(1, 3, rank=1)]
    assert len({numbers[0] for numbers in others}) == 4
    assert drawn(1, 3)[0] != drawn(1, 3)[3]


def test_seeds_of_negative_runs_are_seeds():
    assert 0 <= epoch_state(-5, 0, 0) < 2**32

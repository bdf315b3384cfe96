"""One step for three stages, scores against scikit-learn, and a checkpoint that holds the averaged weights."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, jaccard_score

from training.datasets import IGNORE
from training.task import InputChoice, LandCoverTask, LossChoice, NetworkChoice, scores, warmup_cosine

BANDS = ["B02", "B03", "B04", "B08"]


@pytest.fixture
def task():
    torch.manual_seed(0)
    inputs = InputChoice(bands=BANDS, mean=[0.3] * 4, std=[0.1] * 4)
    loss = LossChoice(hard_weight=0.5, soft_weight=0.5)
    return LandCoverTask(NetworkChoice("plain-tiny", {"width": 4}), inputs, loss=loss)


@pytest.fixture
def batch():
    torch.manual_seed(0)
    mask = torch.randint(7, (2, 16, 16))
    mask[:, :3] = IGNORE
    teacher = torch.softmax(torch.randn(2, 7, 16, 16), dim=1)
    return {"image": torch.randint(0, 8000, (2, 4, 16, 16)).float(), "mask": mask, "teacher": teacher}


@pytest.mark.parametrize("stage", ["train", "val", "test"])
def test_all_stages_take_the_same_step(task, batch, stage, monkeypatch):
    logged = {}
    monkeypatch.setattr(task, "log", lambda name, value, **_: logged.update({name: value}))
    loss = task.model_step(batch, stage)
    assert loss.item() == pytest.approx(task.loss(task(batch["image"]), batch["mask"], batch["teacher"]).item())
    task._log_scores(stage)
    assert logged[f"{stage}/loss"] is loss
    predicted = task(batch["image"]).argmax(1)[batch["mask"] != IGNORE]
    wanted = accuracy_score(batch["mask"][batch["mask"] != IGNORE], predicted)
    assert logged[f"{stage}/overall_accuracy"].item() == pytest.approx(wanted)


def test_scores_equal_scikit_learns():
    draw = np.random.default_rng(0)
    truth, guess = draw.integers(0, 4, 500), draw.integers(0, 4, 500)
    truth[truth == 3] = 2  # class 3 is mapped but never labelled
    confusion = torch.zeros(5, 5, dtype=torch.int64)
    np.add.at(confusion.numpy(), (truth, guess), 1)
    accuracy, iou = scores(confusion)
    assert accuracy.item() == pytest.approx(accuracy_score(truth, guess))
    wanted = jaccard_score(truth, guess, labels=[0, 1, 2], average=None)
    np.testing.assert_allclose(iou[:3], wanted)
    assert iou[3:].isnan().all()


def test_learning_rate_rises_then_falls_to_zero():
    rates = [warmup_cosine(step, warmup=10, total=100) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[10] == 1.0
    assert rates[100] == pytest.approx(0.0)
    assert rates[55] == pytest.approx(0.5)
    assert np.diff(rates[:10]).min() > 0
    assert np.diff(rates[10:]).max() <= 0


def test_bias_and_norm_do_not_decay(task):
    task._trainer = SimpleNamespace(estimated_stepping_batches=10)
    optimizer = task.configure_optimizers()["optimizer"]
    decayed, free = optimizer.param_groups
    assert {parameter.ndim for parameter in decayed["params"]} == {4}
    assert {parameter.ndim for parameter in free["params"]} == {1}
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.01, 0.0)


def test_gradient_reaches_every_weight(task, batch, monkeypatch):
    monkeypatch.setattr(task, "log", lambda *_, **__: None)
    task.model_step(batch, "train").backward()
    assert all(math.isfinite(p.grad.abs().sum()) and p.grad.abs().sum() > 0 for p in task.parameters())

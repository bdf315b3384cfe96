"""The loss against torch's own and against Kullback-Leibler."""

import pytest
import torch
from torch.nn import functional

from landcover.errors import ConfigError
from training.datasets import IGNORE
from training.losses import DistillationLoss


@pytest.fixture
def batch():
    torch.manual_seed(1)
    logits = torch.randn(2, 7, 6, 5, requires_grad=True)
    labels = torch.randint(7, (2, 6, 5))
    labels[0, :2] = IGNORE
    teacher = torch.softmax(torch.randn(2, 7, 6, 5), dim=1)
    return logits, labels, teacher


@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.5, 1.0, 1.0, 3.0, 0.1]])
def test_hard_part_is_cross_entropy(batch, weights):
    logits, labels, teacher = batch
    got = DistillationLoss(hard_weight=2.0, class_weights=weights)(logits, labels, teacher)
    weight = None if weights is None else torch.tensor(weights)
    wanted = functional.cross_entropy(logits, labels, weight=weight, ignore_index=IGNORE)
    assert got.item() == pytest.approx(2 * wanted.item(), rel=1e-5)


def test_soft_part_is_divergence_plus_the_teachers_entropy(batch):
    logits, labels, teacher = batch
    got = DistillationLoss(hard_weight=0.0, soft_weight=1.0)(logits, labels, teacher)
    divergence = functional.kl_div(logits.log_softmax(1), teacher, reduction="none").sum(1)
    entropy = -(teacher * teacher.log()).sum(1)
    wanted = (divergence + entropy)[labels != IGNORE].mean()
    assert got.item() == pytest.approx(wanted.item(), rel=1e-5)


def test_unsure_pixels_do_not_count(batch):
    logits, labels, teacher = batch
    sure = teacher.amax(1) >= 0.4
    got = DistillationLoss(min_confidence=0.4)(logits, labels, teacher)
    wanted = functional.cross_entropy(logits, labels.masked_fill(~sure, IGNORE), ignore_index=IGNORE)
    assert got.item() == pytest.approx(wanted.item(), rel=1e-5)


def test_nothing_to_learn_gives_zero_gradient(batch):
    logits, labels, teacher = batch
    loss = DistillationLoss(soft_weight=1.0)(logits, torch.full_like(labels, IGNORE), teacher)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().max() == 0


@pytest.mark.parametrize("weights", [(0.0, 0.0), (-1.0, 2.0)])
def test_senseless_weights_are_refused(weights):
    with pytest.raises(ConfigError, match="Loss weights"):
        DistillationLoss(hard_weight=weights[0], soft_weight=weights[1])

"""The optimiser and how its learning rate runs over the steps of a training."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal

from lightning.pytorch import Trainer
from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from landcover.errors import ConfigError

type ScheduleName = Literal["cosine", "one-cycle", "constant"]

ONE_CYCLE_RISE: Final = 0.3
"""Share of the steps in which the one-cycle policy rises where no warm-up is given; PyTorch's default."""


@dataclass(frozen=True, slots=True)
class OptimiserChoice:
    """Options of AdamW and its schedule.

    Attributes:
        learning_rate: Largest learning rate.
        weight_decay: Weight decay, on convolution weights only.
        pretrained_rate: Learning rate of weights that a fit starts from, as a share of that of new ones.
        warmup_steps: Steps of linear warm-up; for ``one-cycle`` the steps of its rise, 0 for 30 % of all.
        schedule: ``cosine`` falls from the largest rate to 0 in a half cosine; ``one-cycle`` rises from 1/25 of it and
            falls to almost 0 (https://arxiv.org/abs/1708.07120); ``constant`` stays there after the warm-up.
    """

    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    pretrained_rate: float = 1.0
    warmup_steps: int = 100
    schedule: Literal["cosine", "one-cycle", "constant"] = "cosine"

    def __post_init__(self) -> None:
        """Refuse what cannot be optimised with.

        Raises:
            ConfigError: The learning rate is not above 0, or another number is negative.
        """
        if not self.learning_rate > 0:
            raise ConfigError(f"learning_rate must be above 0, got {self.learning_rate}")
        for name in ("weight_decay", "pretrained_rate", "warmup_steps"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name} must be 0 or more, got {getattr(self, name)}")


def build_optimizer(
    parameters: Iterable[nn.Parameter], choice: OptimiserChoice, *, pretrained: Iterable[nn.Parameter] = ()
) -> AdamW:
    """AdamW (https://arxiv.org/abs/1711.05101) that decays weights, but no bias and no normalisation.

    Args:
        parameters: Parameters of the network; frozen ones are left out.
        choice: Its options.
        pretrained: Those of them that do not start at random.
    """
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    known = {id(parameter) for parameter in pretrained}
    groups = [
        {
            "params": [p for p in trained if (id(p) in known, p.ndim > 1) == (loaded, decays)],
            "weight_decay": choice.weight_decay if decays else 0.0,
            "lr": choice.learning_rate * (choice.pretrained_rate if loaded else 1.0),
        }
        for loaded in (False, True)
        for decays in (True, False)
    ]
    return AdamW([group for group in groups if group["params"]], lr=choice.learning_rate)


def build_schedule(optimizer: Optimizer, choice: OptimiserChoice, *, total: int) -> LRScheduler:
    """The schedule, to be moved on after every optimiser step.

    Args:
        optimizer: The optimiser.
        choice: Its options.
        total: Optimiser steps of the whole training.

    Raises:
        ConfigError: The warm-up leaves no step for the one-cycle policy to fall.
    """
    if choice.schedule == "one-cycle":
        rates = [group["lr"] for group in optimizer.param_groups]
        return OneCycleLR(optimizer, rates, total_steps=total, pct_start=_rise(choice, total))
    shape = warmup_cosine if choice.schedule == "cosine" else warmup_constant
    return LambdaLR(optimizer, lambda step: shape(step, warmup=choice.warmup_steps, total=total))


def schedule_of_run(optimizer: Optimizer, choice: OptimiserChoice, trainer: Trainer) -> LRScheduler:
    """The schedule over all steps that a trainer will take.

    A trial of a few steps (``trainer.fast_dev_run``) has no room for a warm-up and keeps the rate constant.

    Args:
        optimizer: The optimiser.
        choice: Its options.
        trainer: The trainer of the run.
    """
    if getattr(trainer, "fast_dev_run", False):
        choice = replace(choice, schedule="constant", warmup_steps=0)
    return build_schedule(optimizer, choice, total=int(trainer.estimated_stepping_batches))


def warmup_cosine(step: int, *, warmup: int, total: int) -> float:
    """Share of the largest learning rate at a step: a rise over the warm-up, then a half cosine to 0.

    Args:
        step: Steps done.
        warmup: Steps of the linear rise.
        total: Steps in all.

    Returns:
        A value from 0 to 1.
    """
    if step < warmup:
        return (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, total - warmup))
    return 0.5 * (1 + math.cos(math.pi * done))


def warmup_constant(step: int, *, warmup: int, total: int) -> float:  # noqa: ARG001 (the same call as its sister)
    """Share of the largest learning rate at a step: a rise over the warm-up, then 1."""
    return (step + 1) / warmup if step < warmup else 1.0


def _rise(choice: OptimiserChoice, total: int) -> float:
    if choice.warmup_steps >= total:
        raise ConfigError(
            f"warmup_steps is {choice.warmup_steps} but the whole training has {total} steps; one-cycle needs fewer"
        )
    return choice.warmup_steps / total if choice.warmup_steps else ONE_CYCLE_RISE

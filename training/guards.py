"""What keeps a training honest: no step after a loss that is no number, and the same randomness after a restart."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from landcover.errors import SteppeError

MOST_NAMES: Final = 8
"""Scenes named in one message; a batch of hundreds would be a page."""


class Diverged(SteppeError):
    """Training arrived at a loss or a weight that is not a finite number."""

    slug = "diverged"
    exit_code = 5


class FiniteGuard(Callback):
    """Stops before a NaN or infinite loss reaches the weights, and before such weights reach a checkpoint.

    The loss is looked at before its gradient is computed. Weights can break without it, when a gradient overflows in
    the last step of an epoch; so they are looked at when the epoch ends, before checkpoints are written.
    """

    def __init__(self) -> None:
        self._batch: Mapping[str, Any] = {}

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:  # noqa: ARG002
        """Remember the batch, to name its scenes."""
        self._batch = batch

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:  # noqa: ARG002
        """Look at the loss.

        Raises:
            Diverged: It is NaN or infinite.
        """
        if not torch.isfinite(loss).all():
            raise Diverged(
                f"the loss is {float(loss.detach())} at step {trainer.global_step} (epoch {trainer.current_epoch}), "
                f"{blame(self._batch)}; the last checkpoint is untouched"
            )

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the weights before `ModelCheckpoint` does its work.

        Raises:
            Diverged: One is NaN or infinite.
        """
        if trainer.state.fn == "fit":
            self._look_at_weights(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the weights, for a training without validation.

        Raises:
            Diverged: One is NaN or infinite.
        """
        self._look_at_weights(trainer, pl_module)

    def _look_at_weights(self, trainer: Trainer, pl_module: LightningModule) -> None:
        weights = dict(pl_module.named_parameters())
        finite = torch.stack([torch.isfinite(weight.detach()).all() for weight in weights.values()])
        if not finite.all():  # one transfer from the device for all weights
            name = next(name for name, good in zip(weights, finite.tolist(), strict=True) if not good)
            raise Diverged(
                f"weight {name} is no longer a finite number at step {trainer.global_step} "
                f"(epoch {trainer.current_epoch}); lower the learning rate or set trainer.gradient_clip_val; "
                "the last checkpoint is untouched"
            )


class EpochSeed(Callback):
    """Seeds torch, numpy and Python anew at the start of every epoch, from the run's seed and the epoch's number.

    A resumed run then draws what the uninterrupted one drew: dropout above all. Patches and their augmentation have
    generators of their own.

    It waits for the first batch: a loader that starts draws a number too, before the epoch in a resumed run and in it
    in another.

    Args:
        seed: The run's seed.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:  # noqa: ARG002
        """Seed the epoch; every process of a distributed training draws its own numbers."""
        if batch_idx:
            return
        state = epoch_state(self._seed, trainer.current_epoch, trainer.global_rank)
        torch.manual_seed(state)
        random.seed(state)
        np.random.seed(state)  # noqa: NPY002 (what libraries with the old interface draw from)


def epoch_state(seed: int, epoch: int, rank: int) -> int:
    """A 32-bit seed that differs between runs, epochs and processes.

    Args:
        seed: The run's seed.
        epoch: Number of the epoch.
        rank: Number of the process.
    """
    return int(np.random.SeedSequence((abs(seed), epoch, rank)).generate_state(1)[0])


def blame(batch: Mapping[str, Any]) -> str:
    """Whose fault a broken loss is: the scenes whose image is not finite, else all scenes of the batch.

    Args:
        batch: ``image`` NBHW and ``scene``, the names.
    """
    names = list(batch.get("scene", ()))
    broken = [name for name, bad in zip(names, _broken(batch), strict=False) if bad]
    if broken:
        return f"because the image of {_listed(broken)} holds NaN or infinity"
    return f"in the batch of {_listed(names)}; lower the learning rate or set trainer.gradient_clip_val"


def _broken(batch: Mapping[str, Any]) -> Iterator[bool]:
    for image_BHW in batch.get("image", ()):
        yield not bool(torch.isfinite(image_BHW).all())


def _listed(names: Sequence[str]) -> str:
    unique = list(dict.fromkeys(names))
    more = f" and {len(unique) - MOST_NAMES} more" if len(unique) > MOST_NAMES else ""
    return ", ".join(unique[:MOST_NAMES]) + more if unique else "unnamed scenes"

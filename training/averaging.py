"""Weights averaged over the steps of training, for validation and for the checkpoint."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor

from landcover.errors import ConfigError


class WarmAverage(WeightAveraging):
    """Exponential moving average of the weights whose memory grows with training.

    After n updates the decay is min(decay, (1 + n) / (ramp + n)): with the ramp at 10 it is that of TensorFlow's
    ExponentialMovingAverage (https://www.tensorflow.org/api_docs/python/tf/train/ExponentialMovingAverage).
    With a fixed decay the average of a short run still holds the random start: after 600 steps at 0.998 it scored 8
    points less than the weights averaged.

    Args:
        decay: Largest share of the old average kept at a step, 0..1.
        ramp: How fast the memory grows, above 1: until the largest decay is reached the average looks back on about the
            last n / (ramp - 1) steps; at 2 it is the plain mean of all.
        use_buffers: Average the statistics of batch normalisation too.

    Raises:
        ConfigError: The decay is outside 0..1, or the ramp not above 1.
    """

    def __init__(self, decay: float = 0.99, ramp: float = 10, *, use_buffers: bool = True) -> None:
        if not 0 <= decay < 1:
            raise ConfigError(f"decay of the weight average must be 0 or more and below 1, got {decay}")
        if not ramp > 1:
            raise ConfigError(f"ramp of the weight average must be above 1, got {ramp}")

        def average(averaged: Tensor, current: Tensor, count: Any) -> Tensor:
            if not averaged.is_floating_point():
                return current
            return averaged.lerp(current.to(averaged.dtype), 1 - warm_decay(int(count), decay, ramp))

        super().__init__(use_buffers=use_buffers, avg_fn=average)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Copy the module after it has been filled with pretrained weights.

        Lightning sets callbacks up before the module, so the copy would be of the random start: `setup` of the module
        is asked for first. It must do its work once only, as `LandCoverTask.setup` does.
        """
        pl_module.setup(stage)
        super().setup(trainer, pl_module, stage)

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:  # noqa: ARG002
        """After every optimiser step."""
        return step_idx is not None


def warm_decay(updates: int, largest: float, ramp: float) -> float:
    """Share of the old average that is kept.

    Args:
        updates: Updates done before.
        largest: What the share rises to, 0..1.
        ramp: See `WarmAverage`.
    """
    return min(largest, (1 + updates) / (ramp + updates))

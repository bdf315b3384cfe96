"""Tune a network until its windows say what it says of whole scenes.

A window's border cuts off what lies behind it, so the network answers otherwise there than in one pass over the scene,
and maps in windows have seams. Here its own answers in one pass are the labels: it learns to do without what a border
cuts off, and to leave everything else as it is. No other label is needed; its accuracy stays that of its answers in
one pass.

Axes: N batch, B band, K class, H row, W column.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from landcover.errors import WrongUse
from models.graph import SceneNet
from training.averaging import warm_decay
from training.guards import Diverged
from training.settle.crops import Answered, Crops, draw_crops, weights

type Told = Callable[[int, float], None]
"""Called after every step with its number, from 1, and its loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningChoice:
    """How long and how fast.

    Attributes:
        steps: optimiser steps.
        rate: largest learning rate of AdamW; it rises over `warmup` steps and falls by a cosine.
        pixels: of the windows of a step together.
        temperature: logits are divided by it before they are compared, as in the published graph.
        seed: of the windows.
        bfloat16: compute in bfloat16 where that loses nothing: half the time on processors that have it.
        warmup: steps.
        decay: largest share of the old average of the weights that a step keeps.
    """

    steps: int = 500
    rate: float = 1e-4
    pixels: int = 8 * 256**2
    temperature: float = 1.0
    seed: int = 0
    bfloat16: bool = True
    warmup: int = 20
    decay: float = 0.99

    def __post_init__(self) -> None:
        """Refuse numbers that no tuning has.

        Raises:
            WrongUse: naming the number.
        """
        for name in ("steps", "rate", "pixels", "temperature"):
            if not 0 < getattr(self, name) < math.inf:
                raise WrongUse(f"{name} is {getattr(self, name)}; give a number above 0")
        if self.seed < 0:
            raise WrongUse(f"seed is {self.seed}; give a whole number, 0 or more")


def settle(net: SceneNet, pool: Sequence[Answered], choice: TuningChoice, told: Told) -> SceneNet:
    """A copy of a network whose windows agree better with its answers for whole scenes.

    Statistics of batch normalisation stay as they are. The weights are averaged over the last part of the steps.

    Args:
        net: the network.
        pool: its answers in one pass, at least one.
        choice: how long and how fast.
        told: hears of every step.

    Raises:
        Diverged: when loss or gradients are no longer numbers.
    """
    device = next(net.parameters()).device
    tuned, average = copy.deepcopy(net).eval(), copy.deepcopy(net).eval()
    optimiser = torch.optim.AdamW(tuned.parameters(), lr=choice.rate, weight_decay=0.0)
    generator = np.random.default_rng(choice.seed)
    for step in range(choice.steps):
        for group in optimiser.param_groups:
            group["lr"] = choice.rate * _share(step, choice)
        crops = draw_crops(pool, generator, pixels=choice.pixels)
        loss = _loss(tuned, Crops(*(part.to(device) for part in crops)), choice)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
        norm = nn.utils.clip_grad_norm_(tuned.parameters(), 1.0)
        if not torch.isfinite(loss + norm):
            raise Diverged(f"step {step + 1} came to no number; try a lower --rate than {choice.rate:g}")
        optimiser.step()
        _follow(average, tuned, warm_decay(step, choice.decay, 10))
        told(step + 1, loss.item())
    return average


def _share(step: int, choice: TuningChoice) -> float:
    """Share of the largest rate at a step, from 0."""
    cosine = (1 + math.cos(math.pi * step / choice.steps)) / 2
    return min(1.0, (step + 1) / choice.warmup) * (0.05 + 0.95 * cosine)


def _loss(net: SceneNet, crops: Crops, choice: TuningChoice) -> Tensor:
    """Mean divergence of the windows' probabilities from those of the whole scenes, in nats."""
    with torch.autocast(crops.dn_NBHW.device.type, torch.bfloat16, enabled=choice.bfloat16):
        logits_NKHW = net(crops.dn_NBHW)
    logs_NKHW = torch.log_softmax(logits_NKHW.float() / choice.temperature, dim=1)
    truth_NKHW = crops.probabilities_NKHW
    divergence_NHW = torch.xlogy(truth_NKHW, truth_NKHW).sub(truth_NKHW * logs_NKHW).sum(dim=1)
    weights_NHW = weights(divergence_NHW.shape[-1]).to(divergence_NHW.device) * crops.known_NHW
    return (divergence_NHW * weights_NHW).sum() / weights_NHW.sum().clamp(min=1.0)


@torch.no_grad()
def _follow(average: nn.Module, tuned: nn.Module, kept: float) -> None:
    for mean, value in zip(average.parameters(), tuned.parameters(), strict=True):
        mean.lerp_(value, 1 - kept)

"""Layers that several networks are made of."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def conv_block(channels: int, width: int, *, size: int = 3) -> nn.Sequential:
    """Convolution, batch normalisation and ReLU; height and width stay.

    Args:
        channels: Channels that come in.
        width: Channels that go out.
        size: Height and width of the filters in pixels, odd.
    """
    return nn.Sequential(
        nn.Conv2d(channels, width, size, padding=size // 2, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
    )


def both(layer: nn.Module, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Answers of a layer for two inputs that it is to treat alike.

    In training they pass in one batch: batch normalisation would else standardise each by itself, and take away the
    very difference between them that it leaves in use. Outside of training one after the other, so that an exported
    graph needs no other batch size.

    Args:
        layer: Takes and returns one tensor.
        first: Any batch.
        second: A batch of the same shape.
    """
    if not layer.training:
        return layer(first), layer(second)
    answers = layer(torch.cat([first, second]))
    return answers[: len(first)], answers[len(first) :]

"""Layers that several networks are made of."""

from __future__ import annotations

from torch import nn


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

"""What a network sees beyond the border of a window: zeros, or its own last pixels again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor, nn

_SIDE: Final = 64
"""Sides of the window by which layers are measured; a multiple of what networks ask for."""


def replicate_borders(network: nn.Module, in_channels: int, *, coarseness: int) -> None:
    """Let the coarse convolutions of a network repeat their border instead of laying zeros around it.

    A network learns what zeros at a border mean from the borders of its patches; at the borders of other windows they
    are one more thing that makes neighbouring windows disagree. Convolutions that halve their input are left alone:
    their padding is fitted to their stride. Parameters and their names stay what they are.

    Args:
        network: Takes (batch, ``in_channels``, row, col); changed in place.
        in_channels: Of its input.
        coarseness: Pixels of the input along one side of a layer's pixel, from which on its border is repeated.
    """
    for convolution, pixel in _pixel_sides(network, in_channels).items():
        padded = not isinstance(convolution.padding, str) and max(convolution.padding) > 0
        if pixel >= coarseness and padded and max(convolution.stride) == 1:
            convolution.padding_mode = "replicate"


def _pixel_sides(network: nn.Module, in_channels: int) -> Mapping[nn.Conv2d, int]:
    """Pixels of the network's input along one side of a pixel that each convolution sees."""
    sides: dict[nn.Conv2d, int] = {}

    def note(convolution: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if isinstance(convolution, nn.Conv2d):
            sides[convolution] = _SIDE // inputs[0].shape[-1]

    hooks = [each.register_forward_pre_hook(note) for each in network.modules() if isinstance(each, nn.Conv2d)]
    training = network.training
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, in_channels, _SIDE, _SIDE))
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return sides

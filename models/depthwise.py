"""Depthwise convolutions in float32 on a CPU, where bfloat16 ones have no fast kernel.

A depthwise convolution computes little for what it reads, so half precision gains nothing there; and oneDNN, which
PyTorch computes with on a CPU, falls back to slow code for the gradients of bfloat16 ones: a training step of
EfficientNet-lite2 took 1.4 times as long with them (``python -m benchmarks.depthwise``).
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn


class _InFloat32(nn.Conv2d):
    """A convolution that leaves autocast on a CPU, and gives back what it was given."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (PyTorch's name)
        if input.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            return super().forward(input)
        with torch.autocast("cpu", enabled=False):
            return super().forward(input.float()).to(input.dtype)


def depthwise_in_float32(network: nn.Module) -> None:
    """Let every depthwise convolution of a network compute in float32 on a CPU, whatever autocast says.

    Parameters, their names and the results without autocast stay what they are.

    Args:
        network: Changed in place: each such convolution gets a class derived from its own.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1:
            module.__class__ = _derived(type(module))


def _derived(kind: type[nn.Conv2d]) -> type[nn.Conv2d]:
    if issubclass(kind, _InFloat32):
        return kind
    # The library's class comes last, so that its own padding still happens.
    return cast("type[nn.Conv2d]", type(kind.__name__, (_InFloat32, kind), cast("dict[str, Any]", {})))

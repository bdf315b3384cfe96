"""The table of networks: a name in a config becomes a module.

Axes: N batch, B band, K class, H row, W column. Every network takes standardised float32 NBHW and returns logits NKHW
of the same height and width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import segmentation_models_pytorch as smp
from torch import Tensor, nn

from landcover.errors import ConfigError

DECODER_CHANNELS: Final = (128, 96, 64, 32, 16)
"""Slimmer than the library's (256, 128, 64, 32, 16): 12.7 instead of 14.3 million parameters with a ResNet-18."""


class UnknownNetwork(ConfigError):
    """No network of that name is in the table."""

    slug = "unknown-network"


class PlainTiny(nn.Sequential):
    """Three convolutions at full resolution, for tests: any height and width, a few thousand parameters.

    Args:
        in_channels: Number of bands.
        classes: Number of classes.
        width: Channels of the hidden layers.
    """

    def __init__(self, in_channels: int, classes: int, width: int = 16) -> None:
        super().__init__(
            nn.Conv2d(in_channels, width, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, classes, kernel_size=1),
        )


class UNet(nn.Module):
    """U-Net (https://arxiv.org/abs/1505.04597) on a ResNet encoder (https://arxiv.org/abs/1512.03385).

    The decoder doubles its size by nearest neighbour, which is exact in every runtime. Height and width must be
    multiples of 32. No weights are downloaded.

    Args:
        in_channels: Number of bands.
        classes: Number of classes.
        encoder: Encoder name of segmentation-models-pytorch.
        decoder_channels: Channels of the five decoder stages, deepest first.
        dropout: Share of channels dropped before the last layer in training.
    """

    def __init__(
        self,
        in_channels: int,
        classes: int,
        *,
        encoder: str,
        decoder_channels: tuple[int, ...] = DECODER_CHANNELS,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.body = smp.Unet(
            encoder_name=encoder,
            encoder_weights=None,
            in_channels=in_channels,
            classes=classes,
            decoder_channels=tuple(decoder_channels),
            decoder_interpolation="nearest",
        )
        self.body.segmentation_head.insert(0, nn.Dropout2d(dropout))

    def forward(self, inputs_NBHW: Tensor) -> Tensor:
        """Logits NKHW of standardised inputs NBHW."""
        logits: Tensor = self.body(inputs_NBHW)
        return logits


def _unet(encoder: str) -> Callable[..., nn.Module]:
    def build(in_channels: int, classes: int, **options: Any) -> nn.Module:
        return UNet(in_channels, classes, encoder=encoder, **options)

    return build


NETWORKS: Final[Mapping[str, Callable[..., nn.Module]]] = MappingProxyType(
    {
        "unet-resnet18": _unet("resnet18"),
        "unet-resnet34": _unet("resnet34"),
        "plain-tiny": PlainTiny,
    }
)


def build_network(name: str, in_channels: int, classes: int, **options: Any) -> nn.Module:
    """Build a network by name.

    Args:
        name: A key of `NETWORKS`.
        in_channels: Number of bands.
        classes: Number of classes.
        **options: Passed to the network, for example ``decoder_channels``.

    Returns:
        The network with fresh random weights.

    Raises:
        UnknownNetwork: The name is not in the table.
    """
    if name not in NETWORKS:
        raise UnknownNetwork(f"Network {name!r} is not known; choose one of {sorted(NETWORKS)}.")
    return NETWORKS[name](in_channels, classes, **options)

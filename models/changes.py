"""A network for two dates that trusts what is unusual in its scene more than what it has seen elsewhere.

Changes are few, the cities that people looked through are fewer, and a large network learns the cities. So the part
that learns from changes is small. It sees both dates as a land-cover network sees them, whose weights stay as they are,
and the contrast of the dates within their scene (`models.contrast`); reflectance itself, by which one city differs from
another, it does not see. It judges both orders of the dates, so that what one order calls degraded the other calls
improved, with the same probability. (UNCCD's matrix has three pairs that are a loss in both directions, between wetland
and other green land; of those it can learn one direction only.)

Axes: N batch, B bands of one date, C channel, K class, H row, W column.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Self

import segmentation_models_pytorch as smp
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.contrast import contrast_channels, exchange_contrast
from models.layers import both, conv_block

LEVELS: Final = 2
"""Halvings of the small part: objects of change are a few pixels to some tens of pixels wide."""


_DROPOUTS: Final = (0.1, 0.4)


class ChangeNet(nn.Module):
    """Small U-Nets on the land-cover features of two dates and on their contrast.

    Args:
        unet: Land-cover network of one date; its head is dropped, its weights stay as they are.
        classes: Number of classes, in an order that the exchange of the dates turns round: degraded, stable, improved.
        bands: Bands of one date.
        features: Channels that the land-cover network's decoder answers at full resolution.
        width: Channels of a small U-Net.
        members: Small U-Nets, each with weights of its own; the answer is the mean of their logits for both orders.
        dropouts: Share of the features and contrasts, and of the channels before the last layer, dropped in training.
    """

    def __init__(
        self,
        unet: smp.Unet,
        classes: int,
        *,
        bands: int,
        features: int,
        width: int = 48,
        members: int = 1,
        dropouts: Sequence[float] = _DROPOUTS,
    ) -> None:
        super().__init__()
        if members < 1:
            raise ValueError(f"members is {members}, expected at least 1")
        if len(dropouts) != len(_DROPOUTS):
            raise ValueError(f"dropouts are {list(dropouts)}, expected one of the inputs and one before the last layer")
        self.trunk = nn.ModuleList([unet.encoder, unet.decoder])
        self.trunk.requires_grad_(requires_grad=False)
        self._parts = [bands, bands, contrast_channels(bands)]
        channels = contrast_channels(bands) + 2 * features
        self.members = nn.ModuleList(_SmallUNet(channels, classes, width, dropouts) for _ in range(members))
        self.train()  # Lightning leaves the modes of modules as they are

    def forward(self, inputs_NCHW: Tensor) -> Tensor:
        """Logits NKHW.

        Args:
            inputs_NCHW: Standardised bands of the older date, of the younger date, and their contrast; H and W a
                multiple of 32.
        """
        older, younger, contrast = torch.split(inputs_NCHW, self._parts, dim=1)
        older_seen, younger_seen = self._features(older), self._features(younger)
        forward = torch.cat([contrast, older_seen, younger_seen], dim=1)
        backward = torch.cat([exchange_contrast(contrast), younger_seen, older_seen], dim=1)
        orders = [both(member, forward, backward) for member in self.members]
        return torch.stack([(one + _turned_round(other)) / 2 for one, other in orders]).mean(dim=0)

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002 (torch's signature)
        """Training mode, but for the land-cover network, whose batch normalisation keeps its statistics."""
        super().train(mode)
        self.trunk.eval()
        return self

    def _features(self, images_NBHW: Tensor) -> Tensor:
        encoder, decoder = self.trunk
        features: Tensor = decoder(encoder(images_NBHW))
        return features


def _turned_round(logits_NKHW: Tensor) -> Tensor:
    """Classes from last to first; joined from single ones, since runtimes know no negative steps."""
    return torch.cat(torch.split(logits_NKHW, 1, dim=1)[::-1], dim=1)


class _SmallUNet(nn.Module):
    """Three convolutions on the way down, two on the way up, all of one width."""

    def __init__(self, channels: int, classes: int, width: int, dropouts: Sequence[float]) -> None:
        super().__init__()
        # Features and contrast have scales of their own; the first layer brings them to one.
        self.mix = nn.Sequential(
            nn.BatchNorm2d(channels), nn.Dropout2d(dropouts[0]), conv_block(channels, width, size=1)
        )
        self.down = nn.ModuleList(conv_block(width, width) for _ in range(LEVELS + 1))
        self.up = nn.ModuleList(conv_block(2 * width, width) for _ in range(LEVELS))
        self.head = nn.Sequential(nn.Dropout2d(dropouts[1]), nn.Conv2d(width, classes, 1))

    def forward(self, seen_NCHW: Tensor) -> Tensor:
        current, skipped = self.mix(seen_NCHW), list[Tensor]()
        for block in self.down[:-1]:
            skipped.append(block(current))
            current = functional.avg_pool2d(skipped[-1], 2)
        current = self.down[-1](current)
        for block in self.up:
            larger = functional.interpolate(current, scale_factor=2.0, mode="bilinear")
            current = block(torch.cat([larger, skipped.pop()], dim=1))
        logits: Tensor = self.head(current)
        return logits

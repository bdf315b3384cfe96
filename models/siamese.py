"""A network for two dates: one U-Net looks at each of them, and a small head compares what it saw.

Stacked dates are mixed by the first convolution, so weights learned on single images fit badly. Here the U-Net of a
land-cover model is taken over as it is, and it sees every date as it saw its own training images. Comparing shared
features follows Daudt et al. 2018 (https://arxiv.org/abs/1810.08462, FC-Siam-diff); the sign of a difference is kept,
because degraded and improved differ in nothing else.

Axes: N batch, B band, C channel, K class, H row, W column.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, Self

import segmentation_models_pytorch as smp
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.layers import both, conv_block

TRUNKS: Final = ("frozen", "tuned", "trained")
"""What of the U-Net may be trained, least first."""

LEVELS: Final = 4
"""Decoder stages that are compared: strides 16, 8, 4 and 2. The last one, at full size, costs as much as all others."""


class SiameseUNet(nn.Module):
    """Compares the decoder features of two dates, deepest first.

    Args:
        unet: Sees one date; it is taken apart, its last stage and its head are dropped.
        classes: Number of classes.
        decoder_channels: Channels of the U-Net's decoder stages, deepest first.
        width: Channels of the comparing head.
        dropout: Share of channels dropped before the last layer in training.
        trunk: What of the U-Net is trained: nothing (``frozen``), its weights but not the statistics of its batch
            normalisation (``tuned``), or both (``trained``). Statistics of a few small patches are worse than those of
            the images that it learned from: docs/experiments.md.
    """

    def __init__(
        self,
        unet: smp.Unet,
        classes: int,
        *,
        decoder_channels: Sequence[int],
        width: int = 32,
        dropout: float = 0.2,
        trunk: Literal["frozen", "tuned", "trained"] = "trained",
    ) -> None:
        super().__init__()
        if trunk not in TRUNKS:
            raise ValueError(f"trunk is {trunk!r}; expected one of {', '.join(TRUNKS)}")
        del unet.decoder.blocks[LEVELS:]
        self.trunk = nn.ModuleList([unet.encoder, unet.decoder]).requires_grad_(trunk != "frozen")
        self._keeps_statistics = trunk != "trained"
        self.narrow = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, width, 1), nn.BatchNorm2d(width))
            for channels in decoder_channels[:LEVELS]
        )
        # Both dates, their difference and, but for the deepest level, what was seen one level deeper.
        self.compare = nn.ModuleList(conv_block((3 + (level > 0)) * width, width) for level in range(LEVELS))
        self.head = nn.Sequential(conv_block(width, width), nn.Dropout2d(dropout), nn.Conv2d(width, classes, 1))
        self.train()  # Lightning leaves the modes of modules as they are

    def forward(self, inputs_NBHW: Tensor) -> Tensor:
        """Logits NKHW.

        Args:
            inputs_NBHW: Standardised inputs, the bands of the older date first; H and W a multiple of 32.
        """
        older, younger = (self._features(images) for images in inputs_NBHW.chunk(2, dim=1))
        seen: Tensor | None = None
        for level, dates in enumerate(zip(older, younger, strict=True)):
            before, after = both(self.narrow[level], *dates)
            parts = [before, after, after - before]
            if seen is not None:
                parts.append(functional.interpolate(seen, scale_factor=2.0, mode="nearest"))
            seen = self.compare[level](torch.cat(parts, dim=1))
        return functional.interpolate(self.head(seen), scale_factor=2.0, mode="bilinear")

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002 (torch's signature)
        """Training mode, but for a U-Net whose batch normalisation keeps its statistics."""
        super().train(mode)
        if self._keeps_statistics:
            self.trunk.eval()
        return self

    def _trunk(self) -> tuple[Any, Any]:
        return self.trunk[0], self.trunk[1]

    def _features(self, images_NBHW: Tensor) -> list[Tensor]:
        """Outputs of the decoder's stages, deepest first: what the decoder does, without its last stage."""
        encoder, decoder = self._trunk()
        *skips, deepest = encoder(images_NBHW)
        outputs = [decoder.center(deepest)]
        for block, skip in zip(decoder.blocks, reversed(skips[1:]), strict=True):
            outputs.append(block(outputs[-1], *skip.shape[-2:], skip_connection=skip))
        return outputs[1:]

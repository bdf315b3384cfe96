"""From digital numbers to class probabilities: the one module that training and export share.

Axes: N batch, B band, K class, H row, W column. What happens to a digital number before the first convolution lives
here and nowhere else, so it cannot be lost between training and the exported graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from models.contrast import SceneContrast, known_pixels

MAX_REFLECTANCE = 2.0
"""Reflectance is clipped to 0..2: bright cloud, sun glint and noise lie above 1, a saturated sensor does not."""

NEVER = -1e4
"""Added to the logit of a class that is never answered: its probability is exactly 0 in float32 at any temperature in
use, and unlike minus infinity it makes no NaN."""


class Normalise(nn.Module):
    """Digital numbers to standardised inputs.

    reflectance = DN * scale + offset, clipped to 0..2, square root, then (x - mean) / std per band. The square root
    compresses: shadow and dark water keep contrast, and a haze or gain error between two scenes weighs less.

    Args:
        scale: Reflectance per digital number.
        offset: Reflectance at digital number 0.
        mean: Mean of the square root of reflectance, one per band.
        std: Standard deviation of the square root of reflectance, one per band, above 0.

    Raises:
        ValueError: The lists differ in length or a deviation is not above 0.
    """

    def __init__(self, *, scale: float, offset: float, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        if len(mean) != len(std):
            raise ValueError(f"{len(mean)} means but {len(std)} standard deviations; give one of each per band.")
        if min(std) <= 0:
            raise ValueError(f"Standard deviations must be above 0, got {min(std)}.")
        self.scale = scale
        self.offset = offset
        self.mean: Tensor
        self.std: Tensor
        # Not persistent: they are hyper-parameters of the checkpoint, and averaging of weights must not touch them.
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def forward(self, dn_NBHW: Tensor) -> Tensor:
        """Standardise.

        Args:
            dn_NBHW: Digital numbers as float32.

        Returns:
            float32 of the same shape, about zero mean and unit deviation on the training sites.
        """
        reflectance = torch.clamp(dn_NBHW * self.scale + self.offset, 0.0, MAX_REFLECTANCE)
        return (torch.sqrt(reflectance) - self.mean) / self.std


class SceneNet(nn.Module):
    """A network with the product's digital numbers as input.

    Args:
        network: Takes standardised NBHW, returns logits NKHW.
        scale: See `Normalise`.
        offset: See `Normalise`.
        mean: See `Normalise`.
        std: See `Normalise`.
        unsupported: Indices of classes that are never answered, because the training data cannot support them.
        contrast: The network gets the contrast of two dates, too, after their bands; see `SceneContrast`.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        scale: float,
        offset: float,
        mean: Sequence[float],
        std: Sequence[float],
        unsupported: Sequence[int] = (),
        contrast: bool = False,
    ) -> None:
        super().__init__()
        self.normalise = Normalise(scale=scale, offset=offset, mean=mean, std=std)
        self.contrast = SceneContrast() if contrast else None
        self.network = network
        self._unsupported = tuple(unsupported)

    def forward(self, dn_NBHW: Tensor, overview_NBHW: Tensor | None = None) -> Tensor:
        """Logits of every pixel.

        Args:
            dn_NBHW: Digital numbers as float32; H and W a multiple of what the network asks for.
            overview_NBHW: Digital numbers of the pixels that stand for the whole scene (`landcover.overview`); only a
                network with contrast looks at them.

        Returns:
            Logits NKHW.

        Raises:
            ValueError: The network needs an overview and there is none.
        """
        inputs = self.normalise(dn_NBHW)
        if self.contrast is not None:
            seen_NCHW = self._contrast(self.contrast, inputs, overview_NBHW) * known_pixels(dn_NBHW)
            inputs = torch.cat([inputs, seen_NCHW], dim=1)
        logits: Tensor = self.network(inputs)
        if not self._unsupported:
            return logits
        never_K = torch.zeros(logits.shape[1], device=logits.device, dtype=logits.dtype)
        never_K[list(self._unsupported)] = NEVER
        return logits + never_K.view(1, -1, 1, 1)

    def _contrast(self, contrast: SceneContrast, inputs_NBHW: Tensor, overview_NBHW: Tensor | None) -> Tensor:
        """Contrast of every pixel. In full precision: small differences count."""
        if overview_NBHW is None:
            raise ValueError("this network compares two dates by their whole scene: give an overview of it")
        with _full_precision(inputs_NBHW.device.type):
            seen_NCHW: Tensor = contrast(inputs_NBHW, self.normalise(overview_NBHW), known_pixels(overview_NBHW))
            return seen_NCHW

    def probabilities(self, dn_NBHW: Tensor, temperature: float = 1.0, overview_NBHW: Tensor | None = None) -> Tensor:
        """Class probabilities of every pixel.

        Args:
            dn_NBHW: Digital numbers as float32.
            temperature: Logits are divided by it before the softmax; above 1 means less confident
                (Guo et al. 2017, https://arxiv.org/abs/1706.04599).
            overview_NBHW: See `forward`.

        Returns:
            Probabilities NKHW, summing to 1 over K.
        """
        return torch.softmax(self(dn_NBHW, overview_NBHW).float() / temperature, dim=1)


def _full_precision(device: str) -> AbstractContextManager[Any]:
    """Mixed precision switched off where it is on; nothing to do, and nothing for the exporter to see, where not."""
    return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else nullcontext()

"""From digital numbers to class probabilities: the one module that training and export share.

Axes: N batch, B band, K class, H row, W column. What happens to a digital number before the first convolution lives
here and nowhere else, so it cannot be lost between training and the exported graph.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

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
    ) -> None:
        super().__init__()
        self.normalise = Normalise(scale=scale, offset=offset, mean=mean, std=std)
        self.network = network
        self._unsupported = tuple(unsupported)

    def forward(self, dn_NBHW: Tensor) -> Tensor:
        """Logits of every pixel.

        Args:
            dn_NBHW: Digital numbers as float32; H and W a multiple of what the network asks for.

        Returns:
            Logits NKHW.
        """
        logits: Tensor = self.network(self.normalise(dn_NBHW))
        if not self._unsupported:
            return logits
        never_K = torch.zeros(logits.shape[1], device=logits.device, dtype=logits.dtype)
        never_K[list(self._unsupported)] = NEVER
        return logits + never_K.view(1, -1, 1, 1)

    def probabilities(self, dn_NBHW: Tensor, temperature: float = 1.0) -> Tensor:
        """Class probabilities of every pixel.

        Args:
            dn_NBHW: Digital numbers as float32.
            temperature: Logits are divided by it before the softmax; above 1 means less confident
                (Guo et al. 2017, https://arxiv.org/abs/1706.04599).

        Returns:
            Probabilities NKHW, summing to 1 over K.
        """
        return torch.softmax(self(dn_NBHW).float() / temperature, dim=1)

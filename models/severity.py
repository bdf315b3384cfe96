"""Bare ground of every pixel with its spread, and the probabilities of five levels of it.

The bare fraction is modelled as a logistic variable held between 0 and 1: what would fall below 0 counts as 0, what
would rise above 1 as 1 (a censored distribution; many plots have no bare ground at all). Its distribution function at
the bounds of a table gives the probability of each level, so bounds can change without training again.

Axes: N batch, B band, F feature, M ensemble member, K level, H row, W column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

DARK: Final = 0.02
"""Reflectance added to the sum below a normalised difference: in deep shadow and water it goes to 0, not to noise."""

LOG_SCALE: Final = (-5.0, 1.0)
"""Limits of the logarithm of the scale: from far below the error of a field measurement to "knows nothing"."""

START_BARE: Final = 0.25
"""Bare fraction that fresh weights answer."""

START_LOG_SCALE: Final = -2.5
"""And with which scale: 0.08, a standard deviation of 0.15."""

LEAST: Final = 1e-7
"""Least probability of a level before its logarithm is taken."""


@dataclass(frozen=True, slots=True)
class CoverEstimate:
    """What the ensemble says of every pixel.

    Attributes:
        location_NMHW: Location of the logistic distribution of the bare fraction, before it is held in 0..1.
        scale_NMHW: Its scale, above 0.
        others: Estimates of further cover fractions, each NMHW; they only help training.
    """

    location_NMHW: Tensor
    scale_NMHW: Tensor
    others: tuple[Tensor, ...] = ()

    def member_means(self) -> Tensor:
        """Expected bare fraction of every member, NMHW.

        The integral of 1 - F over 0..1, F being the logistic distribution function.
        """
        from_one = functional.softplus((1 - self.location_NMHW) / self.scale_NMHW)
        from_zero = functional.softplus(-self.location_NMHW / self.scale_NMHW)
        return 1 - self.scale_NMHW * (from_one - from_zero)

    def mean(self) -> Tensor:
        """Expected bare fraction, the mean of the members, NHW."""
        return self.member_means().mean(dim=1)

    def below(self, bounds_NMKHW: Tensor) -> Tensor:
        """Probability that the bare fraction is at most each of some bounds, the mean of the members, NKHW.

        Args:
            bounds_NMKHW: Bounds, each at least 0 and below 1; axes of length 1 are repeated.
        """
        distance_NMKHW = bounds_NMKHW - self.location_NMHW.unsqueeze(2)
        return torch.sigmoid(distance_NMKHW / self.scale_NMHW.unsqueeze(2)).mean(dim=1)

    def crps(self, bare_NHW: Tensor) -> Tensor:
        """Continuous ranked probability score of every member, NMHW, in units of cover; 0 is perfect.

        CRPS = integral over x in 0..1 of (F(x) - [x >= bare])^2 (Gneiting and Raftery 2007,
        https://doi.org/10.1198/016214506000001437). With z = (x - location) / scale, the integral of F is
        scale * softplus(z), that of F^2 is scale * (softplus(z) - sigmoid(z)).

        Args:
            bare_NHW: Measured bare fraction, 0..1.
        """
        bare_NMHW = bare_NHW.unsqueeze(1)
        soft_0, soft_y, soft_1 = (self._softplus(x) for x in (torch.zeros_like(bare_NMHW), bare_NMHW, 1.0))
        sigma_0, sigma_1 = (torch.sigmoid((x - self.location_NMHW) / self.scale_NMHW) for x in (0.0, 1.0))
        squared = soft_1 - soft_0 - self.scale_NMHW * (sigma_1 - sigma_0)
        return squared + (1 - bare_NMHW) - 2 * (soft_1 - soft_y)

    def _softplus(self, x: float | Tensor) -> Tensor:
        return self.scale_NMHW * functional.softplus((x - self.location_NMHW) / self.scale_NMHW)


class SpectralFeatures(nn.Module):
    """Square roots of reflectance and all normalised differences, standardised.

    Args:
        bands: Number of bands.
    """

    def __init__(self, bands: int) -> None:
        super().__init__()
        pairs = torch.tensor(list(combinations(range(bands), 2)))
        self.count = bands + len(pairs)
        self.first: Tensor
        self.second: Tensor
        self.register_buffer("first", pairs[:, 0].clone(), persistent=False)
        self.register_buffer("second", pairs[:, 1].clone(), persistent=False)
        self.mean: Tensor
        self.std: Tensor
        # Weights in all but name: a checkpoint must bring them along.
        self.register_buffer("mean", torch.zeros(1, self.count, 1, 1))
        self.register_buffer("std", torch.ones(1, self.count, 1, 1))

    def fit(self, roots_NBHW: Tensor) -> None:
        """Take mean and deviation of the features over some pixels, the training plots."""
        features_NFHW = self.raw(roots_NBHW)
        self.mean.copy_(features_NFHW.mean(dim=(0, 2, 3), keepdim=True))
        self.std.copy_(features_NFHW.std(dim=(0, 2, 3), keepdim=True).clamp_min(1e-3))

    def raw(self, roots_NBHW: Tensor) -> Tensor:
        """Features before standardisation, NFHW: roots r, then (r_i^2 - r_j^2) / (r_i^2 + r_j^2 + `DARK`)."""
        reflectance_NBHW = roots_NBHW.square()
        first, second = (reflectance_NBHW.index_select(1, side) for side in (self.first, self.second))
        return torch.cat([roots_NBHW, (first - second) / (first + second + DARK)], dim=1)

    def forward(self, roots_NBHW: Tensor) -> Tensor:
        """Standardised features NFHW of square roots of reflectance."""
        return (self.raw(roots_NBHW) - self.mean) / self.std


class CoverNetwork(nn.Module):
    """A small ensemble of per-pixel networks: 1 x 1 convolutions only, so any window gives a pixel the same answer.

    The members see the same features and share nothing else; groups of the convolutions keep them apart.

    Args:
        bands: Number of bands.
        members: Networks in the ensemble.
        width: Channels of each hidden layer of a member.
        depth: Hidden layers.
        others: Further cover fractions that are estimated in training.
    """

    def __init__(self, bands: int, *, members: int = 5, width: int = 32, depth: int = 3, others: int = 0) -> None:
        super().__init__()
        self.members = members
        self.parameters_each = 2 + others
        self.features = SpectralFeatures(bands)
        layers: list[nn.Module] = [nn.Conv2d(self.features.count, members * width, 1), nn.SiLU()]
        for _ in range(depth - 1):
            layers += [nn.Conv2d(members * width, members * width, 1, groups=members), nn.SiLU()]
        self.hidden = nn.Sequential(*layers)
        self.head = nn.Conv2d(members * width, members * self.parameters_each, 1, groups=members)
        start = torch.zeros(members, self.parameters_each)
        start[:, 0], start[:, 1] = START_BARE, START_LOG_SCALE
        self.head.bias = nn.Parameter(start.flatten())

    def forward(self, roots_NBHW: Tensor) -> CoverEstimate:
        """Distribution of the bare fraction.

        Args:
            roots_NBHW: Square roots of reflectance.
        """
        answers = self.head(self.hidden(self.features(roots_NBHW)))
        location, log_scale, *others = (
            answers[:, part :: self.parameters_each] for part in range(self.parameters_each)
        )
        return CoverEstimate(location, torch.exp(log_scale.clamp(*LOG_SCALE)), tuple(others))


class SeverityLevels(nn.Module):
    """Levels of bare ground by the bounds of a table; the bounds are a constant of the exported graph.

    Args:
        cover: A trained network.
        bounds: Bare fractions between neighbouring levels, rising, each inside 0..1; K-1 of them.
    """

    def __init__(self, cover: CoverNetwork, bounds: Sequence[float]) -> None:
        super().__init__()
        self.cover = cover
        self.bounds: Tensor
        # In the shape it is used in: the exporter then keeps it, and its name, as it is (training.severity.rebound).
        self.register_buffer("bounds", torch.tensor(list(bounds)).view(1, 1, -1, 1, 1), persistent=False)

    def forward(self, roots_NBHW: Tensor) -> Tensor:
        """Logarithms of the level probabilities, NKHW: logits whose softmax gives them back.

        Args:
            roots_NBHW: Square roots of reflectance.
        """
        inner = self.cover(roots_NBHW).below(self.bounds)
        padded = functional.pad(inner, (0, 0, 0, 0, 1, 0))
        levels_NKHW = functional.pad(inner, (0, 0, 0, 0, 0, 1), value=1.0) - padded
        return torch.log(levels_NKHW.clamp_min(LEAST))

"""What differs between two dates, measured by what usually differs in their scene.

Season, sun and air change every pixel of a scene; land changes few of them. So a difference says little by its size and
much by how rare it is among the differences of its own scene. The scene is known from an overview
(`landcover.overview`), digital numbers like the image's. Its statistics are robust against the few pixels that did
change: they are weighed again and again by Tukey's biweight (Beaton and Tukey 1974,
https://doi.org/10.1080/00401706.1974.10489171).

Axes: N batch, B band, C channel, H row, W column.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

ROUNDS: Final = 4
"""Times that pixels are weighed again. On city scenes the contrast is then within 0.01 of where it settles, one of 0.1
to 0.3 that weighing moves it by."""

_BIWEIGHT: Final = 4.685
"""Spreads at which the biweight reaches 0: 95 % as efficient as the mean on normal errors (Huber 1981)."""

_NORMAL: Final = 1.2533
"""Standard deviation of a normal distribution by its mean absolute deviation, sqrt(pi / 2). Of pixels weighed by the
biweight it finds 0.89 of it, which the layers after it have learned with."""

_LEAST_SPREAD: Final = 1e-3
"""Of a band over the overview, in standard deviations of the training sites; a scene of one value has none."""


_LEAST_KNOWN: Final = 32
"""Pixels of the overview with data at both dates, of 4096. A spread from fewer is off by more than an eighth."""


class _Moments(NamedTuple):
    """Centre and spread of some channels over the overview, both NC11."""

    centre: Tensor
    spread: Tensor

    def standardise(self, values_NCHW: Tensor) -> Tensor:
        return (values_NCHW - self.centre) / self.spread


def contrast_channels(bands: int) -> int:
    """Channels that `SceneContrast` answers for a number of bands per date."""
    return bands + 1


def bands_with_contrast(channels: int) -> int:
    """Bands of one date, of a number of channels that are two dates and their contrast.

    Args:
        channels: All of them.

    Raises:
        ValueError: There is no such number of bands.
    """
    bands, rest = divmod(channels - 1, 3)
    if rest or bands < 1:
        raise ValueError(f"takes the bands of two dates and their contrast, got {channels} channels in all")
    return bands


def exchange_contrast(contrast_NCHW: Tensor) -> Tensor:
    """Contrast of the same dates in the other order: what rose has fallen, and by as much.

    Args:
        contrast_NCHW: What `SceneContrast` answers.
    """
    bands, size = contrast_NCHW[:, :-1], contrast_NCHW[:, -1:]
    return torch.cat([-bands, size], dim=1)


def known_pixels(dn_NBHW: Tensor) -> Tensor:
    """True where both dates have data, N1HW; a date without it holds 0 in all bands.

    Args:
        dn_NBHW: Digital numbers, bands of the older date first.
    """
    older, younger = ((date != 0).any(dim=1, keepdim=True) for date in dn_NBHW.chunk(2, dim=1))
    return older & younger


class SceneContrast(nn.Module):
    """How unusual the difference of two dates is, band by band, and the root mean square of its bands.

    Each date is standardised by mean and standard deviation of its own scene; what is left of their difference is
    standardised by the robust centre and spread of such differences. All go through the inverse hyperbolic sine, which
    keeps small values and compresses large ones.
    """

    def forward(self, inputs_NBHW: Tensor, overview_NBHW: Tensor, known_N1HW: Tensor) -> Tensor:
        """Contrast of every pixel.

        Args:
            inputs_NBHW: Standardised inputs, bands of the older date first.
            overview_NBHW: The same of the overview; one for all windows, or one for each.
            known_N1HW: True where the overview has data at both dates.

        Returns:
            Contrast NCHW with `contrast_channels` channels, float32; 0 where too little of the scene is known to say
            what is usual in it.
        """
        known = known_N1HW.to(overview_NBHW.dtype)
        enough = (_sum(known) >= _LEAST_KNOWN).to(known.dtype)
        own = _plain_moments(overview_NBHW, known)
        usual = _usual(_difference(own.standardise(overview_NBHW)), known)
        contrast_NBHW = usual.standardise(_difference(own.standardise(inputs_NBHW)))
        # Added band by band: a runtime that sums over an axis may do so in another order for another batch.
        squares = [band_N1HW.square() for band_N1HW in contrast_NBHW.chunk(contrast_NBHW.shape[1], dim=1)]
        size_N1HW = (sum(squares[1:], squares[0]) / len(squares)).sqrt()
        return torch.asinh(torch.cat([contrast_NBHW, size_N1HW], dim=1)) * enough


def _difference(dates_NBHW: Tensor) -> Tensor:
    older, younger = dates_NBHW.chunk(2, dim=1)
    return younger - older


def _usual(differences_NBHW: Tensor, known_N1HW: Tensor) -> _Moments:
    """Centre and spread of each band's differences, changed pixels weighing little."""
    moments = _weighted_moments(differences_NBHW, known_N1HW.expand_as(differences_NBHW))
    for _ in range(ROUNDS):
        weights_NBHW = known_N1HW * _biweight(moments.standardise(differences_NBHW))
        moments = _weighted_moments(differences_NBHW, weights_NBHW)
    return moments


def _plain_moments(values_NCHW: Tensor, known_N1HW: Tensor) -> _Moments:
    """Mean and standard deviation, no pixel weighed less."""
    total = _sum(known_N1HW).clamp_min(1)
    centre = _sum(values_NCHW * known_N1HW) / total
    variance = _sum((values_NCHW - centre).square() * known_N1HW) / total
    return _Moments(centre, variance.sqrt().clamp_min(_LEAST_SPREAD))


def _weighted_moments(values_NCHW: Tensor, weights_NCHW: Tensor) -> _Moments:
    """Mean, and standard deviation by the mean absolute deviation."""
    total = _sum(weights_NCHW).clamp_min(1)
    centre = _sum(values_NCHW * weights_NCHW) / total
    spread = _NORMAL * _sum((values_NCHW - centre).abs() * weights_NCHW) / total
    return _Moments(centre, spread.clamp_min(_LEAST_SPREAD))


def _sum(values_NCHW: Tensor) -> Tensor:
    return values_NCHW.sum(dim=(2, 3), keepdim=True)


def _biweight(deviation: Tensor) -> Tensor:
    """Tukey's weight of a deviation in spreads: 1 at 0, falling to 0 without a step."""
    return (1 - (deviation / _BIWEIGHT).square()).clamp_min(0).square()

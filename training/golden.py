"""Band statistics of the training sites, and a golden input that looks like them without being any of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from landcover.manifest import BandStatistics
from training.datasets import SiteDataset

_LEVELS: Final = 65536
"""Counts per digital number of uint16."""

_SHARED: Final = 0.8
"""Share of the golden input's variation that all bands have in common; bands of real scenes go up and down together."""


def band_statistics(sites: Iterable[SiteDataset], bands: Sequence[str]) -> dict[str, BandStatistics]:
    """Distribution of the digital numbers of each band over all pixels with data, exact.

    Args:
        sites: training sites.
        bands: band names in the order of the images' bands.
    """
    counts_BV = np.zeros((len(bands), _LEVELS), dtype=np.int64)
    for site in sites:
        for when in site.geo.index.index:
            image_BHW = site.scene(when)["image"].numpy()
            pixels_BP = image_BHW[:, (image_BHW != 0).any(axis=0)]
            counts_BV += np.stack([np.bincount(values_P, minlength=_LEVELS) for values_P in pixels_BP])
    return {band: _statistics(counts_V) for band, counts_V in zip(bands, counts_BV, strict=True)}


def golden_input(statistics: Iterable[BandStatistics], *, side: int, windows: int, seed: int) -> NDArray[np.uint16]:
    """Smooth random fields with the bands' medians and spreads.

    The golden sample ships with the bundle, so it must not hold training images.

    Args:
        statistics: one per band, in order.
        side: rows and columns.
        windows: batch size.
        seed: of the random fields.

    Returns:
        uint16 digital numbers (batch, band, row, col), all above 0.
    """
    random = np.random.default_rng(seed)
    bands = tuple(statistics)
    common = [_field(random, side) for _ in range(windows)]
    dn = np.empty((windows, len(bands), side, side), dtype=np.uint16)
    for window, shared in enumerate(common):
        for index, band in enumerate(bands):
            field = _SHARED * shared + (1 - _SHARED) * _field(random, side)
            spread = np.where(field > 0, band.p99 - band.p50, band.p50 - band.p01)
            dn[window, index] = np.clip(band.p50 + field * spread / 2, 1, _LEVELS - 1).round()
    return dn


def _field(random: np.random.Generator, side: int) -> NDArray[np.float64]:
    """Zero mean, unit deviation, with structure of a few pixels and of half the window."""
    coarse, fine = (gaussian_filter(random.normal(size=(side, side)), sigma) for sigma in (side / 8, 2))
    mixed: NDArray[np.float64] = coarse / coarse.std() + 0.5 * fine / fine.std()
    return (mixed - mixed.mean()) / mixed.std()


def _statistics(counts_V: NDArray[np.int64]) -> BandStatistics:
    values = np.arange(_LEVELS)
    total = counts_V.sum()
    mean = float((counts_V * values).sum() / total)
    variance = float((counts_V * (values - mean) ** 2).sum() / total)
    cumulative = np.cumsum(counts_V)
    p01, p50, p99 = (float(np.searchsorted(cumulative, share * total)) for share in (0.01, 0.5, 0.99))
    return BandStatistics(mean=round(mean, 2), std=round(variance**0.5, 2), p01=p01, p50=p50, p99=p99)

"""Band statistics of the training scenes, and a golden input that looks like them without being any of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from landcover.errors import NoValidData
from landcover.manifest import BandStatistics
from training.scenes import Scene, strips

_SHARED: Final = 0.8
"""Share of the golden input's variation that all bands have in common; bands of real scenes go up and down together."""


def band_statistics(scenes: Iterable[Scene], bands: Sequence[str], *, dtype: str) -> dict[str, BandStatistics]:
    """Distribution of the digital numbers of each band over all pixels with data, all dates together, exact.

    Args:
        scenes: training scenes; their images have the bands of each date.
        bands: band names of one date, in order.
        dtype: sample type of the product, an unsigned integer of 8 or 16 bits; fractions are rounded.

    Raises:
        NoValidData: no pixel has data.
    """
    levels = int(np.iinfo(dtype).max) + 1
    counts_BV = np.zeros((len(bands), levels), dtype=np.int64)
    for scene in scenes:
        for sample in map(scene.read, strips(scene)):
            stacked_BHW = sample["image"].numpy()
            image_DBHW = stacked_BHW.reshape(-1, len(bands), *stacked_BHW.shape[1:])
            pixels_BP = np.moveaxis(image_DBHW, 1, 0)[:, (image_DBHW != 0).any(axis=1)]
            values_BP = np.clip(np.rint(pixels_BP), 0, levels - 1).astype(np.int64)
            counts_BV += np.stack([np.bincount(values_P, minlength=levels) for values_P in values_BP])
    if not counts_BV.any():
        raise NoValidData("no pixel of the training scenes has data; look at them with `steppe train check`")
    return {band: _statistics(counts_V) for band, counts_V in zip(bands, counts_BV, strict=True)}


def golden_input(
    statistics: Iterable[BandStatistics], *, side: int, windows: int, seed: int, dtype: str = "uint16"
) -> NDArray[np.generic]:
    """Smooth random fields with the bands' medians and spreads.

    The golden sample ships with the bundle, so it must not hold training images.

    Args:
        statistics: one per channel of the input, in order.
        side: rows and columns.
        windows: batch size.
        seed: of the random fields.
        dtype: sample type of the product, an unsigned integer.

    Returns:
        Digital numbers (batch, band, row, col), all above 0.
    """
    random, most = np.random.default_rng(seed), int(np.iinfo(dtype).max)
    bands = tuple(statistics)
    common = [_field(random, side) for _ in range(windows)]
    dn = np.empty((windows, len(bands), side, side), dtype=dtype)
    for window, shared in enumerate(common):
        for index, band in enumerate(bands):
            field = _SHARED * shared + (1 - _SHARED) * _field(random, side)
            spread = np.where(field > 0, band.p99 - band.p50, band.p50 - band.p01)
            dn[window, index] = np.clip(band.p50 + field * spread / 2, 1, most).round()
    return dn


def _field(random: np.random.Generator, side: int) -> NDArray[np.float64]:
    """Zero mean, unit deviation, with structure of a few pixels and of half the window."""
    coarse, fine = (gaussian_filter(random.normal(size=(side, side)), sigma) for sigma in (side / 8, 2))
    mixed: NDArray[np.float64] = coarse / coarse.std() + 0.5 * fine / fine.std()
    return (mixed - mixed.mean()) / mixed.std()


def _statistics(counts_V: NDArray[np.int64]) -> BandStatistics:
    values = np.arange(len(counts_V))
    total = counts_V.sum()
    mean = float((counts_V * values).sum() / total)
    variance = float((counts_V * (values - mean) ** 2).sum() / total)
    cumulative = np.cumsum(counts_V)
    p01, p50, p99 = (float(np.searchsorted(cumulative, share * total)) for share in (0.01, 0.5, 0.99))
    return BandStatistics(mean=round(mean, 2), std=round(variance**0.5, 2), p01=p01, p50=p50, p99=p99)

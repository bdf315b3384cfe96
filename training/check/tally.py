"""Counting the digital numbers of bands, exactly and without keeping pixels.

Axes: B band, P pixel, V value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from landcover.sensors import Radiometry
from models.graph import MAX_REFLECTANCE

type Floats = NDArray[np.float64]

LOWEST: Final = -32768
HIGHEST: Final = 65535
_KEPT: Final = 100_000
"""Fractional numbers per call that percentiles are taken from; whole numbers are counted exactly."""


class BandTally:
    """Distribution of each band.

    Whole numbers are counted one by one, so that every figure is exact. Of fractions, sums are exact and percentiles
    are those of evenly spaced pixels.

    Args:
        bands: Number of bands.
        radiometry: Scale and offset of the numbers.
    """

    def __init__(self, bands: int, radiometry: Radiometry) -> None:
        self.bands = bands
        self._radiometry = radiometry
        self._counts_BV: NDArray[np.int64] | None = None
        self._kept: list[NDArray[np.float32]] = []
        self._sums_4B = np.zeros((4, bands))
        self.pixels = 0

    def add(self, numbers_BP: NDArray[Any]) -> None:
        """Count pixels.

        Args:
            numbers_BP: Digital numbers of pixels with data, integer or float.
        """
        self.pixels += numbers_BP.shape[1]
        if np.issubdtype(numbers_BP.dtype, np.integer):
            self._counts_BV = _added(self._counts_BV, _counted(numbers_BP))
            return
        step = max(1, numbers_BP.shape[1] // _KEPT)
        self._kept.append(numbers_BP[:, ::step].astype(np.float32))
        wide_BP = numbers_BP.astype(np.float64)
        self._sums_4B += np.stack([part.sum(axis=1) for part in self._parts(wide_BP)])

    def merge(self, other: BandTally) -> None:
        """Add what another tally counted."""
        self.pixels += other.pixels
        self._sums_4B += other._sums_4B
        self._kept += other._kept
        if other._counts_BV is not None:
            self._counts_BV = _added(self._counts_BV, other._counts_BV)

    def moments(self) -> Floats:
        """Means of the numbers, of their squares, of the root of reflectance, and of reflectance, float64 (4, B).

        Reflectance is clipped to what the network sees, see `models.graph.Normalise`.
        """
        sums_4B = self._sums_4B
        if self._counts_BV is not None:
            values_V = np.arange(LOWEST, HIGHEST + 1, dtype=np.float64)
            sums_4B = sums_4B + np.stack([(self._counts_BV * part).sum(axis=1) for part in self._parts(values_V)])
        return sums_4B / max(self.pixels, 1)

    def percentiles(self, shares: Sequence[float]) -> Floats:
        """Digital numbers below which a share of the pixels lies, (share, band); NaN without pixels."""
        if self._kept:
            return np.asarray(np.quantile(np.concatenate(self._kept, axis=1), shares, axis=1), dtype=np.float64)
        if self._counts_BV is None or not self.pixels:
            return np.full((len(shares), self._sums_4B.shape[1]), np.nan)
        cumulative_BV = np.cumsum(self._counts_BV, axis=1)
        rank = [max(1, int(np.ceil(share * self.pixels))) for share in shares]
        return np.array([[np.searchsorted(row_V, place) + LOWEST for row_V in cumulative_BV] for place in rank], float)

    def _parts(self, numbers: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        reflectance = np.clip(numbers * self._radiometry.scale + self._radiometry.offset, 0, MAX_REFLECTANCE)
        return numbers, numbers**2, np.sqrt(reflectance), reflectance


def _counted(numbers_BP: NDArray[Any]) -> NDArray[np.int64]:
    size = HIGHEST - LOWEST + 1
    return np.stack(
        [np.bincount(row_P.astype(np.int64).clip(LOWEST, HIGHEST) - LOWEST, minlength=size) for row_P in numbers_BP]
    )


def _added(counts_BV: NDArray[np.int64] | None, more_BV: NDArray[np.int64]) -> NDArray[np.int64]:
    if counts_BV is None:
        return more_BV.copy()
    counts_BV += more_BV
    return counts_BV

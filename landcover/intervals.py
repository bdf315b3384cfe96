"""Intervals for scores: a bootstrap over sites.

Neighbouring pixels are alike, so an interval that takes each pixel for one independent observation (Wilson's, for one)
is far too narrow. The unit that is drawn here is the site: Field and Welsh 2007, "Bootstrapping clustered data",
https://doi.org/10.1111/j.1467-9868.2007.00593.x; percentile interval: Efron and Tibshirani 1993, chapter 13.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from landcover.errors import ConfigError

type Matrix = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A percentile bootstrap interval.

    Attributes:
        low: lower limit.
        high: upper limit.
        level: coverage aimed at, for example 0.95.
        sites: number of sites drawn from; with fewer than about 20 the interval tends to be too narrow.
        resamples: resamples in which the statistic was defined.
    """

    low: float
    high: float
    level: float
    sites: int
    resamples: int


def bootstrap_interval(
    per_site_matrices: Sequence[npt.NDArray[np.integer[Any]]] | npt.NDArray[np.integer[Any]],
    statistic: Callable[[Matrix], float | None],
    seed: int,
    *,
    level: float = 0.95,
    resamples: int = 2000,
) -> Interval | None:
    """Interval of a statistic of the summed confusion matrix, from resampling whole sites with replacement.

    Args:
        per_site_matrices: one K x K confusion matrix per site, (site, truth, prediction).
        statistic: takes a summed K x K matrix, gives a number or None for "undefined".
        seed: of the draws; the same seed gives the same interval.
        level: coverage aimed at, between 0 and 1.
        resamples: number of resamples.

    Returns:
        The interval; None with fewer than two sites, or when the statistic is undefined in half of the resamples or
        more (a class that only one or two sites have).

    Raises:
        ConfigError: when matrices, level or resamples are not usable.
    """
    sites_SKK = np.asarray(per_site_matrices, dtype=np.int64)
    if len(sites_SKK) < 2:  # noqa: PLR2004  one site says nothing about the next
        return None
    if sites_SKK.ndim != 3 or sites_SKK.shape[1] != sites_SKK.shape[2]:  # noqa: PLR2004  (site, truth, prediction)
        raise ConfigError(f"confusion matrices of shape {sites_SKK.shape}: expected (site, K, K)")
    if not 0 < level < 1 or resamples < 1:
        raise ConfigError(f"level {level} and {resamples} resamples: expected 0 < level < 1 and at least one resample")
    count = len(sites_SKK)
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    sums = (draws @ sites_SKK.reshape(count, -1)).reshape(resamples, *sites_SKK.shape[1:])
    values = [value for value in map(statistic, sums) if value is not None]
    if 2 * len(values) <= resamples:
        return None
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2]).tolist()
    return Interval(low, high, level, count, len(values))

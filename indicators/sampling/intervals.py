"""Intervals of estimates, 95 %."""

from __future__ import annotations

from typing import Final

from indicators.sampling.accuracy import Estimate
from indicators.sampling.strata import Counts

Z: Final = 1.96
"""Standard errors on each side of a 95 % interval, as Olofsson et al. 2014 (doi:10.1016/j.rse.2014.02.015) round it."""

_TAIL: Final = 0.025
_ROUNDING: Final = 1e-12


def wald(value: float, se: float, *, most: float) -> Estimate:
    """An estimate with the interval of plus and minus 1.96 standard errors, cut to what is possible.

    A standard error of 0 says that the sample holds no variation, not that nothing is uncertain: there is no interval.

    Args:
        value: the estimate.
        se: its standard error.
        most: the largest possible value; the least is 0.
    """
    if se <= 0:
        return Estimate(value=value, se=se, low=None, high=None)
    return Estimate(value=value, se=se, low=max(0.0, value - Z * se), high=min(most, value + Z * se))


def exact_share(value: float, points: int) -> Estimate:
    """A share of 0 or 1 with its exact interval (Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404).

    Args:
        value: 0 or 1.
        points: of how many points.
    """
    bound = _TAIL ** (1.0 / points)
    low, high = (bound, 1.0) if value > 0 else (0.0, 1.0 - bound)
    return Estimate(value=value, se=0.0, low=low, high=high)


def overall_share(value: float, se: float, points: Counts) -> Estimate:
    """Overall accuracy with its interval.

    Where every point is right, or every one wrong, the stratum with the fewest points bounds the accuracy of all: were
    the share of errors larger than its bound, at least one stratum would have to have shown one.

    Args:
        value: overall accuracy, a share.
        se: its standard error.
        points: of each stratum.
    """
    if se > 0 or _ROUNDING < value < 1.0 - _ROUNDING:
        return wald(value, se, most=1.0)
    return exact_share(value, int(points.min()))

"""Trajectory: whether annual NDVI has a trend, by Mann-Kendall's S and the least-squares slope.

    S = sum over i < j of sign(y_j - y_i)

Trends.Earth, gee/productivity.py and gee/stats.py; UNCCD PRAIS 4 manual, SO1.md, SO 1-2 (its method replaces the z
score); the z score is that of the Good Practice Guidance v2. All comparisons are of whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from indicators.codes import NODATA
from indicators.productivity.kendall import KENDALL_CRITICAL, critical_values
from indicators.productivity.ndvi import NDVI_NODATA, SHORTEST, Ndvi, check_ndvi, chunks
from indicators.productivity.recodes import recode_trajectory
from indicators.productivity.trend_methods import KENDALL, TrendMethod

_Z_TIMES_100: Final = 196
"""100 x 1.96: significance at 95 %."""


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """Trends of a block of pixels, all of shape (row, col).

    Attributes:
        slope: float64, NDVI x 10000 a year; NaN where there is no data.
        s: int16, Mann-Kendall's S; 0 where there is no data.
        significance: int16, sign of the trend times 1, 2, 3 for 90, 95, 99 % (``z196``: times 2); -32768.
        trend: int16, -1, 0, 1, -32768.
    """

    slope: npt.NDArray[np.float64]
    s: npt.NDArray[np.int16]
    significance: npt.NDArray[np.int16]
    trend: npt.NDArray[np.int16]


def trajectory(ndvi_YRC: Ndvi, method: TrendMethod = KENDALL) -> Trajectory:
    """Trend of each pixel.

    Args:
        ndvi_YRC: (year, row, col) int16, NDVI x 10000, -32768 = missing; consecutive years, 4 to 59 of them.
        method: the rule.

    Returns:
        slopes, S, significance and trend.

    Raises:
        NdviUnfit: when the stack is not int16 (year, row, col), or has too few or too many years.
    """
    check_ndvi(ndvi_YRC)
    critical_values(ndvi_YRC.shape[0])
    flat_YP = ndvi_YRC.reshape(ndvi_YRC.shape[0], -1)
    pixels, shape = flat_YP.shape[1], ndvi_YRC.shape[1:]
    slope = np.empty(pixels, np.float64)
    s, significance = np.empty(pixels, np.int16), np.empty(pixels, np.int16)
    for part in chunks(pixels):
        slope[part], s[part], significance[part] = _trend(flat_YP[:, part], method)
    codes = significance.reshape(shape)
    return Trajectory(slope.reshape(shape), s.reshape(shape), codes, recode_trajectory(codes))


@dataclass(frozen=True, slots=True, eq=False)
class _Statistics:
    """Of the years that are there, one number for each pixel, or one for all where no year is missing.

    The slope is ``rise / run``; all are whole numbers.
    """

    years: npt.NDArray[np.int64]
    s: npt.NDArray[np.int64]
    rise: npt.NDArray[np.int64]
    run: npt.NDArray[np.int64]


def _trend(
    ndvi_YP: Ndvi, method: TrendMethod
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Slope, S and significance of some pixels."""
    there_YP = ndvi_YP != NDVI_NODATA
    if there_YP.all():
        there_YP = there_YP[:, :1]  # the same for all pixels
    years = there_YP.sum(axis=0, dtype=np.int64)
    known = years >= max(SHORTEST, len(ndvi_YP) - method.max_missing_years)
    rise, run = _least_squares(ndvi_YP, there_YP, years)
    found = _Statistics(np.maximum(years, SHORTEST), _kendall_s(ndvi_YP, there_YP), rise, run)
    code = _RULES[method.id](ndvi_YP, found, method)
    slope = np.where(known, rise / np.maximum(run, 1), np.nan)
    return slope, np.where(known, found.s, 0), np.where(known, code, NODATA)


def _kendall_s(ndvi_YP: Ndvi, there_YP: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """S over the pairs of years that are both there."""
    s = np.zeros(ndvi_YP.shape[1], np.int16)  # at most 59 x 58 / 2
    gaps = not there_YP.all()
    for first in range(len(ndvi_YP) - 1):
        earlier, later = ndvi_YP[first], ndvi_YP[first + 1 :]
        signs = (later > earlier).view(np.int8) - (later < earlier).view(np.int8)
        if gaps:
            signs *= there_YP[first + 1 :]
            signs *= there_YP[first]
        s += signs.sum(axis=0, dtype=np.int16)
    return s.astype(np.int64)


def _least_squares(
    ndvi_YP: Ndvi, there_YP: npt.NDArray[np.bool_], years: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Numerator and denominator of the slope of ordinary least squares on the year."""
    t = np.arange(len(ndvi_YP), dtype=np.int64)
    sum_t, sum_tt = t @ there_YP, (t * t) @ there_YP
    sum_y, sum_ty = np.zeros((2, ndvi_YP.shape[1]), np.int32)  # at most 59 x 58 x 10000
    for year, (values, there) in enumerate(zip(ndvi_YP, there_YP, strict=True)):
        present = values.astype(np.int32) * there
        sum_y += present
        sum_ty += year * present
    return years * sum_ty - sum_t * sum_y, years * sum_tt - sum_t * sum_t


def _by_critical_values(_ndvi_YP: Ndvi, found: _Statistics, method: TrendMethod) -> npt.NDArray[np.int64]:
    """Sign of the slope times 1, 2, 3; 0 where abs(S) is no more than the value at 90 % or the slope is small."""
    at_90, at_95, at_99 = np.array(KENDALL_CRITICAL, np.int64).T[:, found.years - SHORTEST]
    size = np.abs(found.s)
    level = (size > at_90) * (1 + (size >= at_95) + (size >= at_99).astype(np.int64))
    steep = np.abs(found.rise) > method.min_slope * found.run
    code: npt.NDArray[np.int64] = np.sign(found.rise) * level * steep
    return code


def _by_z(ndvi_YP: Ndvi, found: _Statistics, _method: TrendMethod) -> npt.NDArray[np.int64]:
    """2 with the sign of S where abs(z) > 1.96, else 0; z = (abs(S) - 1) / sqrt(variance), ties counted."""
    n = found.years
    variance_18 = n * (n - 1) * (2 * n + 5) - _ties(ndvi_YP)
    distance = np.maximum(np.abs(found.s) - 1, 0)
    beyond = distance**2 * 18 * 100**2 > _Z_TIMES_100**2 * variance_18
    return np.where(beyond, 2 * np.sign(found.s), 0)


def _ties(ndvi_YP: Ndvi) -> npt.NDArray[np.int64]:
    """Sum over groups of t equal values of t (t - 1) (2 t + 5), missing years left out."""
    total = np.zeros(ndvi_YP.shape[1], np.int64)
    for values in ndvi_YP:
        t = (ndvi_YP == values).sum(axis=0, dtype=np.int64)
        total += np.where(values == NDVI_NODATA, 0, (t - 1) * (2 * t + 5))
    return total


_RULES: Final[Mapping[str, Callable[[Ndvi, _Statistics, TrendMethod], npt.NDArray[np.int64]]]] = MappingProxyType(
    {"kendall": _by_critical_values, "z196": _by_z}
)

"""Performance: mean NDVI of a pixel against the best of its kind, soil and land cover being alike.

Trends.Earth, gee/productivity.py, ``productivity_performance``; UNCCD PRAIS 4 manual, SO1.md, SO 1-2. Two passes over
the raster: ``unit_percentiles.UnitHistogram`` counts the means of each unit, ``performance`` compares with them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from indicators.codes import DEGRADED, NODATA, STABLE
from indicators.productivity.ndvi import Ndvi
from indicators.productivity.unit_percentiles import UnitPercentiles, sums_of_years
from indicators.productivity.units import Units


def performance(ndvi_YRC: Ndvi, units_RC: Units, percentiles: UnitPercentiles) -> npt.NDArray[np.int16]:
    """Second pass: performance of each pixel.

    Args:
        ndvi_YRC: (year, row, col) int16, NDVI x 10000, -32768 = missing; the same years as in the first pass.
        units_RC: (row, col), see ``unit_codes``.
        percentiles: of the first pass.

    Returns:
        int16 (row, col): -1 where the mean is at most half of the unit's percentile, else 0; -32768 without a mean, a
        unit, or a percentile above 0.

    Raises:
        NdviUnfit: when the stack is not int16 (year, row, col).
        GridMismatch: when the shapes differ.
    """
    total, years = sums_of_years(ndvi_YRC, units_RC, percentiles.method)
    best = percentiles.of(units_RC)
    # total / years <= ratio / 100 * best / 100, in whole numbers
    poor = total * 100 * 100 <= percentiles.method.ratio_percent * best * years
    found = np.where((years > 0) & (best > 0), np.where(poor, DEGRADED, STABLE), NODATA)
    return found.astype(np.int16)

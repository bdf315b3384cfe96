"""Soil carbon between two land-cover maps, by one look-up a pixel.

A stock only ever is multiplied, so how much of it is left depends on the two classes and the climate alone. The table
of what is left comes from the same recursion as everywhere (``annual.annual_stocks``), run once for each combination
(IPCC Tier 1 factors as in Trends.Earth, ``gee/soc.py``; LDN facts 4.1).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from indicators.soilcarbon.annual import annual_stocks
from indicators.soilcarbon.covers import COVER_CODES
from indicators.soilcarbon.factors import TIER1, FactorTable
from indicators.soilcarbon.spread import spread_change

type Ratios = npt.NDArray[np.float64]
"""(climate, class before, class after): stock of the last year over that of the first, NaN = unknown."""


def two_map_ratios(
    f: Sequence[float], *, first: int, last: int, change_year: int | None = None, table: FactorTable = TIER1
) -> Ratios:
    """What is left of a stock, for each climate and pair of classes.

    Args:
        f: f of each climate, NaN where it is not known; see ``FactorTable.f_by_zone``.
        first: year of the first map.
        last: year of the second map.
        change_year: first year with the second map's classes, see ``spread.spread_change``.
        table: land-use factors.

    Returns:
        float64 (climates, 8, 8), by positions of ``covers.cover_positions``: 7 is no data, and NaN with either.

    Raises:
        ConfigError: when the years are in the wrong order.
    """
    size = len(COVER_CODES)
    codes = np.array(COVER_CODES)
    shape = (len(f), size, size)
    before, after = np.broadcast_to(codes[:, None], shape), np.broadcast_to(codes, shape)
    spread = np.broadcast_to(np.array(f, np.float64)[:, None, None], shape)
    covers = spread_change(before, after, first=first, last=last, change_year=change_year)
    *_, left = annual_stocks(np.ones(shape), covers, spread, table=table)
    return left

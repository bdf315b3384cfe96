"""The table of two maps against the recursion."""

import numpy as np
import pytest

from indicators.soilcarbon.annual import stocks_of_years
from indicators.soilcarbon.change import condition_of_stocks, percent_change
from indicators.soilcarbon.covers import COVER_CODES
from indicators.soilcarbon.factors import TIER1
from indicators.soilcarbon.spread import spread_change
from indicators.soilcarbon.two_maps import two_map_ratios
from landcover.errors import ConfigError


@pytest.mark.parametrize(("first", "last", "year"), [(2000, 2015, None), (2015, 2023, 2016), (1990, 2023, 1991)])
def test_every_pair_in_every_climate(first, last, year):
    left = two_map_ratios(TIER1.f_by_zone, first=first, last=last, change_year=year)
    assert left.shape == (13, 8, 8)
    zone, before, after = np.indices(left.shape).reshape(3, -1)
    codes = np.array(COVER_CODES)
    covers = spread_change(codes[before][None], codes[after][None], first=first, last=last, change_year=year)
    reference = np.random.default_rng(0).uniform(1, 200, (1, before.size))
    f = TIER1.f_of_zones(zone)[None]
    years = range(first, last + 1)
    stocks = stocks_of_years(reference, covers, f, years=years, wanted=(first, last))
    np.testing.assert_allclose(reference[0] * left.ravel(), stocks[last][0], rtol=1e-12)
    percent = percent_change(np.ones(left.size), left.ravel())
    np.testing.assert_allclose(percent, percent_change(reference, stocks[last])[0], rtol=0, atol=1e-8)
    np.testing.assert_array_equal(
        condition_of_stocks(np.ones(left.size), left.ravel()), condition_of_stocks(reference, stocks[last])[0]
    )


def test_what_is_not_known():
    left = two_map_ratios([np.nan], first=2000, last=2001)[0]
    assert np.isnan(left[:, 7]).all()
    assert np.isnan(left[7]).all()
    assert np.isnan(left[0, 2])
    assert left[0, 4] == 0.955
    with pytest.raises(ConfigError):
        two_map_ratios([0.8], first=2001, last=2000)

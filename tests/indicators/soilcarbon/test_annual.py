"""Annual stocks against Trends.Earth's own runs, and against a loop over years."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from indicators.soilcarbon.annual import annual_stocks, stocks_of_years
from indicators.soilcarbon.change import condition_of_percent, percent_change, stored_percent
from indicators.soilcarbon.factors import TIER1
from indicators.soilcarbon.spread import middle_year, spread_change
from landcover.errors import ConfigError, DtypeMismatch, GridMismatch, UnmappedCodes, WrongUse
from tests.landcover.vectors import vector

VECTOR = vector("soc_annual")
YEARS = list(range(2000, 2023))


def sequence(changes):
    """Class of each year from the years of change."""
    steps = sorted((int(year), code) for year, code in changes.items())
    return [[code for start, code in steps if start <= year][-1] for year in YEARS]


COVERS = np.array([sequence(s["class_by_change_year"]) for s in VECTOR["sequences"]], np.uint8).T[:, None]
REFERENCE = np.full((1, COVERS.shape[2]), VECTOR["soc_2000_t_ha"])


def slow(reference, covers, f, years=20):
    """Stocks of one pixel, as the rule reads."""
    stock, loss, elapsed, found = reference, 0.0, 0, [reference]
    for before, after in pairwise(covers):
        elapsed += 1
        if before != after:
            cell = TIER1.cells[before - 1][after - 1]
            factor = {"f": f, "1/f": 1 / f}.get(cell, cell)
            loss, elapsed = stock * (1 - factor) / years, 1
        elif elapsed > years:
            loss = 0.0
        stock -= loss
        found.append(stock)
    return found


@pytest.mark.parametrize("run", VECTOR["exact"])
def test_every_sequence_of_trends_earth(run):
    period, _, f = run.partition("_f")
    first, last = map(int, period.split("-"))
    stocks = dict(zip(YEARS, annual_stocks(REFERENCE, COVERS, float(f)), strict=True))
    for band, expected in VECTOR["exact"][run]["soc_by_band"].items():
        np.testing.assert_allclose(stocks[int(band[-4:])][0], expected, rtol=1e-12)
    for band, expected in VECTOR["as_stored"][run]["soc_int16_by_band"].items():
        np.testing.assert_array_equal(np.trunc(stocks[int(band[-4:])][0]), expected)
    percent = percent_change(stocks[first], stocks[last])[0]
    np.testing.assert_allclose(percent, VECTOR["exact"][run]["percent"], rtol=0, atol=1e-9)
    np.testing.assert_array_equal(stored_percent(percent), VECTOR["as_stored"][run]["percent_int16"])
    np.testing.assert_array_equal(condition_of_percent(percent), condition_of_percent(stored_percent(percent)))


def test_the_example_of_the_guidance():
    stocks = stocks_of_years(REFERENCE[:, 2:3], COVERS[:, :, 2:3], 0.8, years=YEARS, wanted=[2000, 2005, 2015])
    assert {year: stock.item() for year, stock in stocks.items()} == {2000: 100, 2005: 99, 2015: 89}
    assert percent_change(stocks[2000], stocks[2015]).item() == -11


@pytest.mark.parametrize("dtype", [np.uint8, np.int16])
def test_against_a_loop(dtype):
    rng = np.random.default_rng(5)
    covers = rng.integers(1, 8, (45, 6, 7)).astype(dtype)
    covers[rng.random(covers.shape) < 0.9] = 0
    for before, after in pairwise(covers):
        after[after == 0] = before[after == 0]  # long runs of one class
    covers[covers == 0] = 2
    reference = rng.uniform(1, 200, (6, 7)).astype(np.float32)
    f = TIER1.f_of_zones(rng.integers(1, 13, (6, 7)))
    found = np.stack(list(annual_stocks(reference, covers, f)))
    for place in np.ndindex(6, 7):
        expected = slow(float(reference[place]), covers[:, *place].tolist(), f[place])
        np.testing.assert_allclose(found[:, *place], expected, rtol=1e-12)


def test_blocks_do_not_matter_and_land_cover_may_stream():
    rng = np.random.default_rng(6)
    covers, reference = rng.integers(1, 8, (12, 6, 7)), rng.uniform(1, 200, (6, 7))
    whole = np.stack(list(annual_stocks(reference, covers, 0.64)))
    parts = [np.stack(list(annual_stocks(reference[r], iter(covers[:, r]), 0.64))) for r in (slice(2), slice(2, 6))]
    np.testing.assert_array_equal(whole, np.concatenate(parts, axis=1))


def test_what_is_yielded_is_left_alone():
    series = annual_stocks(REFERENCE, COVERS, 0.8)
    first = next(series)
    first[:] = -1
    assert next(series)[0, 0] == 100
    assert REFERENCE.min() == 100


@pytest.mark.parametrize("mark", [-32768, -32767, np.nan, -1])
def test_a_missing_reference_is_missing_for_good(mark):
    reference = np.array([[mark, 50.0]])
    stocks = list(annual_stocks(reference, np.array([[[1, 1]], [[3, 1]], [[3, 1]]]), 0.8))
    assert [np.isnan(stock).tolist() for stock in stocks] == [[[True, False]]] * 3


@pytest.mark.parametrize("mark", [0, 255, -32768, -32767])
def test_a_year_without_land_cover_makes_the_rest_unknown(mark):
    covers = np.array([1, 1, mark, 1, 3], np.int16).reshape(-1, 1, 1)
    stocks = [stock.item() for stock in annual_stocks(np.full((1, 1), 80), covers, 0.8)]
    assert stocks[:2] == [80, 80]
    assert np.isnan(stocks[2:]).all()


def test_a_missing_climate_matters_where_it_is_needed():
    covers = np.array([[[1, 1, 1]], [[1, 5, 3]]])
    f = np.full((1, 3), np.nan)
    last = list(annual_stocks(np.full((1, 3), 100.0), covers, f))[-1]
    np.testing.assert_allclose(last, [[100, 95.5, np.nan]])


def test_two_maps_change_in_the_middle():
    """Trends.Earth loses (last - middle) years' worth, the middle being first + floor((last - first) / 2)."""
    initial, final = np.array([[1, 1]]), np.array([[3, 1]])
    for first, last in ((2000, 2001), (2000, 2015), (2015, 2019), (2000, 2060)):
        covers = spread_change(initial, final, first=first, last=last)
        stock = list(annual_stocks(np.full((1, 2), 100.0), covers, 0.8))
        assert len(stock) == last - first + 1
        lossy = last - (first + (last - first) // 2)
        np.testing.assert_allclose(stock[-1], [[100 - min(lossy, 20), 100]])
        assert middle_year(first, last) == last - lossy + 1


def test_two_maps_change_in_a_stated_year():
    initial, final = np.array([[1]]), np.array([[3]])
    found = [cover.item() for cover in spread_change(initial, final, first=2000, last=2003, change_year=2003)]
    assert found == [1, 1, 1, 3]


@pytest.mark.parametrize("year", [2000, 2004])
def test_a_change_outside_the_years(year):
    with pytest.raises(ConfigError, match="after 2000 and up to 2003"):
        spread_change(np.ones((1, 1), int), np.ones((1, 1), int), first=2000, last=2003, change_year=year)


def test_bad_maps():
    with pytest.raises(ConfigError, match="later year"):
        spread_change(np.ones((1, 1), int), np.ones((1, 1), int), first=2000, last=2000)
    with pytest.raises(GridMismatch):
        spread_change(np.ones((1, 1), int), np.ones((1, 2), int), first=2000, last=2001)


def test_bad_series():
    stock, covers = np.full((2, 2), 50.0), np.ones((3, 2, 2), np.uint8)
    with pytest.raises(UnmappedCodes, match=r"UNCCD-7.*9: 4"):
        list(annual_stocks(stock, covers + 8, 0.8))
    with pytest.raises(GridMismatch, match="land cover of shape"):
        list(annual_stocks(stock, covers[:, 1:], 0.8))
    with pytest.raises(GridMismatch, match="climate of shape"):
        list(annual_stocks(stock, covers, np.ones(2)))
    with pytest.raises(DtypeMismatch):
        list(annual_stocks(stock, covers.astype(float), 0.8))
    with pytest.raises(DtypeMismatch):
        list(annual_stocks(stock.astype(complex), covers, 0.8))


def test_bad_years():
    stock, covers = np.full((2, 2), 50.0), np.ones((3, 2, 2), np.uint8)
    with pytest.raises(ConfigError, match="one year after the other"):
        stocks_of_years(stock, covers, 0.8, years=[2000, 2002, 2003], wanted=[2000])
    with pytest.raises(ConfigError, match="one year after the other"):
        stocks_of_years(stock, covers, 0.8, years=[], wanted=[])
    with pytest.raises(ConfigError, match="than the 4 that were named"):
        stocks_of_years(stock, covers, 0.8, years=[2000, 2001, 2002, 2003], wanted=[2000])
    with pytest.raises(WrongUse, match="stock of 1999 wanted, with land cover of 2000 to 2002"):
        stocks_of_years(stock, covers, 0.8, years=[2000, 2001, 2002], wanted=[1999, 2000])


def test_another_length_of_change():
    fast = replace(TIER1, id="fast", years=5)
    covers = np.array([1, *[3] * 9]).reshape(-1, 1, 1)
    stocks = [stock.item() for stock in annual_stocks(np.full((1, 1), 100.0), covers, 0.8, table=fast)]
    np.testing.assert_allclose(stocks, [100, 96, 92, 88, 84, 80, 80, 80, 80, 80])

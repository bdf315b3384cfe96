"""Performance and the percentiles of units, against numpy and fractions."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from indicators.productivity import unit_percentiles
from indicators.productivity.ndvi import NdviUnfit
from indicators.productivity.performance import performance
from indicators.productivity.performance_methods import PERFORMANCE
from indicators.productivity.unit_percentiles import UnitHistogram
from indicators.productivity.units import TooManyUnits, unit_codes
from landcover.errors import ConfigError, DtypeMismatch, GridMismatch
from tests.indicators.productivity.series import noisy

UNITS = np.random.default_rng(1).choice(np.array([-1, 5010, 5020, 77_210], np.int32), (20, 30))


def whole_means(rows=20, cols=30, seed=4):
    """Three years whose means are whole numbers."""
    base = np.random.default_rng(seed).integers(-300, 7000, (rows, cols)).astype(np.int16)
    return np.stack([base - 7, base, base + 7])


def counted(stack, units, **kwargs):
    histogram = UnitHistogram(**kwargs)
    histogram.add(stack, units)
    return histogram.percentiles("test")


@pytest.mark.parametrize("percentile", [1, 50, 90, 100])
def test_percentiles_of_whole_means_are_numpys(percentile):
    stack = whole_means()
    found = counted(stack, UNITS, method=replace(PERFORMANCE, percentile=percentile))
    assert found.units.tolist() == [5010, 5020, 77_210]
    for unit, hundredths, pixels in zip(found.units, found.hundredths, found.pixels, strict=True):
        means = np.maximum(stack[1][unit == UNITS].astype(float), 0)
        assert hundredths / 100 == pytest.approx(np.percentile(means, percentile), abs=1e-9)
        assert pixels == means.size


def test_percentiles_of_other_means_are_within_half_a_step():
    stack = noisy(16, rows=20, cols=30)
    found = counted(stack, UNITS)
    for unit, hundredths in zip(found.units, found.hundredths, strict=True):
        assert abs(hundredths / 100 - np.percentile(stack.mean(axis=0)[unit == UNITS], 90)) <= 0.5


def test_performance_against_fractions():
    stack = noisy(16, rows=20, cols=30, seed=2)
    stack[:, :6] //= 3
    stack[3, 0, 0] = -32768
    percentiles = counted(stack, UNITS)
    found = performance(stack, UNITS, percentiles)
    best = dict(zip(percentiles.units.tolist(), percentiles.hundredths.tolist(), strict=True))
    assert set(np.unique(found)) == {-32768, -1, 0}
    for place in np.ndindex(UNITS.shape):
        unit, series = int(UNITS[place]), stack[:, *place]
        if unit == -1 or (series == -32768).any():
            assert found[place] == -32768
            continue
        ratio = Fraction(int(series.sum(dtype=int)), 16) / Fraction(best[unit], 100)
        assert found[place] == (-1 if ratio <= Fraction(1, 2) else 0)


def test_half_of_the_best_is_degraded():
    stack = np.array([[[1000, 500, 501]]], np.int16).repeat(4, axis=0)
    units = np.full((1, 3), 1001, np.int32)
    percentiles = counted(stack, units, method=replace(PERFORMANCE, percentile=100))
    assert performance(stack, units, percentiles).tolist() == [[0, -1, 0]]


def test_without_a_percentile_above_0_there_is_no_data():
    stack = np.array([[[-200, -100, 0, 500]]], np.int16)
    units = np.array([[1001, 1001, 1001, 1002]], np.int32)
    percentiles = counted(stack, units)
    assert performance(stack, units, percentiles).tolist() == [[-32768, -32768, -32768, 0]]
    elsewhere = np.array([[1003, 2, -1, 900_000]], np.int32)
    assert performance(stack, elsewhere, percentiles).tolist() == [[-32768] * 4]
    assert performance(stack, units, UnitHistogram().percentiles("nothing")).tolist() == [[-32768] * 4]


def test_blocks_in_any_order():
    stack = noisy(16, rows=20, cols=30)
    parts = UnitHistogram()
    for rows in (slice(13, 20), slice(0, 4), slice(4, 13)):
        parts.add(stack[:, rows], UNITS[rows])
    assert parts.percentiles("test").to_document() == counted(stack, UNITS).to_document()


def test_only_the_extent_counts():
    stack, within = whole_means(), np.zeros((20, 30), np.bool_)
    within[:10] = True
    part = UnitHistogram()
    part.add(stack, UNITS, within_RC=within)
    found = part.percentiles("the north")
    assert found.to_document()["units"] == counted(stack[:, :10], UNITS[:10]).to_document()["units"]
    assert found.extent == "the north"
    assert found.sha256 != part.percentiles("the south").sha256


def test_missing_years():
    stack = whole_means()
    stack[0] = -32768
    assert (performance(stack, UNITS, counted(stack, UNITS)) == -32768).all()
    loose = replace(PERFORMANCE, max_missing_years=1)
    assert set(np.unique(performance(stack, UNITS, counted(stack, UNITS, method=loose)))) == {-32768, -1, 0}


def test_units_of_soil_and_cover():
    soil = np.array([5, 5, 0, 255, 433], np.uint16)
    cover = np.array([10, 220, 10, 10, 255], np.uint8)
    assert unit_codes(soil, cover).tolist() == [5010, 5220, -1, 255_010, -1]
    assert unit_codes(soil[:4].astype(np.uint8), cover[:4]).tolist() == [5010, 5220, -1, -1]


def test_bad_units():
    with pytest.raises(TooManyUnits, match="land cover below 1000"):
        unit_codes(np.array([1]), np.array([1000]))
    with pytest.raises(DtypeMismatch):
        unit_codes(np.array([1.0]), np.array([1]))
    with pytest.raises(GridMismatch):
        unit_codes(np.array([1]), np.array([1, 2]))


def test_bad_layers_count_nothing(monkeypatch):
    monkeypatch.setattr(unit_percentiles, "MOST_UNITS", 2)
    histogram = UnitHistogram()
    with pytest.raises(TooManyUnits, match="more than 2 units"):
        histogram.add(whole_means(), UNITS)
    assert histogram.percentiles("").units.size == 0
    with pytest.raises(GridMismatch, match="units of"):
        histogram.add(whole_means(), UNITS[1:])
    with pytest.raises(NdviUnfit):
        histogram.add(whole_means().astype(np.float32), UNITS)
    with pytest.raises(GridMismatch):
        histogram.add(whole_means(), UNITS, within_RC=np.ones(3, np.bool_))
    with pytest.raises(ConfigError, match="expected percentages"):
        replace(PERFORMANCE, ratio_percent=0)

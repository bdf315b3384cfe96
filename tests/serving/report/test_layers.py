"""Layers of a report: what they are, what they assume, and their positions on the axes of a joint table."""

from dataclasses import replace

import numpy as np
import pytest

from indicators.joint import LPD, PRODUCTIVITY, SOC
from indicators.productivity.imported import FAO_WOCAT, JRC
from indicators.productivity.lpd import GPG_V1, GPG_V2, PRAIS2026
from indicators.productivity.recodes import recode_state, recode_trajectory
from indicators.soilcarbon.annual import stocks_of_years
from indicators.soilcarbon.change import CARBON_RULE, condition_of_percent, condition_of_stocks
from indicators.soilcarbon.covers import COVER_CODES
from indicators.soilcarbon.factors import TIER1
from indicators.soilcarbon.spread import spread_change
from landcover.errors import ConfigError, DtypeMismatch, GridMismatch, UnmappedCodes, WrongUse
from landcover.raster.protocol import Block
from serving.report.layer_positions import carbon_positions, productivity_positions
from serving.report.layers import (
    LpdLayer,
    ProductivityInputs,
    ReferenceStock,
    SocConditionLayer,
    SocPercentLayer,
    SoilCarbonInputs,
    SubIndicatorLayers,
)

RNG = np.random.default_rng(8)
SHAPE = (12, 9)
THREE = SubIndicatorLayers(trend="t.tif", state="s.tif", performance="p.tif")
STOCK = ReferenceStock(raster="soc.tif", climate="zones.tif", first=2000, last=2015)


def block(data, valid=None):
    data = np.asarray(data)
    data = data[None] if data.ndim == 2 else data
    return Block(data, np.ones(data.shape[1:], np.bool_) if valid is None else valid)


def codes_of(inputs, *positions):
    return [np.array(axis.codes)[place] for axis, place in zip(inputs.axes, positions, strict=True)]


def test_a_layer_in_five_classes():
    layer = RNG.choice(np.array([0, 1, 2, 3, 4, 5, 15, 255], np.uint8), SHAPE)
    inputs = ProductivityInputs(LpdLayer("lpd.tif", FAO_WOCAT))
    found = productivity_positions(inputs, {"lpd": block(layer)})
    lpd, three = codes_of(inputs, found.lpd, found.productivity)
    np.testing.assert_array_equal(lpd, np.where((layer > 0) & (layer < 6), layer.astype(int), -32768))
    np.testing.assert_array_equal(three, np.select([lpd == 5, lpd >= 3, lpd >= 1], [1, 0, -1], -32768))
    assert [axis.name for axis in inputs.axes] == [LPD, PRODUCTIVITY]
    assert inputs.rasters == {"lpd": "lpd.tif"}
    assert [slug for slug, _ in inputs.caveats] == ["lpd-other-algorithm", "lpd-fao-wocat-deserts"]


def test_what_is_not_valid_is_no_data_whatever_it_holds():
    valid = RNG.random(SHAPE) > 0.3
    layer = np.where(valid, 4, 77).astype(np.uint8)
    found = productivity_positions(ProductivityInputs(LpdLayer("lpd.tif", JRC)), {"lpd": block(layer, valid)})
    np.testing.assert_array_equal(found.lpd, np.where(valid, 3, 5))
    np.testing.assert_array_equal(found.productivity, np.where(valid, 1, 3))
    with pytest.raises(UnmappedCodes, match="77"):
        productivity_positions(ProductivityInputs(LpdLayer("lpd.tif", JRC)), {"lpd": block(layer)})


@pytest.mark.parametrize("table", [GPG_V1, GPG_V2], ids=["v1", "v2"])
def test_five_classes_cannot_be_read_under_the_guidance(table):
    with pytest.raises(WrongUse, match="give trend, state and performance"):
        ProductivityInputs(LpdLayer("lpd.tif", JRC), table)


@pytest.mark.parametrize("table", [PRAIS2026, GPG_V2], ids=["prais2026", "gpg_v2"])
@pytest.mark.parametrize("raw", [False, True])
def test_layers_of_the_sub_indicators(table, raw):
    if raw:
        trend, change = RNG.integers(-3, 4, SHAPE).astype(np.int16), RNG.integers(-11, 11, SHAPE).astype(np.int16)
        expected = recode_trajectory(trend), recode_state(change)
    else:
        trend, change = (RNG.choice(np.array([-1, 0, 1, -32768, -32767], np.int16), SHAPE) for _ in range(2))
        expected = trend, change
    level = RNG.choice(np.array([-1, 0, -32768], np.int16), SHAPE)
    inputs = ProductivityInputs(replace(THREE, raw=raw), table)
    found = productivity_positions(inputs, {"trend": block(trend), "state": block(change), "performance": block(level)})
    np.testing.assert_array_equal(codes_of(inputs, found.lpd, found.productivity), table.combine(*expected, level))
    assert set(inputs.rasters) == {"trend", "state", "performance"}
    assert inputs.assumptions[0][:3] == ("LPD table", table.id, "1")
    assert table.identity.endswith(inputs.assumptions[0][3])


COVER = RNG.integers(0, 8, (2, *SHAPE)).astype(np.uint8)


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_soil_carbon_in_percent(dtype):
    percent = RNG.choice(np.array([-32768, -102, -11, -10, -9, 0, 9, 10, 11]), SHAPE).astype(dtype)
    valid = RNG.random(SHAPE) > 0.2
    inputs = SoilCarbonInputs(SocPercentLayer("soc.tif"), replace(CARBON_RULE, soc_threshold_percent=11))
    found = carbon_positions(inputs, {"soc-percent": block(percent, valid)}, initial=COVER[0], final=COVER[1])
    expected = condition_of_percent(percent, water=(COVER[0] == 6) | ~valid, rule=inputs.rule)
    np.testing.assert_array_equal(codes_of(inputs, found.soc), [expected])
    assert found.stocks is None
    assert inputs.axes[0].name == SOC
    assert inputs.assumptions[0][4] == "Losses and gains of 11 % or more count."
    assert inputs.caveats == ()


def test_soil_carbon_in_three_classes():
    layer = RNG.choice(np.array([-32768, -32767, -1, 0, 1], np.int16), SHAPE)
    inputs = SoilCarbonInputs(SocConditionLayer("soc.tif"))
    found = carbon_positions(inputs, {"soc-condition": block(layer)}, initial=COVER[0], final=COVER[1])
    expected = np.where((COVER[0] == 6) | (layer == -32767), -32768, layer)
    np.testing.assert_array_equal(codes_of(inputs, found.soc), [expected])
    assert inputs.assumptions == ()
    with pytest.raises(UnmappedCodes, match="soil carbon layer"):
        carbon_positions(inputs, {"soc-condition": block(layer + 5)}, initial=COVER[0], final=COVER[1])


@pytest.mark.parametrize("climate", ["zones", "temperate_dry"])
@pytest.mark.parametrize("year", [None, 2001])
def test_a_stock_that_is_followed(climate, year):
    named = climate != "zones"
    stock = replace(
        STOCK, climate=None if named else "zones.tif", climate_name=climate if named else None, change_year=year
    )
    inputs = SoilCarbonInputs(stock)
    reference = RNG.integers(0, 150, SHAPE).astype(np.int16)
    reference[0, 0] = -32768
    valid = RNG.random(SHAPE) > 0.2
    zones = RNG.integers(0, 13, SHAPE).astype(np.uint8)
    blocks = {"soc-stock": block(reference, valid), "climate": block(zones)}
    found = carbon_positions(inputs, blocks, initial=COVER[0], final=COVER[1])

    codes = np.array(COVER_CODES)[COVER]
    f = TIER1.f_of(climate) if named else TIER1.f_of_zones(zones)
    stocks = stocks_of_years(
        np.where(valid, reference, -1.0),
        spread_change(*codes, first=2000, last=2015, change_year=year),
        f,
        years=range(2000, 2016),
        wanted=[2000, 2015],
    )
    for mine, theirs in zip(found.stocks, stocks.values(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6)
    expected = condition_of_stocks(stocks[2000], stocks[2015], water=COVER[0] == 6)
    np.testing.assert_array_equal(codes_of(inputs, found.soc), [expected])
    assert set(inputs.rasters) == ({"soc-stock"} if named else {"soc-stock", "climate"})
    assert [name for name, *_ in inputs.assumptions] == ["threshold of soil carbon", "factors of soil carbon"]
    assert f"put in {year or 2008}" in inputs.assumptions[1][4]
    assert [slug for slug, _ in inputs.caveats] == ["soc-two-maps"]


def test_stocks_that_cannot_be_followed():
    with pytest.raises(WrongUse, match="need a climate"):
        replace(STOCK, climate=None)
    with pytest.raises(WrongUse, match="need a climate"):
        replace(STOCK, climate_name="temperate_dry")
    with pytest.raises(ConfigError, match="no climate 'polar'"):
        replace(STOCK, climate=None, climate_name="polar")
    with pytest.raises(ConfigError, match="later year"):
        replace(STOCK, last=2000)
    with pytest.raises(ConfigError, match="after 2000 and up to 2015"):
        replace(STOCK, change_year=2016)


def test_bad_blocks_of_soil_carbon():
    inputs, kwargs = SoilCarbonInputs(STOCK), {"initial": COVER[0], "final": COVER[1]}
    stock, zones = block(np.ones(SHAPE, np.int16)), block(np.ones(SHAPE, np.uint8))
    with pytest.raises(WrongUse, match="no layer 'climate'"):
        carbon_positions(inputs, {"soc-stock": stock}, **kwargs)
    with pytest.raises(GridMismatch):
        carbon_positions(inputs, {"soc-stock": block(np.ones((2, 2))), "climate": zones}, **kwargs)
    with pytest.raises(DtypeMismatch):
        carbon_positions(inputs, {"soc-stock": block(np.ones(SHAPE, complex)), "climate": zones}, **kwargs)
    with pytest.raises(UnmappedCodes, match="13"):
        carbon_positions(inputs, {"soc-stock": stock, "climate": block(np.full(SHAPE, 13))}, **kwargs)
    for given, name in ((SocPercentLayer("a"), "soc-percent"), (SocConditionLayer("a"), "soc-condition")):
        with pytest.raises(GridMismatch):
            carbon_positions(SoilCarbonInputs(given), {name: block(np.ones((2, 2), np.int16))}, **kwargs)

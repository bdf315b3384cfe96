"""Factors of land use, exhaustively against Trends.Earth."""

from dataclasses import replace

import numpy as np
import pytest

from indicators.soilcarbon.factors import TIER1
from landcover.errors import ConfigError, DtypeMismatch, UnmappedCodes
from tests.landcover.vectors import vector

VECTOR = vector("soc_factors")


@pytest.mark.parametrize("climate", VECTOR["factor_after_20y"])
def test_all_49_factors_of_each_climate(climate):
    expected = VECTOR["factor_after_20y"][climate]
    before, after = np.array([[int(pair[0]), int(pair[1])] for pair in expected]).T - 1
    assert len(expected) == 49
    assert VECTOR["f_by_climate"][climate] == TIER1.f_of(climate)
    found = TIER1.factors(before, after, np.float64(TIER1.f_of(climate)))
    assert found.tolist() == list(expected.values())


def test_all_zones():
    """Zone 0 differs from Trends.Earth on purpose: no climate is no data, not f = 0."""
    zones = {int(code): f for code, f in VECTOR["ipcc_climate_zone_to_f"].items()}
    found = TIER1.f_of_zones(np.array(list(zones), np.uint8))
    assert zones.pop(0) == 0
    assert np.isnan(found[0])
    assert found[1:].tolist() == list(zones.values())
    assert np.isnan(TIER1.f_of_zones(np.array([255, -128, -32768], np.int16))).all()


def test_bad_zones():
    with pytest.raises(UnmappedCodes, match=r"IPCC climate zones does not have .*13: 2"):
        TIER1.f_of_zones(np.array([13, 13, 1]))
    with pytest.raises(DtypeMismatch):
        TIER1.f_of_zones(np.array([1.0]))
    with pytest.raises(ConfigError, match="no climate 'polar'; known climates are temperate_dry"):
        TIER1.f_of("polar")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cells": TIER1.cells[1:]}, "7 x 7"),
        ({"cells": ((0.0, *TIER1.cells[0][1:]), *TIER1.cells[1:])}, "above 0"),
        ({"cells": (("2/f", *TIER1.cells[0][1:]), *TIER1.cells[1:])}, "'f' or '1/f'"),
        ({"climates": TIER1.climates[1:]}, "five climates"),
        ({"climates": (("temperate_dry", 0.0), *TIER1.climates[1:])}, "f above 0"),
        ({"years": 0}, "one year"),
    ],
)
def test_bad_tables(change, words):
    with pytest.raises(ConfigError, match=words):
        replace(TIER1, **change)


def test_a_table_says_what_it_is():
    national = replace(TIER1, id="national", years=30)
    assert national.identity != TIER1.identity
    assert TIER1.to_document()["zones"][12] == "tropical_dry"

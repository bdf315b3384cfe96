"""Spectral indices: the published surfaces to 1e-12, and spyndex's own words."""

import numpy as np
import pytest
import spyndex

from indicators.spectral.compute import IndexNotFitted, bands_of, compute
from indicators.spectral.formulas import FORMULAS
from indicators.spectral.registry import BANDS, INDICES, Origin, UnknownIndex, get_index
from landcover.errors import BandMapping
from tests.landcover.vectors import vector

SURFACES = vector("spectral_indices")
REFLECTANCE = {
    letter: np.array(values)
    for letter, values in zip(BANDS, zip(*SURFACES["reflectance"].values(), strict=True), strict=True)
}
OWN = {
    "TGSI": "TGSI",
    "albedo_liang2001": "albedo_liang2001",
    "NDSI_salinity": "NDSI_salt",
    "SI_salinity_sqrtBR": "SI_salt",
    "SI1_salinity_sqrtGR": "SI1_salt",
    "SI2_salinity": "SI2_salt",
    "SI3_salinity": "SI3_salt",
    "S5_BR_over_G": "S5_salt",
    "NSI": "NSI_salt",
}
VALUES = {**SURFACES["spyndex"]["values"], **{OWN[name]: values for name, values in SURFACES["not_in_spyndex"].items()}}


@pytest.mark.parametrize("name", VALUES)
def test_values_of_seven_surfaces(name):
    assert compute(get_index(name), REFLECTANCE) == pytest.approx(np.array(VALUES[name]), rel=1e-12, abs=1e-12)


def test_every_index_but_the_fitted_ones_has_a_vector():
    assert set(VALUES) == {index.name for index in INDICES.values() if index.origin is not Origin.FITTED}
    assert tuple(SURFACES["bands"]) == BANDS
    assert set(FORMULAS) == set(OWN.values())


@pytest.mark.parametrize("index", [index for index in INDICES.values() if index.origin is Origin.SPYNDEX], ids=str)
def test_formulas_are_those_of_spyndex(index):
    theirs = spyndex.indices[index.name]
    assert index.formula == theirs.formula
    assert index.title == theirs.long_name
    assert index.source == theirs.reference
    assert set(index.bands) | set(index.constants) == set(theirs.bands)
    assert not index.absent_from_spyndex


@pytest.mark.parametrize("index", [index for index in INDICES.values() if index.absent_from_spyndex], ids=str)
def test_the_others_are_absent_from_spyndex(index):
    assert index.name not in spyndex.indices


@pytest.mark.parametrize("name", FORMULAS)
def test_written_formulas_are_what_is_computed(name):
    """The text that users see, evaluated."""
    places = {"sqrt": np.sqrt, **REFLECTANCE}
    wanted = eval(INDICES[name].formula, {}, places)  # noqa: S307 - our own text
    assert compute(get_index(name), REFLECTANCE) == pytest.approx(wanted, rel=1e-12)


def test_every_index_says_where_it_comes_from():
    for index in INDICES.values():
        assert index.formula
        assert index.source
        assert set(index.bands) <= set(BANDS)
        assert index.to_document()["absent_from_spyndex"] is index.absent_from_spyndex
    assert bands_of([INDICES["NDVI"], INDICES["NDMI"]]) == ("N", "R", "S1")


@pytest.mark.parametrize("index", [index for index in INDICES.values() if index.origin is not Origin.FITTED], ids=str)
def test_zeros_and_no_data_give_no_infinity_and_no_warning(index):
    bands = {letter: np.array([[0.0, np.nan, 0.3], [0.1, 0.1, -0.1]]) for letter in BANDS}
    values = compute(index, bands)
    assert values.shape == (2, 3)
    assert np.isnan(values[0, 1])
    assert not np.isinf(values).any()


def test_divisions_by_zero_have_no_value():
    bands = {letter: np.array([0.2]) for letter in BANDS} | {"N": np.array([-0.2])}
    assert np.isnan(compute(INDICES["NDVI"], bands)).all()
    assert np.isnan(compute(INDICES["SI_salt"], bands | {"B": np.array([-0.2])})).all()


@pytest.mark.parametrize(
    "name", ["BSI", "NDSI", "SI", "SI1", "SI2", "SI3", "S5", "NSI", "DSI", "BAI", "MSAVI2", "albedo"]
)
def test_names_that_mean_different_things_are_explained(name):
    with pytest.raises(UnknownIndex, match="means different things"):
        get_index(name)


@pytest.mark.parametrize("name", ["ndvi", "EVI", ""])
def test_names_that_there_are_not(name):
    with pytest.raises(UnknownIndex, match="choose of NDVI"):
        get_index(name)


def test_a_missing_band_and_missing_numbers_are_named():
    with pytest.raises(BandMapping, match="missing: R"):
        compute(INDICES["NDVI"], {"N": np.array([0.1])})
    for name in ("DDI", "DDI_class", "FVC"):
        with pytest.raises(IndexNotFitted, match=name):
            compute(INDICES[name], REFLECTANCE)

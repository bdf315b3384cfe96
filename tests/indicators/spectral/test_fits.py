"""Fitted indices: the published line and order, natural breaks against brute force, numbers that are kept."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from indicators.spectral.breaks import natural_breaks
from indicators.spectral.compute import compute
from indicators.spectral.ddi import DdiFit, DdiInvalid, DdiModel
from indicators.spectral.fits import SceneFit, SceneFitInvalid
from indicators.spectral.fvc import FvcInvalid, FvcModel, ndvi_histogram
from indicators.spectral.registry import INDICES
from indicators.spectral.streams import Histogram, LineFit
from landcover.errors import ConfigError, NoValidData
from tests.indicators.spectral.test_indices import REFLECTANCE, SURFACES

NAMES = list(SURFACES["reflectance"])
PUBLISHED = SURFACES["ddi_albedo_msavi"]


def fitted(vegetation="MSAVI", parts=1):
    fit = DdiFit(vegetation, "scene")
    values = [compute(INDICES[name], REFLECTANCE) for name in (vegetation, "albedo_liang2001", "MNDWI")]
    for part in np.array_split(np.arange(len(NAMES)), parts):
        fit.add(*(each[part] for each in values))
    return fit


@pytest.mark.parametrize("parts", [1, 3, 7])
def test_the_published_line(parts):
    model = fitted(parts=parts).model()
    assert model.pixels == 6  # all but water
    assert model.a == pytest.approx(PUBLISHED["a"], rel=1e-12)
    assert model.b == pytest.approx(PUBLISHED["b"], rel=1e-12)
    assert model.k == pytest.approx(PUBLISHED["k_value"], rel=1e-12)


def test_the_published_values_and_their_order():
    values = compute(INDICES["DDI"], REFLECTANCE, ddi=fitted().model())
    assert values == pytest.approx(np.array(PUBLISHED["values"]), rel=1e-12, abs=1e-12)
    assert [NAMES[i] for i in np.argsort(values)] == PUBLISHED["order_from_most_to_least_desertified"]


def test_a_line_of_many_blocks_is_that_of_numpy():
    generator = np.random.default_rng(4)
    x = generator.normal(1e4, 1e-2, 5000)
    y = 3.0 - 0.7 * x + generator.normal(0, 1e-3, 5000)
    line = LineFit()
    for part in np.array_split(np.arange(5000), 13):
        line.add(x[part], y[part])
    line.add(np.array([]), np.array([]))
    slope = np.polyfit(x - 1e4, y, 1)[0]
    assert line.line()[0] == pytest.approx(slope, rel=1e-6)
    assert line.count == 5000


def test_lines_that_there_are_not():
    line = LineFit()
    line.add(np.array([1.0, 1.0]), np.array([1.0, 2.0]))
    with pytest.raises(NoValidData, match="does not vary"):
        line.line()
    water = DdiFit("NDVI", "lake")
    water.add(np.array([0.1, 0.2]), np.array([0.1, 0.2]), np.array([0.5, 0.5]))
    with pytest.raises(NoValidData, match="no pixel but water"):
        water.model()
    rising = DdiFit("NDVI", "snow")
    rising.add(np.array([0.1, 0.2]), np.array([0.1, 0.2]), np.array([np.nan, 0.0]))
    with pytest.raises(DdiInvalid, match="does not fall as NDVI rises"):
        rising.model()


def best_by_brute_force(values, counts, classes):
    """Least sum of squares within, over all ways to cut."""
    each = np.repeat(values, counts)

    def cost(cuts):
        ends = [-np.inf, *(values[cut] for cut in cuts), np.inf]
        parts = [each[(each > low) & (each <= high)] for low, high in pairwise(ends)]
        return sum(((part - part.mean()) ** 2).sum() for part in parts)

    return min(cost(cuts) for cuts in combinations(range(len(values) - 1), classes - 1)), cost


@pytest.mark.parametrize("classes", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(5))
def test_breaks_are_the_best_ones(seed, classes):
    generator = np.random.default_rng(seed)
    values = np.sort(generator.choice(100, 10, replace=False)).astype(float)
    counts = generator.integers(1, 6, 10)
    breaks = natural_breaks(values, counts, classes)
    best, cost = best_by_brute_force(values, counts, classes)
    assert len(breaks) == classes - 1
    assert cost([list(values).index(number) for number in breaks]) == pytest.approx(best)


def test_equally_good_breaks_are_the_lower_ones():
    assert natural_breaks(np.array([0.0, 1.0, 2.0, 3.0]), np.ones(4, np.int64), 3) == (0.0, 1.0)
    assert natural_breaks(np.arange(5.0), np.ones(5, np.int64), 5) == (0.0, 1.0, 2.0, 3.0)


@pytest.mark.parametrize("classes", [0, 4])
def test_breaks_of_too_few_values(classes):
    with pytest.raises(ConfigError, match="ask for fewer"):
        natural_breaks(np.array([1.0, 2.0, 3.0]), np.ones(3, np.int64), classes)


def test_classes_are_those_of_the_kept_breaks():
    fit = fitted()
    model = fit.model()
    histogram = fit.histogram(model)
    values = compute(INDICES["DDI"], REFLECTANCE, ddi=model)
    histogram.add(np.delete(values, NAMES.index("water")))
    whole = model.with_breaks(histogram)
    classes = compute(INDICES["DDI_class"], REFLECTANCE, ddi=whole)
    assert (np.diff(classes[np.argsort(values)]) >= 0).all()
    assert dict(zip(NAMES, classes, strict=True))["salt_crust"] == 1
    assert dict(zip(NAMES, classes, strict=True))["irrigated_crop"] == 5
    assert len(whole.breaks) == 4
    assert whole.classes(np.array([whole.breaks[0], np.nan, whole.breaks[0] + 1e-9])).tolist()[::2] == [1, 2]
    assert np.isnan(whole.classes(np.array([np.nan]))).all()
    with pytest.raises(DdiInvalid, match="without breaks"):
        model.classes(values)
    assert whole.identity != model.identity


@pytest.mark.parametrize("width", [1, 7, 100])
def test_percentiles_are_those_of_numpy_to_a_bin(width):
    values = np.random.default_rng(width).uniform(-0.3, 0.9, 4000)
    histogram = ndvi_histogram()
    for part in np.array_split(values, width):
        histogram.add(part)
    for percent in (0, 5, 50, 95, 100):
        assert histogram.percentile(percent) == pytest.approx(np.percentile(values, percent), abs=1e-3)
    assert histogram.counts.sum() == 4000


def test_a_histogram_of_one_value_and_of_none():
    histogram = Histogram(0.5, 0.5, 10)
    histogram.add(np.array([0.5, 0.5]))
    assert histogram.counts.sum() == 2
    assert histogram.percentile(50) == 0.5
    with pytest.raises(NoValidData):
        Histogram(0, 1, 2).percentile(50)
    two = Histogram(0.0, 1.0, 4)
    two.add(np.array([0.1, 0.9, 5.0, -5.0]))
    assert two.counts.tolist() == [2, 0, 0, 2]
    assert 0.25 <= two.percentile(50) <= 0.75


def test_vegetation_cover_between_kept_numbers():
    histogram = ndvi_histogram()
    histogram.add(np.linspace(0.1, 0.7, 601))
    model = FvcModel.of_histogram(histogram, "scene")
    assert (model.ndvi_soil, model.ndvi_veg) == pytest.approx((0.13, 0.67), abs=1e-3)
    ndvi = np.array([model.ndvi_soil, model.ndvi_veg, -1.0, 1.0, (model.ndvi_soil + model.ndvi_veg) / 2, np.nan])
    assert model.cover(ndvi) == pytest.approx(np.array([0, 1, 0, 1, 0.5, np.nan]), nan_ok=True)
    cover = compute(INDICES["FVC"], REFLECTANCE, fvc=model)
    assert dict(zip(NAMES, cover, strict=True))["irrigated_crop"] == 1.0
    with pytest.raises(FvcInvalid, match="bare and vegetated"):
        FvcModel(ndvi_soil=0.4, ndvi_veg=0.4, percentiles=(5, 95), fitted_on="x")


def test_numbers_survive_their_document():
    fit = fitted()
    model = fit.model()
    histogram = fit.histogram(model)
    histogram.add(np.array(PUBLISHED["values"]))
    fvc = FvcModel(ndvi_soil=0.1, ndvi_veg=0.7, percentiles=(5.0, 95.0), fitted_on="x")
    whole = SceneFit(ddi=model.with_breaks(histogram), fvc=fvc)
    assert SceneFit.from_document(whole.to_document()) == whole
    assert set(whole.identities) == {"ddi", "fvc"}
    assert SceneFit.from_document(SceneFit().to_document()) == SceneFit()


@pytest.mark.parametrize("document", [[], {}, {"id": "steppe-spectral-fit", "version": "2"}])
def test_documents_that_hold_no_fit(document):
    with pytest.raises(SceneFitInvalid):
        SceneFit.from_document(document)


@pytest.mark.parametrize("missing", ["a", "breaks", "index", "pixels"])
def test_incomplete_numbers(missing):
    model = fitted().model().to_document()
    with pytest.raises(DdiInvalid, match="incomplete"):
        DdiModel.from_document({key: value for key, value in model.items() if key != missing})
    with pytest.raises(DdiInvalid):
        DdiModel.from_document(model | {"index": "EVI"})
    with pytest.raises(DdiInvalid, match="do not rise"):
        DdiModel.from_document(model | {"breaks": [1.0, 1.0]})
    with pytest.raises(FvcInvalid, match="incomplete"):
        FvcModel.from_document({"ndvi_soil": 0.1})

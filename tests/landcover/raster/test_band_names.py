"""Bands are matched by name, reordered, and refused with the exact mismatch."""

import pytest

from landcover.errors import BandCount, BandMapping
from landcover.raster.band_names import select_bands


def test_named_bands_are_reordered():
    assert select_bands(["B08", "B02", "B03"], ["B02", "B08"], None, name="x.tif") == (1, 0)


@pytest.mark.parametrize("stated", [["b2", "b8a"], ["B02", "B8A"], [" B2", "B8a "]])
def test_aliases_and_case_do_not_matter(stated):
    assert select_bands(stated, ["B8A", "B02"], None, name="x.tif") == (1, 0)


def test_names_no_sensor_has_are_compared_without_case():
    assert select_bands(["Elevation", "B02"], ["elevation"], None, name="x.tif") == (0,)


def test_given_names_serve_unnamed_bands():
    assert select_bands([None, None, None], ["B03"], ["b2", "b3", "cloud"], name="x.tif") == (1,)


def test_given_names_may_name_what_the_file_calls_otherwise():
    assert select_bands(["Band 1", None], ["B02"], ["B02", "B03"], name="x.tif") == (0,)


@pytest.mark.parametrize(
    ("stated", "wanted", "given", "message"),
    [
        ([None] * 13, ["B02", "B03"], None, "'x.tif' has 13 bands without names; the model wants B02, B03.*--bands"),
        (["B02", "B03"], ["B02", "B04", "B08"], None, "has no band B04, B08; it has B02, B03, the model wants"),
        (["B02", None], ["B03"], None, r"has no band B03; it has B02, unnamed"),
        (["B02", "b2", "B03"], ["B02"], None, "more than one band named B02"),
        (["B02", "B03"], ["B02"], ["B03", "B02"], "band 1 of 'x.tif' is named 'B02' in the file, but 'B03' was given"),
        ([None, None], ["B02"], ["B02"], r"1 band names were given \(B02\), but 'x.tif' has 2 bands"),
        ([None, None], ["B02"], ["B02", "B2"], "more than one band named B02, B2"),
        ([None, None], ["B04"], ["B02", "B03"], "has no band B04; it has B02, B03"),
    ],
    ids=["unnamed", "missing", "partly named", "doubled", "contradicts", "count", "doubled given", "given lacks"],
)
def test_refused_with_the_exact_mismatch(stated, wanted, given, message):
    with pytest.raises(BandMapping, match=message):
        select_bands(stated, wanted, given, name="x.tif")


def test_doubled_names_that_nobody_wants_do_no_harm():
    assert select_bands(["B02", "QA", "QA"], ["B02"], None, name="x.tif") == (0,)


def test_too_few_bands_without_names():
    with pytest.raises(BandCount, match=r"has 1 bands .* the model wants 4: B02, B03, B04, B08"):
        select_bands([None], ["B02", "B03", "B04", "B08"], None, name="scene.tif")
    with pytest.raises(BandMapping, match="has no band B03"):
        select_bands(["B02"], ["B02", "B03"], None, name="scene.tif")

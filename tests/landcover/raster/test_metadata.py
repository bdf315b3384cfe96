"""What files say about level, date and radiometry, and what happens when it does not agree."""

import pytest

from landcover.errors import LevelMismatch, RadiometryMismatch
from landcover.raster.metadata import (
    Statement,
    agreed_level,
    agreed_radiometry,
    normalise_datetime,
    normalise_level,
    tag_radiometry,
)
from landcover.sensors import Radiometry

PLAIN, SHIFTED = Radiometry(1e-4, 0.0), Radiometry(1e-4, -0.1)


@pytest.mark.parametrize(
    ("text", "level"),
    [("L1C", "L1C"), ("Level-1C", "L1C"), ("level_2a", "L2A"), (" l2sp ", "L2SP"), ("ortho", "ORTHO")],
)
def test_levels_are_spelled_one_way(text, level):
    assert normalise_level(text) == level


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("20171107", "2017-11-07"),
        ("2017-11-07", "2017-11-07"),
        ("20170216T102101", "2017-02-16T10:21:01Z"),
        ("2017-02-16T10:21:01.026Z", "2017-02-16T10:21:01Z"),
        ("2020-02-29", "2020-02-29"),
        ("yesterday", None),
        ("20201345", None),
        ("2019-02-29", None),
        ("0000-01-01", None),
        ("2020-02-28T25:61:99Z", None),
        ("", None),
    ],
)
def test_dates_become_iso_8601(text, iso):
    assert normalise_datetime(text) == iso


def test_nothing_said_is_none():
    assert agreed_level([]) is None
    assert agreed_radiometry([]) is None


def test_statements_that_agree_are_one():
    assert agreed_level([Statement("Level-1C", "a"), Statement("L1C", "b")]) == "L1C"
    close = Radiometry(1e-4 * (1 + 1e-9), -0.1)
    assert agreed_radiometry([Statement(SHIFTED, "a"), Statement(close, "b")]) == SHIFTED


def test_contradictions_name_both():
    with pytest.raises(LevelMismatch, match=r"L1C by the tags, but L2A by the caller"):
        agreed_level([Statement("L1C", "the tags"), Statement("L2A", "the caller")])
    with pytest.raises(RadiometryMismatch, match=r"0.0001, 0 by the tags, but 0.0001, -0.1 by the caller"):
        agreed_radiometry([Statement(PLAIN, "the tags"), Statement(SHIFTED, "the caller")])


def test_tag_offset_is_in_reflectance():
    (said,) = tag_radiometry({"scale": "0.0001", "offset": "-0.1"}, "x.tif")
    assert said.value == SHIFTED


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"scale": "0.0001"}, "state scale without offset"),
        ({"offset": "0"}, "state offset without scale"),
        ({"scale": "small", "offset": "0"}, "state no numbers"),
        ({"scale": "0", "offset": "0"}, "expected a number above 0"),
    ],
)
def test_half_or_unusable_tags_are_refused(tags, message):
    with pytest.raises(RadiometryMismatch, match=message):
        tag_radiometry(tags, "x.tif")

"""A split by site leaves nobody out and uses nobody twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.split_error import SplitError
from training.splits import SiteSplit

SITES = ["beirut", "bercy", "eotdl_Boadella", "hongkong", "paris", "pisa"]


def split(train=("*",), val=("hongkong",), test=("beirut", "eotdl_*")):
    return SiteSplit(train=train, val=val, test=test)


def test_rest_takes_what_the_others_leave():
    assigned = split().assign(SITES)
    assert assigned == {
        "beirut": "test",
        "bercy": "train",
        "eotdl_Boadella": "test",
        "hongkong": "val",
        "paris": "train",
        "pisa": "train",
    }


@given(st.sets(st.sampled_from(["a", "b", "c", "d", "hongkong", "beirut", "eotdl_x"]), min_size=1))
def test_every_site_has_exactly_one_split(others):
    sites = {*others, *SITES}
    assert set(split().assign(sites)) == sites


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        ({"train": ()}, "no site pattern"),
        ({"val": ("hongkong", "beirut")}, "two splits"),
        ({"val": ("*",)}, "two splits"),
    ],
)
def test_impossible_splits_do_not_exist(patterns, message):
    with pytest.raises(SplitError, match=message):
        split(**patterns)


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        ({"val": ("hong*", "bei*")}, "'beirut' is in the splits"),
        ({"val": ("hongkong", "tokyo")}, "'tokyo' of split 'val' fits no site"),
        ({"train": ("paris",)}, "'bercy' is in no split"),
    ],
)
def test_splits_that_do_not_fit_the_sites_are_refused(patterns, message):
    with pytest.raises(SplitError, match=message):
        split(**patterns).assign(SITES)


def test_config_needs_all_three():
    with pytest.raises(SplitError, match="exactly"):
        SiteSplit.from_config({"train": ["*"]})

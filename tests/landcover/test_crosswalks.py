import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from landcover.crosswalk_tables import CROSSWALKS
from landcover.crosswalks import Crosswalk, get_crosswalk, repair_signed_bytes
from landcover.errors import ConfigError, DtypeMismatch, UnknownLegend, UnmappedCodes
from landcover.legends import CLASS_NODATA, LEGENDS, LandClass, Legend, get_legend
from tests.landcover.vectors import vector

TABLES = {
    "esa-cci": "esa_cci_lc",
    "worldcover": "esa_worldcover",
    "dynamic-world": "dynamic_world",
    "cgls-lc100": "cgls_lc100",
    "corine": "corine44",
}
PAIRS = [(entry.source, entry.target) for entry in CROSSWALKS]
STATUS = {
    ("esa-cci", "unccd7"): "official",
    ("unccd7", "ipcc6"): "official",
}


def lookup(crosswalk):
    return dict(crosswalk.mapping)


@pytest.mark.parametrize("legend_id", TABLES)
def test_unccd7_classes_are_the_published_ones(legend_id):
    expected = {row["code"]: row["unccd7"] or CLASS_NODATA for row in vector("legends")[TABLES[legend_id]]}
    if legend_id == "dynamic-world":
        expected[8] = CLASS_NODATA  # per scene: snow may be seasonal
    assert lookup(get_crosswalk(legend_id)) == expected


def test_all_37_cci_codes_go_where_trends_earth_sends_them():
    expected = {int(code): to for code, to in vector("esa_cci_to_unccd")["mapping"].items()}
    codes = np.array(list(expected), np.int16)
    wanted = [CLASS_NODATA if to == -32768 else to for to in expected.values()]
    assert len(codes) == 38
    np.testing.assert_array_equal(get_crosswalk("esa-cci").apply(codes), wanted)


def test_the_product_guide_grouping_of_cci_is_kept_apart():
    keys = {row["key"]: row["code"] for row in vector("legends")["ipcc6"]}
    expected = {row["code"]: keys[row["ipcc6_esa_pug"]] for row in vector("legends")["esa_cci_lc"]}
    assert lookup(get_crosswalk("esa-cci", "ipcc6")) == expected
    through_unccd = get_crosswalk("unccd7", "ipcc6").apply(get_crosswalk("esa-cci").apply(np.array([160, 120])))
    assert get_crosswalk("esa-cci", "ipcc6").apply(np.array([160, 120])).tolist() != through_unccd.tolist()


def test_ipcc_wetlands_hold_water():
    names = {code: get_legend("ipcc6").by_code(to).name for code, to in get_crosswalk("unccd7", "ipcc6").mapping}
    assert names == {
        1: "forest_land",
        2: "grassland",
        3: "cropland",
        4: "wetlands",
        5: "settlements",
        6: "other_land",
        7: "wetlands",
    }


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_crosswalk_is_complete_and_says_whose_it_is(source, target):
    crosswalk = get_crosswalk(source, target)
    assert crosswalk.status == STATUS.get((source, target), "proposed")
    assert {to for _, to in crosswalk.mapping} <= {*get_legend(target).codes, CLASS_NODATA}
    assert sorted(code for code, _ in crosswalk.mapping) == sorted(get_legend(source).codes)
    assert crosswalk.citation
    assert get_crosswalk(source, target) is crosswalk


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64])
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_apply_agrees_with_a_dictionary(source, target, dtype):
    crosswalk = get_crosswalk(source, target)
    by_hand = {**lookup(crosswalk), **dict.fromkeys(crosswalk.nodata_codes, CLASS_NODATA)}
    codes = np.random.default_rng(1).choice(list(by_hand), (3, 50, 7)).astype(dtype)
    found = crosswalk.apply(codes)
    assert found.dtype == np.uint8
    assert found.tolist() == np.vectorize(by_hand.__getitem__)(codes).tolist()


@settings(deadline=None)  # the machine may be busy
@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.int64]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    )
)
def test_apply_maps_or_counts_every_value_of_every_type(codes):
    crosswalk = get_crosswalk("worldcover")
    by_hand = {**lookup(crosswalk), **dict.fromkeys(crosswalk.nodata_codes, CLASS_NODATA)}
    strangers = [value for value in codes.reshape(-1).tolist() if value not in by_hand]
    if strangers:
        with pytest.raises(UnmappedCodes) as caught:
            crosswalk.apply(codes)
        first = sorted(set(strangers))[:20]  # a longer list is cut
        assert ", ".join(f"{value}: {strangers.count(value)}" for value in first) in str(caught.value)
    else:
        assert crosswalk.apply(codes).reshape(-1).tolist() == [by_hand[value] for value in codes.reshape(-1).tolist()]


def test_minus_one_is_not_65535():
    crosswalk = dataclasses.replace(get_crosswalk("worldcover"), nodata_codes=(-1,), source=None)
    assert crosswalk.apply(np.array([-1], np.int16)).tolist() == [CLASS_NODATA]
    with pytest.raises(UnmappedCodes, match="65535: 1"):
        crosswalk.apply(np.array([65535], np.uint16))


def test_arrays_larger_than_a_chunk_and_strided_ones():
    crosswalk = get_crosswalk("dynamic-world")
    codes = np.random.default_rng(2).integers(0, 9, (700, 900)).astype(np.uint8)
    table = np.array([to for _, to in sorted(crosswalk.mapping)], np.uint8)
    np.testing.assert_array_equal(crosswalk.apply(codes), table[codes])
    np.testing.assert_array_equal(crosswalk.apply(codes[::2, ::-3]), table[codes[::2, ::-3]])


def test_unmapped_codes_are_listed_with_their_pixels():
    codes = np.full((600, 600), 10, np.uint16)
    codes[0, :5], codes[599, 599] = 7, 300
    with pytest.raises(UnmappedCodes, match=r"worldcover-to-unccd7.*7: 5, 300: 1$"):
        get_crosswalk("worldcover").apply(codes)


def test_a_long_list_is_cut_and_says_so():
    with pytest.raises(UnmappedCodes, match=r"and 180 more codes"):
        get_crosswalk("worldcover").apply(np.arange(1000, 1200))


def test_codes_beyond_16_bits_are_counted_too():
    with pytest.raises(UnmappedCodes, match="70000: 2"):
        get_crosswalk("worldcover").apply(np.array([70000, 10, 70000]))


@pytest.mark.parametrize("values", [np.array([10.0]), np.array([True])])
def test_only_integers_are_codes(values):
    with pytest.raises(DtypeMismatch):
        get_crosswalk("worldcover").apply(values)


def test_negative_bytes_are_repaired_when_asked():
    codes = np.array(get_legend("esa-cci").codes, np.uint8)
    signed = codes.view(np.int8)
    assert dict(zip(codes.tolist(), signed.tolist(), strict=True))[130] == -126
    for values in (signed, signed.astype(np.int16), codes, codes.astype(np.int32)):
        np.testing.assert_array_equal(repair_signed_bytes(values), codes)
    with pytest.raises(UnmappedCodes, match="gdal_calc"):
        get_crosswalk("esa-cci").apply(signed)


@pytest.mark.parametrize("values", [np.array([-129]), np.array([256]), np.array([1.0])])
def test_values_that_are_no_bytes_are_not_repaired(values):
    with pytest.raises(DtypeMismatch):
        repair_signed_bytes(values)


SOURCE = Legend("north", "1", "North", tuple(LandClass(c, f"c{c}", f"C{c}", "#000000") for c in (1, 2, 300)), "test")


def national(mapping=((1, 1), (2, 7), (300, 255)), nodata=(0,), **fields):
    defaults = {
        "id": "north-to-unccd7",
        "version": "1",
        "source_legend": "north",
        "target_legend": "unccd7",
        "status": "national",
        "citation": "test",
        "source": SOURCE,
    }
    return Crosswalk(mapping=mapping, nodata_codes=nodata, **{**defaults, **fields})


def test_a_country_brings_its_own_legend():
    assert national().apply(np.array([0, 1, 2, 300], np.uint16)).tolist() == [255, 1, 7, 255]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mapping": ((1, 1), (2, 7))}, "missing: 300"),
        ({"mapping": ((1, 1), (2, 7), (2, 6), (300, 1))}, "repeated: 2"),
        ({"mapping": ((1, 1), (2, 7), (300, 1), (4, 1))}, "not in the source legend: 4"),
        ({"mapping": ((1, 1), (2, 8), (300, 0))}, "not in the target legend: 0, 8"),
        ({"nodata": (2, 0)}, "both class and nodata: 2"),
        ({"nodata": (70000,)}, "outside -32768..65535: 70000"),
        ({"target_legend": "corine"}, "do not fit uint8"),
        ({"source_legend": "south"}, "'north' given for source 'south'"),
    ],
)
def test_a_crosswalk_refuses_to_exist_wrong(fields, message):
    with pytest.raises(ConfigError, match=message):
        national(**fields)


def test_a_crosswalk_needs_its_legends():
    with pytest.raises(UnknownLegend, match="'north'"):
        national(source=None)
    with pytest.raises(UnknownLegend, match="'mars7'"):
        national(target_legend="mars7")


def test_identity_follows_the_content_and_not_the_order():
    one, other = national(), national(mapping=((300, 255), (2, 7), (1, 1)))
    assert one.sha256 == other.sha256
    assert one.identity == f"north-to-unccd7@1#{one.sha256}"
    assert national(mapping=((1, 2), (2, 7), (300, 255))).sha256 != one.sha256
    assert national(version="2").sha256 != one.sha256
    assert national(nodata=()).sha256 != one.sha256


def test_the_official_crosswalk_keeps_its_identity():
    # Results carry this digest; a change of the table must be a new version, and then a new digest here.
    assert get_crosswalk("esa-cci").sha256 == "dfe09b960b8eb79a4e329e785e706471dab00c0d232f58afa3b278a2bfea821f"
    assert get_crosswalk("dynamic-world").sha256 == "cd839c7efea07e25b02735bcf4e9fab4c22f105760d8b906375e1a2c0d906286"


def test_a_legend_maps_to_itself():
    codes = np.array([*range(1, 8), 255, -32768], np.int16)
    assert get_crosswalk("unccd7", "unccd7").apply(codes).tolist() == [*range(1, 8), 255, 255]


def test_unknown_pairs_are_refused():
    with pytest.raises(UnknownLegend, match=r"'mars7'.*unccd7"):
        get_crosswalk("mars7")
    with pytest.raises(UnknownLegend, match=r"'ipcc6' to 'unccd7'.*esa-cci -> unccd7"):
        get_crosswalk("ipcc6")
    with pytest.raises(UnknownLegend):
        get_crosswalk("corine", "corine")


def test_every_product_legend_reaches_the_reporting_legend():
    indicators = {"ipcc6", "degradation3", "status7", "lpd5", "severity5", "change2"}
    for legend_id in set(LEGENDS) - indicators:
        assert get_crosswalk(legend_id).target_legend == "unccd7"

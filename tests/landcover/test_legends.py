import re

import numpy as np
import pytest

from landcover.errors import ConfigError, DtypeMismatch, UnknownLegend, UnmappedCodes
from landcover.legends import CLASS_NODATA, DEGRADATION_NODATA, LEGENDS, LandClass, Legend, get_legend
from tests.landcover.vectors import vector

TABLES = {
    "unccd7": ("unccd7", "color"),
    "esa-cci": ("esa_cci_lc", "color_netcdf"),
    "worldcover": ("esa_worldcover", "color"),
    "dynamic-world": ("dynamic_world", "color"),
    "cgls-lc100": ("cgls_lc100", "color"),
    "corine": ("corine44", "color"),
}
SIZES = {"unccd7": 7, "ipcc6": 6, "esa-cci": 37, "worldcover": 11, "dynamic-world": 9, "cgls-lc100": 23, "corine": 44}


@pytest.mark.parametrize("legend_id", TABLES)
def test_codes_titles_and_colours_are_the_published_ones(legend_id):
    table, color = TABLES[legend_id]
    expected = [(row["code"], row["name"], row[color]) for row in vector("legends")[table]]
    assert [(c.code, c.title, c.color) for c in get_legend(legend_id).classes] == expected


@pytest.mark.parametrize("legend_id", ["unccd7", "ipcc6"])
def test_machine_names_are_the_agreed_keys(legend_id):
    rows = vector("legends")[legend_id]
    expected = [(row["code"], row["key"], row["name"]) for row in rows]
    assert [(c.code, c.name, c.title) for c in get_legend(legend_id).classes] == expected


@pytest.mark.parametrize(("legend_id", "size"), SIZES.items())
def test_every_class_is_there(legend_id, size):
    assert len(get_legend(legend_id)) == size


def test_other_land_has_the_colour_of_the_nesting_file():
    assert get_legend("unccd7").by_code(6).color == "#FFF3D7"


def test_sepal_codes_are_ten_times_the_unccd_codes():
    assert get_legend("sepal7").codes == tuple(10 * code for code in get_legend("unccd7").codes)


@pytest.mark.parametrize(
    ("legend_id", "colors"),
    [
        ("degradation3", {-1: "#9B2779", 0: "#FFFFE0", 1: "#006500"}),
        (
            "status7",
            {1: "#762A83", 2: "#AF8DC3", 3: "#E7D4E8", 4: "#F7F7F7", 5: "#D9F0D3", 6: "#7FBF7B", 7: "#1B7837"},
        ),
        ("lpd5", {1: "#9B2779", 2: "#C0749B", 3: "#E1B9BD", 4: "#FFFFE0", 5: "#006500"}),
        ("severity5", {0: "#FFFFD4", 1: "#FED98E", 2: "#FE9929", 3: "#D95F0E", 4: "#993404"}),
    ],
)
def test_degradation_colours(legend_id, colors):
    assert {c.code: c.color for c in get_legend(legend_id).classes} == colors


@pytest.mark.parametrize("legend", LEGENDS.values(), ids=LEGENDS)
def test_every_legend_survives_encode_and_decode(legend):
    index = np.append(np.arange(len(legend)), CLASS_NODATA).astype(np.uint8).reshape(1, -1)
    codes = legend.encode(index)
    assert codes.dtype == legend.dtype
    assert codes[0, :-1].tolist() == list(legend.codes)
    assert codes[0, -1] == legend.nodata
    np.testing.assert_array_equal(legend.decode(codes), index)


@pytest.mark.parametrize("legend", LEGENDS.values(), ids=LEGENDS)
def test_every_legend_is_fit_for_stac(legend):
    assert all(re.fullmatch(r"[0-9A-Za-z_-]+", name) for name in legend.names)
    assert LEGENDS[legend.id] is legend
    assert legend.citation
    assert legend.version


def test_model_index_is_not_the_code():
    legend = get_legend("unccd7")
    assert [legend.index_of(code) for code in range(1, 8)] == list(range(7))
    np.testing.assert_array_equal(legend.encode(np.array([0, 6, 255], np.uint8)), [1, 7, 255])


def test_products_that_do_not_fit_bytes_are_int16():
    for legend_id in ("corine", "degradation3"):
        assert get_legend(legend_id).dtype == np.int16
        assert get_legend(legend_id).nodata == DEGRADATION_NODATA


def test_rgb():
    assert get_legend("unccd7").by_code(1).rgb == (0x78, 0x7F, 0x1B)


def test_membership_is_by_code():
    legend = get_legend("esa-cci")
    assert 62 in legend
    assert 63 not in legend
    assert "62" not in legend


def test_unknown_legend_lists_the_known_ones():
    with pytest.raises(UnknownLegend, match=r"'mars7'.*unccd7.*worldcover"):
        get_legend("mars7")


def test_unknown_code_lists_the_known_ones():
    with pytest.raises(UnmappedCodes, match=r"code 8 .*'unccd7'.*1, 2, 3, 4, 5, 6, 7"):
        get_legend("unccd7").by_code(8)


@pytest.mark.parametrize("legend_id", ["unccd7", "degradation3"])
@pytest.mark.parametrize("shape", [(0,), (0, 4), (2, 3, 4)])
def test_codes_have_the_shape_of_the_indices_and_are_the_callers_own(legend_id, shape):
    legend = get_legend(legend_id)
    index = np.random.default_rng(0).integers(0, 3, (*shape, 2)).astype(np.uint8)[..., 0]
    codes = legend.encode(index)
    np.testing.assert_array_equal(codes, np.array(legend.codes, legend.dtype)[index])
    assert codes.dtype == legend.dtype
    codes[...] = legend.nodata


def test_encode_refuses_an_index_without_a_class():
    with pytest.raises(UnmappedCodes, match="7: 2, 9: 1"):
        get_legend("unccd7").encode(np.array([[0, 7], [9, 7]], np.uint8))


def test_encode_refuses_other_types():
    with pytest.raises(DtypeMismatch, match="int64"):
        get_legend("unccd7").encode(np.array([0]))


def test_decode_refuses_strangers_and_reads_both_nodata_values():
    legend = get_legend("unccd7")
    np.testing.assert_array_equal(legend.decode(np.array([1, 7, 255, -32768], np.int16)), [0, 6, 255, 255])
    with pytest.raises(UnmappedCodes, match="0: 1"):
        legend.decode(np.array([0, 1], np.uint8))
    with pytest.raises(DtypeMismatch, match="float32"):
        legend.decode(np.array([1], np.float32))


CLASS = LandClass(1, "a", "A", "#000000")


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ((), "has 0 classes"),
        ((CLASS, LandClass(1, "b", "B", "#000000")), "repeats the code 1"),
        ((CLASS, LandClass(2, "a", "B", "#000000")), "repeats the name a"),
        ((LandClass(255, "a", "A", "#000000"),), "nodata"),
        ((LandClass(-32768, "a", "A", "#000000"),), "nodata"),
        ((LandClass(40000, "a", "A", "#000000"),), "int16"),
        (tuple(LandClass(1000 + i, f"c{i}", "C", "#000000") for i in range(255)), "has 255 classes"),
    ],
)
def test_a_legend_refuses_to_exist_wrong(classes, message):
    with pytest.raises(ConfigError, match=message):
        Legend("x", "1", "X", classes, "test")


@pytest.mark.parametrize(
    ("name", "color"), [("tree cover", "#000000"), ("", "#000000"), ("a", "#fff"), ("a", "#abcdef")]
)
def test_a_class_refuses_to_exist_wrong(name, color):
    with pytest.raises(ConfigError):
        LandClass(1, name, "A", color)

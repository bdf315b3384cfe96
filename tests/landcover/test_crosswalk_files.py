import json
from dataclasses import replace

import pytest

from landcover.crosswalk_files import (
    crosswalk_document,
    parse_crosswalk,
    parse_trends_earth,
    read_crosswalk,
    trends_earth_document,
)
from landcover.crosswalk_tables import CROSSWALKS
from landcover.crosswalks import get_crosswalk
from landcover.errors import ConfigError, UnknownLegend
from landcover.legends import get_legend
from tests.landcover.trends_earth_rules import check_nesting
from tests.landcover.vectors import vector


def nesting():
    """A file as Trends.Earth writes it, from the published table of 37 codes."""
    mapping = vector("esa_cci_to_unccd")["mapping"]
    rows = vector("legends")["esa_cci_lc"]
    empty = {"name_short": None, "description": None}
    nodata = {"code": -32768, "name_long": "No data", "name_short": "No data", "description": None, "color": "#000000"}
    child = [{"code": r["code"], "name_long": r["name"], "color": r["color_trends_earth"], **empty} for r in rows]
    parent = [{"code": c, "name_long": f"Class {c}", "color": None, **empty} for c in range(1, 8)]
    codes = {to: [int(c) for c, t in mapping.items() if t == to] for to in (*range(1, 8), -32768)}
    return {
        "parent": {"name": "UNCCD Land Cover", "key": parent, "nodata": nodata},
        "child": {"name": "ESA CCI Land Cover", "key": child, "nodata": nodata},
        "nesting": {str(to): found for to, found in codes.items()},
    }


def test_trends_earth_file_gives_the_official_crosswalk():
    legend, crosswalk = parse_trends_earth(json.dumps(nesting()), legend_id="te-cci")
    assert sorted(crosswalk.mapping) == sorted(get_crosswalk("esa-cci").mapping)
    assert crosswalk.status == "national"
    assert [c.title for c in legend.classes] == [c.title for c in get_legend("esa-cci").classes]


def test_trends_earth_round_trip():
    legend, crosswalk = parse_trends_earth(json.dumps(nesting()), legend_id="te-cci")
    written = trends_earth_document(crosswalk, legend)
    assert written["nesting"] == nesting()["nesting"]
    assert parse_trends_earth(json.dumps(written), legend_id="te-cci") == (legend, crosswalk)


def test_what_is_written_loads_in_trends_earth():
    for source in ("esa-cci", "worldcover", "dynamic-world", "cgls-lc100", "corine", "sepal7"):
        crosswalk, legend = get_crosswalk(source), get_legend(source)
        written = trends_earth_document(crosswalk, legend)
        check_nesting(written)
        again, read = parse_trends_earth(json.dumps(written), legend_id=f"te-{source}")
        unread = {(code, 255) for code in set(crosswalk.nodata_codes) - set(read.nodata_codes)}
        assert set(read.mapping) == set(crosswalk.mapping) | unread
        assert {row.code: row.color for row in again.classes}.items() >= {
            row.code: row.color for row in legend.classes
        }.items()


def test_names_that_trends_earth_would_refuse_are_cut():
    legend, crosswalk = parse_trends_earth(json.dumps(nesting()), legend_id="te-cci")
    long = replace(legend, classes=(replace(legend.classes[0], title="x" * 120), *legend.classes[1:]))
    written = trends_earth_document(crosswalk, long)
    check_nesting(written)
    assert written["child"]["key"][0]["name_long"].startswith("x" * 89)


def made_by_the_remap_tool(**more):
    """The shape of files that Trends.Earth writes for a legend made from a raster: null names, 0 as a class."""
    bare = [
        {"code": code, "color": None, "description": None, "name_long": None, "name_short": f"{code}.0"}
        for code in (0, 3, 11)
    ]
    nodata = {"code": -32768, "color": None, "description": None, "name_long": None, "name_short": "No data"}
    document = nesting()
    document["child"] = {"name": "Default remap", "key": bare, "nodata": nodata}
    document["nesting"] = {str(code): [] for code in range(1, 8)} | {"1": [3], "4": [11], "-32768": [0, -32768]}
    return {**document, **more}


def test_legends_without_names_and_colours():
    legend, crosswalk = parse_trends_earth(json.dumps(made_by_the_remap_tool(note="kept out")), legend_id="remap")
    assert [(row.code, row.title, row.color) for row in legend.classes] == [
        (0, "0.0", "#808080"),
        (3, "3.0", "#808080"),
        (11, "11.0", "#808080"),
    ]
    assert dict(crosswalk.mapping) == {0: 255, 3: 1, 11: 4}
    check_nesting(trends_earth_document(crosswalk, legend))


@pytest.mark.parametrize(("color", "expected"), [("#af2a2a", "#AF2A2A"), ("#a2f", "#AA22FF"), ("", "#808080")])
def test_colours_of_every_form(color, expected):
    document = nesting()
    document["child"]["key"][0]["color"] = color
    assert parse_trends_earth(json.dumps(document), legend_id="te")[0].classes[0].color == expected


@pytest.mark.parametrize("nodata", [0, 9999, 255, -9999])
def test_the_files_own_nodata_comes_through(nodata):
    document = made_by_the_remap_tool()
    document["child"]["nodata"]["code"] = nodata
    document["child"]["key"] = document["child"]["key"][1:]
    document["nesting"]["-32768"] = [nodata]
    legend, crosswalk = parse_trends_earth(json.dumps(document), legend_id="te")
    assert set(crosswalk.nodata_codes) == {255, -32768, nodata}
    written = trends_earth_document(crosswalk, legend)
    check_nesting(written)
    assert parse_trends_earth(json.dumps(written), legend_id="te") == (legend, crosswalk)
    without = {**document, "child": {**document["child"], "nodata": None}}
    without["nesting"]["-32768"] = []
    assert parse_trends_earth(json.dumps(without), legend_id="te")[1].nodata_codes == (-32768, 255)


def test_255_as_nodata_among_the_classes_is_no_class():
    document = made_by_the_remap_tool()
    document["child"]["key"][0]["code"] = 255
    document["nesting"]["-32768"][0] = 255
    legend, crosswalk = parse_trends_earth(json.dumps(document), legend_id="te")
    assert legend.codes == (3, 11)
    assert 255 in crosswalk.nodata_codes
    document["nesting"] |= {"6": [255], "-32768": [-32768]}
    with pytest.raises(ConfigError, match="nodata value"):
        parse_trends_earth(json.dumps(document), legend_id="te")


def test_parents_of_sepal():
    document = nesting()
    for row in document["parent"]["key"]:
        row["code"] *= 10
    document["nesting"] = {
        code if code.startswith("-") else f"{code}0": codes for code, codes in document["nesting"].items()
    }
    _, crosswalk = parse_trends_earth(json.dumps(document), legend_id="te")
    assert sorted(crosswalk.mapping) == sorted(get_crosswalk("esa-cci").mapping)


def test_files_that_nest_elsewhere_are_refused():
    document = nesting()
    document["parent"]["key"][0]["code"] = 33
    with pytest.raises(ConfigError, match="codes 2, 3, 4, 5, 6, 7, 33: expected UNCCD-7's codes 1 to 7"):
        parse_trends_earth(json.dumps(document), legend_id="te")
    document = made_by_the_remap_tool()
    document["nesting"] |= {"6": [-32768], "-32768": [0]}
    with pytest.raises(ConfigError, match="puts -32768, the nodata code of 'Default remap', into class 6"):
        parse_trends_earth(json.dumps(document), legend_id="te")
    with pytest.raises(ConfigError, match="'unccd7-to-ipcc6' goes to 'ipcc6'"):
        trends_earth_document(get_crosswalk("unccd7", "ipcc6"), get_legend("unccd7"))


def test_classes_outside_unccd_become_nodata():
    changed = nesting()
    changed["nesting"]["6"].remove(220)
    changed["nesting"]["-32768"].append(220)
    legend, crosswalk = parse_trends_earth(json.dumps(changed), legend_id="te-cci")
    assert dict(crosswalk.mapping)[220] == 255
    assert 220 in trends_earth_document(crosswalk, legend)["nesting"]["-32768"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["nesting"]["1"].remove(50), "missing: 50"),
        (lambda d: d["nesting"]["2"].append(50), "repeated: 50"),
        (lambda d: d["nesting"].update({"9": [50]}), "not in the target legend: 9"),
        (lambda d: d.pop("child"), "child: Field required"),
    ],
)
def test_gaps_and_duplicates_are_refused(change, message):
    changed = nesting()
    change(changed)
    with pytest.raises(ConfigError, match=message):
        parse_trends_earth(json.dumps(changed), legend_id="te-cci")


def test_a_national_legend_cannot_take_a_known_id():
    with pytest.raises(ConfigError, match="'esa-cci' is taken"):
        parse_trends_earth(json.dumps(nesting()), legend_id="esa-cci")


@pytest.mark.parametrize("entry", CROSSWALKS, ids=lambda entry: f"{entry.source}-{entry.target}")
def test_own_format_round_trip(entry):
    crosswalk = get_crosswalk(entry.source, entry.target)
    assert parse_crosswalk(json.dumps(crosswalk_document(crosswalk))).identity == crosswalk.identity


def test_a_national_crosswalk_carries_its_legend(tmp_path):
    legend, crosswalk = parse_trends_earth(json.dumps(nesting()), legend_id="te-cci")
    path = tmp_path / "national.json"
    path.write_text(json.dumps(crosswalk_document(crosswalk, legend)), encoding="utf-8")
    assert read_crosswalk(path).identity == crosswalk.identity
    with pytest.raises(UnknownLegend, match="'te-cci'"):
        parse_crosswalk(json.dumps(crosswalk_document(crosswalk)))


def test_a_file_cannot_redefine_a_known_legend():
    document = crosswalk_document(get_crosswalk("worldcover"), get_legend("worldcover"))
    with pytest.raises(ConfigError, match="redefines legend 'worldcover'"):
        parse_crosswalk(json.dumps(document))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"id": "x"}', b"\xff\xfe"])
def test_other_files_are_refused(text):
    with pytest.raises(ConfigError, match="not a crosswalk document"):
        parse_crosswalk(text)


def test_a_misspelt_key_is_refused():
    document = {**crosswalk_document(get_crosswalk("worldcover")), "no_data": [0]}
    with pytest.raises(ConfigError, match="no_data"):
        parse_crosswalk(json.dumps(document))


def test_a_missing_file_is_named_without_its_folder(tmp_path):
    with pytest.raises(ConfigError, match=r"'none.json'") as caught:
        read_crosswalk(tmp_path / "none.json")
    assert str(tmp_path) not in str(caught.value)

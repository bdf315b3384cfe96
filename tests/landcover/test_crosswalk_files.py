import json

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

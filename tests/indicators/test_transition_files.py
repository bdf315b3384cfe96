"""Transition matrices as JSON, Trends.Earth's JSON and CSV, against the published table and Trends.Earth's rules."""

from __future__ import annotations

import json

import pytest

from indicators.transition_cells import Cell, matrix_of
from indicators.transition_csv import matrix_csv, parse_matrix_csv
from indicators.transition_files import (
    parse_matrix,
    parse_trends_earth_matrix,
    read_matrix,
    trends_earth_matrix_document,
)
from indicators.transitions import UNCCD7_TRANSITIONS, TransitionMatrix
from landcover import labels
from landcover.errors import ConfigError, UnknownLegend, UnmappedCodes
from tests.landcover.trends_earth_rules import MEANINGS, check_matrix
from tests.landcover.vectors import vector

PUBLISHED = vector("lc_transition_49")["transitions"]
SIGNS = {(row["initial"], row["final"]): row["degradation"] for row in PUBLISHED}
EDITED = UNCCD7_TRANSITIONS.edited({(2, 3): -1, (7, 1): 1, (1, 7): 0}, matrix_id="mali", version="3")


def trends_earth(*, factor=1, pairs=None, legend=None):
    """A file as Trends.Earth writes it, in its order: cropland first."""
    word = {sign: meaning for meaning, sign in MEANINGS.items()}
    names = {row["initial"]: row["initial_name"] for row in PUBLISHED}

    def lc(code):
        return {
            "code": code * factor,
            "color": "#787F1B",
            "description": None,
            "name_long": names[code],
            "name_short": names[code],
        }

    order = sorted(SIGNS if pairs is None else pairs, key=lambda pair: (pair[0] != 3, pair))
    nodata = {"code": -32768, "name_long": "No data", "name_short": "No data", "description": None, "color": "#000000"}
    return {
        "name": "UNCCD default land cover degradation transition matrix",
        "legend": {"key": [lc(code) for code in legend or names], "name": "UNCCD Land Cover", "nodata": nodata},
        "definitions": {
            "name": "Land cover degradation transition meanings",
            "transitions": [
                {"final": lc(final), "initial": lc(initial), "meaning": word[SIGNS[initial, final]]}
                for initial, final in order
            ],
        },
    }


def same_cells(one, other):
    return (one.signs, one.processes, one.unlikely) == (other.signs, other.processes, other.unlikely)


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: f"{row['initial']}{row['final']}")
def test_the_default_is_the_published_table(row):
    pair = row["initial"], row["final"]
    assert UNCCD7_TRANSITIONS.sign(*pair) == row["degradation"]
    assert UNCCD7_TRANSITIONS.process(*pair) == row["process"]
    assert (pair in UNCCD7_TRANSITIONS.unlikely) == row["unlikely"]


@pytest.mark.parametrize("language", labels.LANGUAGES)
def test_every_process_has_a_name_in_six_languages(language):
    processes = {process for row in (*UNCCD7_TRANSITIONS.processes, *EDITED.processes) for process in row}
    names = {labels.process_title(process, language) for process in processes}
    assert len(names) == len(processes) == 14
    assert all(names)


@pytest.mark.parametrize("matrix", [UNCCD7_TRANSITIONS, EDITED], ids=lambda matrix: matrix.id)
def test_own_form_round_trip(matrix):
    assert parse_matrix(json.dumps(matrix.to_document())) == matrix
    assert parse_matrix(json.dumps(matrix.to_document()).encode()).identity == matrix.identity


@pytest.mark.parametrize("factor", [1, 10])
def test_trends_earths_own_file(factor):
    found = parse_trends_earth_matrix(json.dumps(trends_earth(factor=factor)), matrix_id="te", version="2")
    assert same_cells(found, UNCCD7_TRANSITIONS)
    assert (found.id, found.version, found.legend_id) == ("te", "2", "unccd7")
    assert found.citation == "Trends.Earth file: UNCCD default land cover degradation transition matrix"


@pytest.mark.parametrize("matrix", [UNCCD7_TRANSITIONS, EDITED], ids=lambda matrix: matrix.id)
def test_trends_earth_round_trip(matrix):
    document = trends_earth_matrix_document(matrix)
    signs = check_matrix(document)
    assert signs == {pair: matrix.sign(*pair) for pair in SIGNS}
    again = parse_trends_earth_matrix(json.dumps(document), matrix_id=matrix.id, version=matrix.version)
    assert same_cells(again, matrix)


def test_the_fixture_keeps_trends_earths_rules():
    assert check_matrix(trends_earth()) == SIGNS


@pytest.mark.parametrize("matrix", [UNCCD7_TRANSITIONS, EDITED], ids=lambda matrix: matrix.id)
def test_csv_round_trip(matrix):
    text = matrix_csv(matrix)
    assert text.startswith("initial,final,sign,process,unlikely\r\n1,1,0,Stable,no\r\n1,2,-1,Vegetation loss,no\r\n")
    assert same_cells(parse_matrix_csv(text, matrix_id=matrix.id, version=matrix.version), matrix)


def test_a_change_that_is_stable_no_more_is_called_other():
    assert EDITED.process(7, 1) == "Other"
    assert EDITED.process(2, 3) == "Agricultural expansion"
    lines = [f"{i},{f},{sign}" for (i, f), sign in SIGNS.items() if (i, f) != (6, 7)]
    found = parse_matrix_csv("\n".join(["initial,final,sign", *lines, "6,7,-1"]), matrix_id="x")
    assert found.process(6, 7) == "Other"
    assert found.process(6, 5) == "Urban expansion"
    assert found.unlikely == UNCCD7_TRANSITIONS.unlikely


SPREADSHEETS = {
    "semicolons": lambda text: text.replace(",", ";"),
    "tabs": lambda text: text.replace(",", "\t"),
    "byte order mark": lambda text: "\ufeff" + text,
    "unix lines": lambda text: text.replace("\r\n", "\n"),
    "empty lines": lambda text: "\r\n,,,,\r\n" + text.replace("\r\n", ",,\r\n") + ",,,,\r\n\r\n",
    "upper case": lambda text: text.replace("initial,final,sign", "Initial , FINAL,Sign"),
    "typographic minus": lambda text: text.replace(",-1,", ",\N{MINUS SIGN}1,"),
    "signs": lambda text: text.replace(",-1,", ",-,").replace(",1,V", ",+,V").replace(",1,A", ",+1,A"),
    "decimals": lambda text: text.replace(",-1,", ",-1.0,").replace("\r\n1,", "\r\n1.0,"),
    "names": lambda text: text.replace("\r\n1,", "\r\ntree-covered areas,").replace(
        "\r\n7,", '\r\n"Masses d\N{RIGHT SINGLE QUOTATION MARK}eau",'
    ),
    "straight apostrophes": lambda text: text.replace("\r\n7,", "\r\nMasses d'eau,"),
    "quotes": lambda text: text.replace("Vegetation loss", '"Vegetation loss"'),
    "another language": lambda text: text.replace("Deforestation", "Déforestation").replace("Inundation", "inundación"),
}


@pytest.mark.parametrize("what", SPREADSHEETS)
def test_what_spreadsheets_make_of_it(what):
    text = SPREADSHEETS[what](matrix_csv(UNCCD7_TRANSITIONS))
    assert same_cells(parse_matrix_csv(text, matrix_id="x"), UNCCD7_TRANSITIONS)


def test_a_country_may_name_a_process_itself():
    text = matrix_csv(UNCCD7_TRANSITIONS).replace("2,1,1,Afforestation", "2,1,-1,Bush encroachment")
    assert parse_matrix_csv(text, matrix_id="x").process(2, 1) == "Bush encroachment"


def test_other_legends():
    cells = [Cell((one, other), 0 if one == other else -1) for one in range(1, 7) for other in range(1, 7)]
    matrix = matrix_of(cells, matrix_id="ipcc", version="1", legend_id="ipcc6", citation="made for this test")
    assert [matrix.process(1, 1), matrix.process(1, 2), matrix.unlikely] == ["Stable", "Other", frozenset()]
    check_matrix(trends_earth_matrix_document(matrix))
    assert parse_matrix_csv(matrix_csv(matrix), matrix_id="ipcc", legend_id="ipcc6").signs == matrix.signs


GAPS = [
    (lambda pairs: pairs.remove((2, 5)), r"no sign for 2 to 5$"),
    (lambda pairs: [pairs.remove(pair) for pair in ((2, 5), (7, 1))], "no sign for 2 to 5, 7 to 1$"),
    (lambda pairs: pairs.append((3, 4)), "more than one sign for 3 to 4$"),
    (
        lambda pairs: (pairs.remove((1, 1)), pairs.append((3, 4))),
        "no sign for 1 to 1, and more than one sign for 3 to 4$",
    ),
    (lambda pairs: pairs.clear(), "no sign for 1 to 1, 1 to 2, .* and 37 more"),
]


@pytest.mark.parametrize(("change", "says"), GAPS)
def test_gaps_and_repetitions_are_named_together(change, says):
    pairs = list(SIGNS)
    change(pairs)
    with pytest.raises(ConfigError, match=says):
        parse_trends_earth_matrix(json.dumps(trends_earth(pairs=pairs)), matrix_id="x")
    lines = [f"{initial},{final},{SIGNS[initial, final]}" for initial, final in pairs]
    with pytest.raises(ConfigError, match=f"'x' needs one sign for each pair of classes of 'unccd7'; it has {says}"):
        parse_matrix_csv("\n".join(["initial,final,sign", *lines]), matrix_id="x")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["signs"][1].pop(), "no sign for 2 to 7"),
        (lambda d: d["signs"].pop(), "no sign for 7 to 1, 7 to 2"),
        (lambda d: d["signs"][0].__setitem__(3, None), "no sign for 1 to 4"),
        (lambda d: d["processes"][0].__setitem__(3, None), "no process for 1 to 4"),
        (lambda d: d["signs"][0].append(0), "signs of .* have more than 7 rows or columns"),
        (lambda d: d["signs"][0].__setitem__(3, 2), "has the sign 2; expected -1, 0 or 1"),
        (lambda d: d["signs"][0].__setitem__(3, -1.0), "signs.0.3"),
        (lambda d: d.update(extra=1), "extra"),
        (lambda d: d.pop("version"), "version: Field required"),
    ],
)
def test_own_documents_with_faults(change, says):
    document = json.loads(json.dumps(UNCCD7_TRANSITIONS.to_document()))
    change(document)
    with pytest.raises(ConfigError, match=says):
        parse_matrix(json.dumps(document))


def test_codes_and_legends_that_are_not_known():
    document = json.loads(json.dumps(UNCCD7_TRANSITIONS.to_document()))
    with pytest.raises(UnknownLegend):
        parse_matrix(json.dumps(document | {"legend": "mars7"}))
    with pytest.raises(UnmappedCodes):
        parse_matrix(json.dumps(document | {"unlikely": [[1, 9]]}))
    with pytest.raises(ConfigError, match="codes 1, 2: expected UNCCD-7's codes 1 to 7"):
        parse_trends_earth_matrix(json.dumps(trends_earth(legend=[1, 2])), matrix_id="x")
    odd = trends_earth(factor=10)
    odd["definitions"]["transitions"][0]["final"]["code"] = 25
    with pytest.raises(ConfigError, match="no sign for 3 to 1, and codes that the legend does not have in 3 to 25"):
        parse_trends_earth_matrix(json.dumps(odd), matrix_id="x")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has the columns none: expected the first line to name initial, final, sign"),
        ("from,to,sign\n1,1,0", "has the columns from, to, sign: expected"),
        ("initial,final,sign\n1,1,0\n\n1,8,0", "line 4 of the CSV of transition matrix 'x' has '8' under 'final'"),
        ("initial,final,sign\n1,,0", "has '' under 'final'"),
        ("initial,final,sign\n1,1", "has the sign ''"),
        ("initial,final,sign\n1,1,degraded", "has the sign 'degraded'; expected -1, 0 or 1"),
        ("initial,final,sign,unlikely\n1,1,0,maybe", "has 'maybe' under 'unlikely'"),
        ("initial,final,sign\n" + "1,1,0\n" * 100_001, "100,002 lines"),
    ],
)
def test_csv_that_cannot_be_read(text, says):
    with pytest.raises(ConfigError, match=says):
        parse_matrix_csv(text, matrix_id="x")


def test_files_are_told_apart_by_what_is_in_them(tmp_path):
    forms = {
        "own.json": json.dumps(EDITED.to_document()),
        "mali.txt": json.dumps(trends_earth_matrix_document(EDITED)),
        "mali.csv": "\ufeff" + matrix_csv(EDITED),
    }
    for name, text in forms.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        found = read_matrix(tmp_path / name)
        assert same_cells(found, EDITED)
        assert found.id == "mali"
    assert read_matrix(tmp_path / "mali.csv", matrix_id="x", version="9").version == "9"


def test_files_that_are_none(tmp_path):
    (tmp_path / "a.csv").write_bytes("initial;final;sign;é".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"'a.csv' is no text in UTF-8"):
        read_matrix(tmp_path / "a.csv")
    (tmp_path / "big.csv").write_bytes(bytes((8 << 20) + 1))
    with pytest.raises(ConfigError, match="more than 8 MB"):
        read_matrix(tmp_path / "big.csv")
    (tmp_path / "b.json").write_text("{")
    for name, says in (("b.json", "not a transition matrix document"), ("none.json", "No such file"), ("a\0b", "read")):
        with pytest.raises(ConfigError, match=says) as caught:
            read_matrix(tmp_path / name)
        assert str(tmp_path) not in str(caught.value)


def test_signs_are_checked_in_every_form():
    with pytest.raises(ConfigError, match="sign 3"):
        matrix_of(
            [Cell(pair, 3 if pair == (1, 2) else 0) for pair in SIGNS], matrix_id="x", version="1", citation="test"
        )
    assert isinstance(parse_matrix_csv(matrix_csv(EDITED), matrix_id="x"), TransitionMatrix)

"""Tables of periods of a country's own, and 2022 for 2023 where the manual allows it."""

import json
from copy import deepcopy

import pytest

from indicators.condition.periods import PeriodTable, Years
from indicators.condition.presets import PRAIS_2026, TRENDS_EARTH_2026, for_land_cover
from indicators.transition_files import parse_matrix
from landcover.errors import WrongUse
from serving.cli import main
from serving.commands.periodtables import preset_of
from serving.processes.reportinputs import ReportInputs
from tests.serving.processes.test_report import MAPS, asked, order_of
from tests.serving.report.countries import areas, words, write_json


def later():
    """Periods until 2027."""
    document = deepcopy(PRAIS_2026.to_document()) | {"id": "process_2030", "version": "1", "citation": "Own"}
    document["periods"][2] |= {"reported_as": 2027, "land_cover": [2016, 2027], "soc": [2016, 2027]}
    document["periods"][2] |= {"trend": [2012, 2027], "performance": [2012, 2027]}
    document["periods"][2] |= {"state_history": [2012, 2024], "state_recent": [2025, 2027]}
    return document


def made(folder, *options, years):
    (folder / "out").mkdir(exist_ok=True)
    assert main(words(folder, *options, years=years)) == 0
    return json.loads((folder / "out" / "report" / "account.json").read_text())["accounts"][0]


def preset_in(account):
    return [one for one in account["assumptions"] if one["name"] == "period preset"]


def test_a_file_is_a_table_of_periods(tmp_path, capsys):
    path = write_json(tmp_path / "p.json", later())
    account = made(tmp_path, "--preset", path, years="2016-2027")
    assert account["period"] == {"role": "report_2", "initial": 2016, "final": 2027} | account["period"]
    (used,) = preset_in(account)
    assert (used["id"], used["version"]) == ("process_2030", "1")
    capsys.readouterr()
    assert main(words(tmp_path, "--preset", path, years="2016-2023", out=tmp_path / "no")) == 4
    assert "report_2 of 'process_2030' compares 2016-2027" in capsys.readouterr().err


def test_what_documents_say_is_what_is_read(tmp_path):
    for preset in (PRAIS_2026, TRENDS_EARTH_2026):
        path = write_json(tmp_path / f"{preset.id}.JSON", preset.to_document())
        assert preset_of(str(path)) == preset_of(preset.id) == preset
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
        assert preset_of(str(path)) == preset
    assert preset_of(None) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "cannot be used: it is no JSON"),
        (b"\xff", "cannot be used: it is not UTF-8"),
        (b"[" * 100, "nested"),
        (b" " * (1 << 20) + b"{}", "no JSON"),
        (b'{"id": 1, "id": 2}', "cannot be used"),
        (json.dumps(later() | {"periods": later()["periods"][::-1]}).encode(), "in this order"),
        (json.dumps(later() | {"id": "x" * 101}).encode(), "letters in one line as its id"),
        (json.dumps(later() | {"citation": [1]}).encode(), "citation that is no text"),
        (json.dumps(later()).replace("2027", "2027.5").encode(), "2027.5"),
        (json.dumps(later() | {"x" * 5000: 1}).encode(), "unknown member"),
    ],
)
def test_bad_files_are_one_clear_error(content, message, tmp_path):
    path = tmp_path / "p.json"
    path.write_bytes(content)
    with pytest.raises(PeriodTable, match=message) as caught:
        preset_of(str(path))
    assert str(caught.value).startswith("table of periods 'p.json'")
    assert len(str(caught.value)) < 400


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(PeriodTable, match=r"'none\.json' cannot be read: No such file"):
        preset_of(str(tmp_path / "none.json"))
    with pytest.raises(PeriodTable, match="its name is none"):
        preset_of("a\0.json")
    with pytest.raises(WrongUse, match="prais_2026, trends_earth_2026, or name a file"):
        preset_of("prais_2030")


def test_2022_stands_in_for_2023(tmp_path, capsys):
    account = made(tmp_path, "--preset", "prais_2026", "--language", "es", years="2016-2022")
    (used,) = preset_in(account)
    assert (used["id"], used["version"]) == ("prais_2026", "1+report_2-until-2022")
    (caveat,) = [one for one in account["caveats"] if one["slug"] == "land-cover-stand-in"]
    assert "2022 stands in for that of 2023" in caveat["text"]
    assert "2022 stands in" in capsys.readouterr().err
    assert "un año anterior sustituye" in (tmp_path / "out" / "report" / "report.html").read_text()


def test_what_stands_in_for_what():
    changed = for_land_cover(PRAIS_2026, "report_2", (2016, 2022))
    assert changed.period("report_2").land_cover == changed.period("report_2").soc == Years(2016, 2022)
    assert changed.period("report_2").trend == Years(2008, 2023)
    assert for_land_cover(PRAIS_2026, "report_2", (2016, 2023)) is PRAIS_2026
    assert for_land_cover(TRENDS_EARTH_2026, "report_2", (2015, 2022)) is TRENDS_EARTH_2026
    for preset, role, years in (
        (PRAIS_2026, "report_2", (2015, 2022)),
        (PRAIS_2026, "report_2", (2016, 2021)),
        (PRAIS_2026, "report_1", (2016, 2018)),
        (PRAIS_2026, "baseline", (2000, 2014)),
        (TRENDS_EARTH_2026, "report_2", (2015, 2021)),
    ):
        with pytest.raises(PeriodTable, match="give maps of these years"):
            for_land_cover(preset, role, years)


def test_a_request_has_an_id_or_a_document():
    for given in ("prais_2026", later()):
        assert ReportInputs(**MAPS, preset=given).preset == given
    years = {"before": order_of().before.model_copy(update={"year": 2016})}
    years["after"] = order_of().after.model_copy(update={"year": 2027})
    order = order_of(**years, preset=later())
    again = type(order).model_validate_json(order.model_dump_json())
    assert asked(again).preset.to_document() == later()
    with pytest.raises(PeriodTable, match="lacks id"):
        asked(order_of(**years, preset={"version": "1", "periods": []}))


def test_no_summary_under_regional_matrices_is_told_of(tmp_path, capsys):
    from indicators.transitions import UNCCD7_TRANSITIONS  # noqa: PLC0415

    matrix = write_json(tmp_path / "m.json", UNCCD7_TRANSITIONS.to_document())
    assert parse_matrix(matrix.read_bytes()) == UNCCD7_TRANSITIONS
    other = write_json(tmp_path / "n.json", UNCCD7_TRANSITIONS.to_document() | {"id": "other"})
    regions = areas(tmp_path / "r.geojson", West=(-5, -5, 30, 60), East=(25, -5, 60, 60))
    given = ["--regions", regions, "--regional-matrix", f"West={matrix}", "--regional-matrix", f"East={other}"]
    account = made(tmp_path, *given, "--language", "zh", years="2000-2015")
    (caveat,) = [one for one in account["caveats"] if one["slug"] == "no-summary"]
    assert "this report has 2" in caveat["text"]
    assert "trends_earth_summary.json" in capsys.readouterr().err
    assert "没有 trends_earth_summary.json" in (tmp_path / "out" / "report" / "report.html").read_text()
    assert not (tmp_path / "out" / "report" / "trends_earth_summary.json").exists()
    single = made(tmp_path, "--matrix", matrix, "--replace", years="2000-2015")
    assert "no-summary" not in {one["slug"] for one in single["caveats"]}

"""What people meet of ``steppe report``: its help, its words, its answers, and the same bytes for the same inputs."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime

import pytest

from indicators.reporting.period import Period
from landcover.labels import LANGUAGES
from serving.cli import main
from serving.report.folder import report_folder
from serving.report.making import make_report
from serving.report.request import CoverMap, ReportRequest, SpotTerms
from tests.serving.report.countries import areas, maps, sub_indicators, words

ANSWER = {
    "report": str,
    "period": dict,
    "quantity": str,
    "country_km2": float,
    "land_km2": float,
    "land_cover": dict,
    "indicator_degraded_km2": float,
    "indicator_degraded_percent": float,
    "no_data_share_of_land": float,
    "pixels": int,
    "seconds": float,
    "megapixels_per_second": float,
    "warnings": list,
    "files": dict,
}
"""Members of ``--json`` in their order."""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.mark.parametrize("argv", [["report"], ["report", "--help"], ["report", "-h"]])
def test_help_of_the_group(argv, capsys):
    code = main(argv)
    printed = plain("".join(capsys.readouterr()))
    assert code == (2 if argv == ["report"] else 0)
    assert all(name in printed for name in ("make", "sample", "estimate"))


def test_help_of_make_tells_of_every_option(capsys):
    assert main(["report", "make", "--help"]) == 0
    printed = plain(capsys.readouterr().out)
    for option in (
        "--years",
        "--areas",
        "--crosswalk",
        "--regional-matrix",
        "--lpd-source",
        "--soc-stock",
        "--baseline",
    ):
        assert option in printed


def test_sub_commands_have_their_own_help(capsys):
    for name in ("sample", "estimate"):
        assert main(["report", name, "--help"]) == 0
        assert "POINTS" in plain(capsys.readouterr().out)


def test_options_may_come_first(folder):
    argv = words(folder)
    maps_given, options = argv[1:3], argv[3:]
    assert main(["report", *options, *maps_given]) == 0
    assert main(["report", "make", *options, "--replace", *maps_given]) == 0
    assert (folder / "out" / "report" / "so1.xlsx").is_file()


def test_json(folder, capsys):
    layers = [str(word) for word in sub_indicators(folder)]
    assert main(words(folder, *layers, "--json")) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    answer = json.loads(printed.out)
    assert list(answer) == list(ANSWER)
    assert all(isinstance(answer[name], kind) for name, kind in ANSWER.items())
    assert answer["period"] == {"role": "baseline", "initial": 2000, "final": 2015}
    assert answer["quantity"] == "mapped area (pixel count)"
    assert list(answer["land_cover"]) == ["degraded_km2", "stable_km2", "improved_km2", "no_data_km2"]
    report = folder / "out" / "report"
    assert answer["files"] == {name: str(report / name) for name in answer["files"]}
    assert sorted(answer["files"]) == sorted(path.name for path in report.iterdir())
    tables = json.loads((report / "so1.json").read_text(encoding="utf-8"))["tables"]
    country = next(table for table in tables if table["id"] == "CP-1.T1")["rows"][0]["total_country_area_km2"]
    assert answer["country_km2"] == pytest.approx(country, rel=1e-12)


def test_what_people_read(folder, capsys):
    assert main(words(folder, "--name", "Somewhere")) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("Somewhere, 2000-2015: mapped area (pixel count) in km2\n")
    assert "estimate" not in printed.out
    assert printed.err == ""


def numbers_of(table):
    return [{key: cell for key, cell in row.items() if isinstance(cell, int | float)} for row in table["rows"]]


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """A report in each language, by language."""
    folder = tmp_path_factory.mktemp("languages")
    (folder / "out").mkdir()
    given = str(areas(folder / "country.geojson", A=(3, 3, 12, 12), B=(15, 3, 10.5, 12)))
    for language in LANGUAGES:
        options = ("--language", language, "--areas", given, "--min-spot", "0.01")
        assert main(words(folder, *options, out=folder / "out" / language)) == 0
    return {language: folder / "out" / language for language in LANGUAGES}


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages(reports, language):
    report = reports[language]
    head = (report / "report.html").read_text(encoding="utf-8")[:600]
    assert f'lang="{language}"' in head
    assert ('dir="rtl"' in head) == (language == "ar")
    assert json.loads((report / "item.json").read_text(encoding="utf-8"))["properties"]["steppe:language"] == language


def test_languages_differ_in_titles_and_in_nothing_else(reports):
    found = [json.loads((report / "so1.json").read_text(encoding="utf-8"))["tables"] for report in reports.values()]
    assert len({json.dumps([numbers_of(table) for table in tables]) for tables in found}) == 1
    assert len({json.dumps([table["title"] for table in tables]) for tables in found}) == len(LANGUAGES)
    assert (
        len({json.dumps([[column["key"] for column in table["columns"]] for table in tables]) for tables in found}) == 1
    )


def test_the_same_inputs_and_time_make_the_same_bytes(folder):
    before, after = maps(folder)
    request = ReportRequest(
        before=CoverMap(source=before, year=2000, legend="unccd7"),
        after=CoverMap(source=after, year=2015, legend="unccd7"),
        period=Period("baseline", 2000, 2015),
        spots=SpotTerms(min_km2=0.01),
    )
    found = []
    for name in ("one", "two"):
        with report_folder(folder / "out" / name) as private:
            make_report(request, private, now=datetime(2026, 5, 1, 12, tzinfo=UTC))
        files = (folder / "out" / name).iterdir()
        found.append({path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files})
    assert found[0] == found[1]

"""The workbook opened again: every cell, every total, every language."""

import io
import zipfile
from datetime import UTC, datetime

import pytest
from openpyxl import load_workbook
from openpyxl.utils import range_boundaries

from indicators.reporting.entries import CountryClass, Spot
from indicators.reporting.finding import Finding
from indicators.reporting.rules import RULES, check
from indicators.reporting.submission import Submission
from indicators.reporting.table import is_number
from indicators.reporting.tables import report_tables
from indicators.reporting.texts import Text
from landcover.errors import ConfigError
from landcover.labels import LANGUAGES
from serving.report.book import Book
from serving.report.words import heading, say, word
from serving.report.workbook import workbook_bytes
from tests.indicators.reporting.country import account, submission

MADE = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


def book(sent, **more):
    tables = report_tables(sent)
    return Book(sent, tables, check(tables), **({"made": MADE, "version": "1.2"} | more))


def opened(content, **options):
    return load_workbook(io.BytesIO(content), **options)


@pytest.fixture(scope="module")
def sent():
    return submission(size=150)


@pytest.fixture(scope="module")
def english(sent):
    return workbook_bytes(book(sent))


@pytest.fixture(scope="module")
def formulas(english):
    return opened(english)


@pytest.fixture(scope="module")
def values(english):
    return opened(english, data_only=True)


def block(sheet, table, language="en"):
    """Row of a table's header on a sheet."""
    title = f"{table.id}  {say(table.title, language)}"
    (top,) = (row for row in range(1, sheet.max_row + 1) if sheet.cell(row, 1).value == title)
    return top + (2 if table.subtitle else 1)


def test_every_cell_of_every_table(sent, formulas, values):
    count = 0
    for table in report_tables(sent):
        name = next(each for each in formulas.sheetnames if each.startswith(table.id.partition(".")[0]))
        top = block(formulas[name], table)
        for place, column in enumerate(table.columns, 1):
            assert formulas[name].cell(top, place).value == heading(column, "en")
        for number, row in enumerate(table.rows, top + 1):
            for place, cell in enumerate(row.cells, 1):
                wanted = say(cell, "en") if isinstance(cell, Text) else cell
                assert values[name].cell(number, place).value == (None if wanted == "" else wanted)
                count += str(formulas[name].cell(number, place).value).startswith("=SUM(")
    assert count > 80


def test_totals_are_live_and_equal_what_is_stored(formulas, values):
    for sheet in formulas:
        for cell in (cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"):
            left, top, right, bottom = range_boundaries(cell.value[5:-1])
            rows = values[sheet.title].iter_rows(top, bottom, left, right, values_only=True)
            parts = [part for row in rows for part in row if part is not None]
            assert sum(parts) == pytest.approx(values[sheet.title][cell.coordinate].value, rel=1e-12)
            assert all(is_number(part) for part in parts)


def test_the_same_report_is_the_same_file(sent, english, formulas):
    assert workbook_bytes(book(sent)) == english
    with zipfile.ZipFile(io.BytesIO(english)) as file:
        assert {info.date_time for info in file.infolist()} == {(2026, 5, 4, 3, 2, 0)}
        assert file.testzip() is None
    properties = formulas.properties
    assert (properties.created, properties.modified) == (MADE.replace(tzinfo=None),) * 2
    assert (properties.title, properties.creator) == ("Land degradation: reporting tables: Testland", "Steppe 1.2")


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages(language):
    sent = submission(size=12)
    workbook = opened(workbook_bytes(book(sent, language=language)))
    assert workbook.sheetnames[0] == word("sheet_read_me", language)
    assert len(workbook.sheetnames) == 10
    for sheet in workbook:
        assert bool(sheet.sheet_view.rightToLeft) == (language == "ar")
        assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.freeze_panes
    table = report_tables(sent)[4]
    sheet = workbook[workbook.sheetnames[2]]
    top = block(sheet, table, language)
    assert sheet.cell(top, 4).value == heading(table.columns[3], language)
    assert sheet.cell(top, 4).fill.fgColor.rgb == "00FFFB6E"
    assert sheet.cell(top + 1, 4).number_format == "#,##0.00"


def test_sheets_around_the_tables(sent, formulas):
    workbook = formulas
    read_me = "\n".join(str(value) for row in workbook["Read me"].iter_rows(values_only=True) for value in row if value)
    for said in ("Testland", "mapped area (pixel count)", "Baseline, 2000-2015", "2026-05-04T03:02:01Z", "Steppe 1.2"):
        assert said.lower() in read_me.lower()
    assert "All 8 checks passed." in read_me
    assumptions = [*workbook["Assumptions"].iter_rows(min_row=5, values_only=True)]
    matrix = sent.accounts[0].assumptions[0]
    assert assumptions[0][:5] == (matrix.name, "Baseline\nReporting period 2", matrix.id, "1", matrix.sha256)
    assert workbook["Caveats"]["A5"].value == "two-products"
    assert [workbook["Checks"].cell(row, 2).value for row in range(5, 13)] == ["Passed"] * len(RULES)
    processes = workbook["Processes"]
    assert processes.max_row > 10 + len(sent.ordered[0].processes)
    assert processes["H6"].value == sent.ordered[0].processes[0].pixels
    links = [
        cell.hyperlink.location for row in workbook["Read me"].iter_rows(max_col=1) for cell in row if cell.hyperlink
    ]
    assert links == [f"'{name}'!A1" for name in workbook.sheetnames[1:]]


def test_findings_and_zones_have_sheets():
    one = account(layers=())[0]
    finding = Finding("limits", "SO1-1.T3", "", "6 matrices came.")
    made = Book(Submission((one,)), report_tables(Submission((one,))), (finding,), MADE, "1", zones=(one, one))
    workbook = opened(workbook_bytes(made))
    checks = [value for row in workbook["Checks"].iter_rows(values_only=True) for value in row if value]
    assert "6 matrices came." in checks
    assert "1" in checks
    assert workbook["Zones"]["A6"].value == "Testland"
    assert workbook["Zones"]["C6"].value == one.country_km2
    productivity = [row[0].value for row in workbook["SO1-2 Productivity"].iter_rows(max_col=1) if row[0].value]
    assert "No productivity layer was given." in productivity
    assert workbook["Caveats"]["A4"].value == "There are no caveats."


def test_texts_of_people_are_no_formulas():
    classes = (CountryClass(1, "=1+1", 1),)
    sent = submission(
        size=12, country_legend=classes, hotspots=(Spot('=HYPERLINK("http://x")', 1.0, "-1", "@x", "+y"),)
    )
    workbook = opened(workbook_bytes(book(sent)))
    cells = {
        cell.value: cell.data_type for sheet in workbook for row in sheet.iter_rows() for cell in row if cell.value
    }
    assert cells["=1+1"] == "s"
    assert cells['=HYPERLINK("http://x")'] == "s"


def test_an_unknown_language_is_refused(sent):
    with pytest.raises(ConfigError, match="not available"):
        workbook_bytes(book(sent, language="de"))

"""CSV and JSON of the tables, and accounts that come back from a file."""

import csv
import io
import json
from datetime import UTC, datetime

import numpy as np
import pytest

from indicators.reporting.documents import AccountUnreadable
from indicators.reporting.entries import CountryClass
from indicators.reporting.rules import check
from indicators.reporting.submission import Submission
from indicators.reporting.tables import report_tables
from indicators.reporting.texts import Text
from serving.report.tablefiles import accounts_bytes, csv_bytes, read_accounts, table_files, tables_bytes
from serving.report.words import say
from tests.indicators.reporting.country import account, submission

MADE = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def sent():
    return submission()


def plain(cell):
    return say(cell, "en") if isinstance(cell, Text) else cell


def test_csv_holds_every_cell(sent):
    tables = report_tables(sent)
    files = table_files(tables)
    assert list(files)[:2] == ["CP-1.T1.csv", "SO1-1.T1.csv"]
    for table, content in zip(tables, files.values(), strict=True):
        assert content.count(b"\r\n") >= len(table.rows) + 1
        header, *rows = csv.reader(io.StringIO(content.decode(), newline=""))
        assert header == [column.key for column in table.columns]
        for row, cells in zip(table.rows, rows, strict=True):
            for cell, text in zip(map(plain, row.cells), cells, strict=True):
                if isinstance(cell, str):
                    assert text == cell
                else:
                    assert (float(text) if text else None) == cell


def test_csv_of_a_table_without_rows_says_why():
    tables = {table.id: table for table in report_tables(Submission((account(layers=())[0],)))}
    assert csv_bytes(tables["SO1-2.T3"]) == b"note\r\nNo productivity layer was given.\r\n"
    assert "Ningu" not in csv_bytes(tables["SO1-2.T3"], "es").decode()
    assert csv_bytes(tables["SO1-2.T3"], "es").decode().startswith("note\r\nNo se ha")


def test_csv_makes_no_formulas():
    classes = (CountryClass(1, '=HYPERLINK("x")', 1), CountryClass(2, 'a "b", c', 2))
    (table,) = (each for each in report_tables(submission(country_legend=classes)) if each.id == "SO1-1.T2")
    rows = [*csv.reader(io.StringIO(csv_bytes(table).decode(), newline=""))]
    assert rows[1][1] == '\'=HYPERLINK("x")'
    assert rows[2][1] == 'a "b", c'


def test_json_holds_every_cell(sent):
    tables = report_tables(sent)
    content = tables_bytes(sent, tables, check(tables), made=MADE, version="1.2")
    document = json.loads(content)
    assert document["format"] == "steppe-tables/1"
    assert (document["zone"], document["made"], document["findings"]) == ("Testland", "2026-05-04T03:02:01Z", [])
    assert document["periods"][1]["role"] == "report_2"
    assert document["caveats"] == [{"slug": "two-products", "text": "The maps come from two products."}]
    assert [each["period"] for each in document["assumptions"]] == ["baseline", "report_2"]
    for table, read in zip(tables, document["tables"], strict=True):
        assert (read["id"], read["unit"], read["given"]) == (table.id, table.unit, True)
        for row, cells in zip(table.rows, read["rows"], strict=True):
            assert cells.pop("key") == row.key
            assert list(cells.values()) == [plain(cell) for cell in row.cells]
            assert list(cells) == [column["key"] for column in read["columns"]]
    assert tables_bytes(sent, tables, (), made=MADE, version="1.2") == content


def test_json_in_another_language_keeps_its_keys(sent):
    tables = report_tables(sent)
    english, russian = (
        json.loads(tables_bytes(sent, tables, (), made=MADE, version="1", language=language))["tables"]
        for language in ("en", "ru")
    )
    assert russian[0]["title"] == "Площадь суши"
    for one, other in zip(english, russian, strict=True):
        assert [row["key"] for row in one["rows"]] == [row["key"] for row in other["rows"]]
        assert [row.keys() for row in one["rows"]] == [row.keys() for row in other["rows"]]


def test_accounts_come_back_and_make_the_same_tables(sent):
    content = accounts_bytes(sent.ordered, zones=sent.ordered[:1], made=MADE, version="1.2")
    read = read_accounts(content)
    assert (len(read.whole), len(read.zones)) == (2, 1)
    for one, other in zip(sent.ordered, read.whole, strict=True):
        np.testing.assert_array_equal(one.joint.km2, other.joint.km2)
        np.testing.assert_array_equal(one.joint.pixels, other.joint.pixels)
    assert report_tables(Submission(read.whole)) == report_tables(Submission(sent.accounts))
    assert accounts_bytes(read.whole, zones=read.zones, made=MADE, version="1.2") == content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"format": "steppe-account/2"}',
        b'{"format": "steppe-account/1"}',
        b'{"format": "steppe-account/1", "accounts": [], "zones": []}',
        b'{"format": "steppe-account/1", "accounts": [{}], "zones": []}',
        b'{"format": "steppe-account/1", "accounts": [NaN], "zones": []}',
    ],
)
def test_files_that_are_no_accounts(content):
    with pytest.raises(AccountUnreadable, match="make the report again"):
        read_accounts(content)

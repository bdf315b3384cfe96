"""The sheets around the tables: read me, assumptions, caveats, checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from openpyxl.worksheet.hyperlink import Hyperlink

from indicators.reporting.assumptions import Assumption
from indicators.reporting.finding import Finding
from indicators.reporting.rules import RULES
from indicators.reporting.submission import Submission, period_text
from indicators.reporting.table import Table
from indicators.reporting.texts import words
from serving.report.sheets import style
from serving.report.sheets.blocks import Page
from serving.report.words import say, word

READ_ME_WIDTHS: Final = (26.0, 110.0)
WIDTHS: Final = {
    "sheet_assumptions": (34.0, 32.0, 26.0, 10.0, 34.0, 40.0),
    "sheet_caveats": (30.0, 110.0),
    "sheet_checks": (66.0, 14.0, 26.0, 66.0),
}

_TOP: Final = 4
"""Row of the header of lists."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the read-me says.

    Attributes:
        submission: what the tables were made of.
        findings: what the rules found.
        made: the report's time, in words.
        version: version of Steppe.
        sheets: name of each sheet of tables, and the tables on it.
    """

    submission: Submission
    findings: Sequence[Finding]
    made: str
    version: str
    sheets: Sequence[tuple[str, Sequence[Table]]]


def read_me(page: Page, facts: Facts) -> None:
    """What, where, when, how, and what is on which sheet."""
    page.text(1, 1, word("book_title", page.language), span=2, bold=True, size=16)
    page.grow(1, 2)
    row = 3
    for key, text in _facts(page, facts):
        _pair(page, row, word(key, page.language), text)
        row += 1
    _sheets(page, facts, row)
    page.sheet.freeze_panes = "A2"


def assumptions(page: Page, submission: Submission, _: Sequence[Finding]) -> None:
    """Each object that the report rests on, with its version and hash."""
    if not submission.assumptions:
        page.text(_TOP, 1, word("no_assumptions", page.language), span=2)
        return
    _headers(page, _TOP, ("what", "periods", "id", "version", "sha256", "note"))
    together: dict[Assumption, list[str]] = {}
    for role, each in submission.assumptions:
        together.setdefault(each, []).append(say(words(role), page.language))
    for row, (each, roles) in enumerate(together.items(), _TOP + 1):
        _line(page, row, (each.name, "\n".join(roles), each.id, each.version, each.sha256, each.note))
        page.cell(row, 5).font = style.font(size=8)
    page.sheet.freeze_panes = f"A{_TOP + 1}"


def caveats(page: Page, submission: Submission, _: Sequence[Finding]) -> None:
    """Each warning once."""
    if not submission.caveats:
        page.text(_TOP, 1, word("no_caveats", page.language), span=2)
        return
    _headers(page, _TOP, ("short_name", "caveat"))
    for row, each in enumerate(submission.caveats, _TOP + 1):
        _line(page, row, (each.slug, each.text))
    _english(page, _TOP + 1 + len(submission.caveats), 2)
    page.sheet.freeze_panes = f"A{_TOP + 1}"


def checks(page: Page, _: Submission, findings: Sequence[Finding]) -> None:
    """Each rule and whether it was kept, then what was found."""
    _headers(page, _TOP, ("rule", "result"))
    for row, name in enumerate(RULES, _TOP + 1):
        count = sum(finding.rule == name for finding in findings)
        result = str(count) if count else word("passed", page.language)
        _line(page, row, (say(words(f"rule_{name}"), page.language), result))
        page.cell(row, 2).fill = style.fill("FBE3E4" if count else "E3F4E6")
    top = _TOP + len(RULES) + 2
    if findings:
        _headers(page, top, ("rule", "table", "cell", "finding"))
        for row, each in enumerate(findings, top + 1):
            _line(page, row, (say(words(f"rule_{each.rule}"), page.language), each.table, each.cell, each.sentence))
        _english(page, top + 1 + len(findings), 4)
    page.sheet.freeze_panes = f"A{_TOP + 1}"


def _facts(page: Page, facts: Facts) -> list[tuple[str, str]]:
    language, submission = page.language, facts.submission
    periods = "\n".join(say(period_text(account), language) for account in submission.ordered)
    methods = "\n".join(dict.fromkeys(account.joint.method for account in submission.ordered))
    found = [
        ("rm_area", submission.zone),
        ("rm_periods", periods),
        ("rm_made", facts.made),
        ("rm_by", f"Steppe {facts.version}"),
        ("rm_how", word("rm_how_text", language)),
        ("rm_pixels", methods),
        ("rm_units", word("rm_units_text", language)),
        ("rm_totals", word("rm_totals_text", language)),
        ("rm_nodata", word("rm_nodata_text", language)),
        ("rm_checks", _checked(facts.findings, language)),
    ]
    sentences = "\n".join(each.text for each in submission.caveats) or word("no_caveats", language)
    return [*found, ("sheet_caveats", sentences)]


def _checked(findings: Sequence[Finding], language: str) -> str:
    if not findings:
        return word("no_findings", language, count=str(len(RULES)))
    return word("some_findings", language, count=str(len(findings)), sheet=word("sheet_checks", language))


def _sheets(page: Page, facts: Facts, top: int) -> None:
    page.text(top, 1, word("rm_sheets", page.language), bold=True)
    others = ((word(key, page.language), ()) for key in WIDTHS)
    for row, (name, tables) in enumerate((*facts.sheets, *others), top + 1):
        titles = (f"{table.id}  {say(table.title, page.language)}" for table in tables if "." in table.id)
        _pair(page, row, name, "\n".join(titles))
        link = page.cell(row, 1)
        link.hyperlink = Hyperlink(link.coordinate, location=f"'{name}'!A1")
        link.font = style.font(color="1D5FA8")


def _pair(page: Page, row: int, name: str, text: str) -> None:
    label, value = page.text(row, 1, name, bold=True), page.text(row, 2, text)
    label.alignment = style.align(page.language, name, top=True)
    value.alignment = style.align(page.language, text, top=True)
    page.grow(row, style.lines(text, page.width(2)))


def _headers(page: Page, row: int, keys: Sequence[str]) -> None:
    for column, key in enumerate(keys, 1):
        cell = page.text(row, column, word(key, page.language), bold=True, color="FFFFFF")
        cell.fill, cell.border = style.fill(style.HEADER), style.BOX
    page.grow(row, 1)


def _line(page: Page, row: int, texts: Sequence[str]) -> None:
    for column, text in enumerate(texts, 1):
        cell = page.text(row, column, text)
        cell.border = style.BOX
        page.grow(row, style.lines(text, page.width(column)))


def _english(page: Page, row: int, span: int) -> None:
    if page.language != "en":
        page.text(row, 1, word("in_english", page.language), span=span, italic=True, size=9)


WRITERS: Final[dict[str, Callable[[Page, Submission, Sequence[Finding]], None]]] = {
    "sheet_assumptions": assumptions,
    "sheet_caveats": caveats,
    "sheet_checks": checks,
}
"""What writes each sheet of ``WIDTHS``."""

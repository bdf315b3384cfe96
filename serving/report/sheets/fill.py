"""All sheets of a workbook in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from openpyxl import Workbook
from openpyxl.worksheet.pagebreak import Break

from indicators.reporting import more_tables
from indicators.reporting.table import Table
from indicators.reporting.tables import GROUPS, group_of
from indicators.reporting.texts import words
from landcover.labels import canonical_language
from serving.report.book import Book
from serving.report.sheets import front, style
from serving.report.sheets.blocks import NOTE_COLUMNS, Page, put_table
from serving.report.tablefiles import stamp
from serving.report.words import say, word

COLUMNS: Final = 12
"""Columns of sheets of tables that get a width."""

_TOP: Final = 4
"""Row of the first table; those above stay in sight."""


def fill(workbook: Workbook, book: Book) -> list[Mapping[str, float]]:
    """Write all sheets.

    Returns:
        The numbers by cell, to all digits, sheet by sheet.
    """
    for sheet in workbook.worksheets:
        workbook.remove(sheet)
    groups = _groups(book)
    pages = [_page(workbook, book, word("sheet_read_me", book.language), front.READ_ME_WIDTHS)]
    front.read_me(pages[0], _facts(book, groups))
    pages[0].sheet.page_setup.fitToHeight = 1
    for name, tables in groups:
        pages.append(_page(workbook, book, name))
        _tables(pages[-1], tables)
    for key, widths in front.WIDTHS.items():
        pages.append(_page(workbook, book, word(key, book.language), widths))
        _banner(pages[-1])
        front.WRITERS[key](pages[-1], book.submission, book.findings)
    return [page.numbers for page in pages]


def _groups(book: Book) -> list[tuple[str, Sequence[Table]]]:
    """Name of each sheet of tables, and its tables."""
    found: list[tuple[str, Sequence[Table]]] = [
        (f"{group} {say(words(title), book.language)}", [table for table in book.tables if group_of(table) == group])
        for group, title in GROUPS.items()
    ]
    found.append((word("sheet_processes", book.language), [more_tables.processes(book.submission)]))
    if book.zones:
        found.append((word("sheet_zones", book.language), [more_tables.zones(book.zones)]))
    return found


def _facts(book: Book, groups: Sequence[tuple[str, Sequence[Table]]]) -> front.Facts:
    return front.Facts(book.submission, book.findings, stamp(book.made), book.version, groups)


def _page(workbook: Workbook, book: Book, name: str, widths: Sequence[float] = ()) -> Page:
    sheet = workbook.create_sheet(name)
    language = canonical_language(book.language)
    header = word("missing_for", language, name=word("book_title", language), reason=book.submission.zone)
    style.sheet_setup(sheet, language, columns=len(widths) or COLUMNS, header=header)
    for column, width in enumerate(widths, 1):
        style.set_width(sheet, column, width)
    return Page(sheet, language, book.submission.zone)


def _banner(page: Page) -> None:
    for row, text, looks in ((1, page.sheet.title, {"bold": True, "size": 16}), (2, page.zone, {"color": "5B6773"})):
        page.text(row, 1, text, **looks).alignment = style.align(page.language, text, wrap=False)
    page.grow(1, 2)


def _tables(page: Page, tables: Sequence[Table]) -> None:
    _banner(page)
    top, used = _TOP, 0.0
    room = style.page_points(page.sheet, max(NOTE_COLUMNS, *(len(table.columns) for table in tables)))
    for table in tables:
        bottom = put_table(page, table, top)
        height = sum(page.sheet.row_dimensions[row].height or style.LINE for row in range(top, bottom))
        if used and used + height > room:
            page.sheet.row_breaks.append(Break(top - 1))
            used = 0.0
        used, top = used + height, bottom
    page.sheet.freeze_panes = f"B{_TOP}"
    if len(tables) == 1:
        page.sheet.print_title_rows = f"{_TOP + 1}:{_TOP + 1}"

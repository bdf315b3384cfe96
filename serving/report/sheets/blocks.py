"""One table on a sheet: title, header, rows, live totals, notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from openpyxl.cell.cell import Cell as SheetCell
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from indicators.reporting.conditions import COLORS
from indicators.reporting.matrix_tables import SIGNS
from indicators.reporting.table import Cell, Column, Row, Table
from indicators.reporting.texts import Text
from serving.report.sheets import style
from serving.report.words import heading, say

_LABELS: Final = frozenset(
    {"initial_by_final", "cover", "baseline_by_period", "status_class", "unccd_class", "final_class"}
)
"""Titles of columns whose cells have the colour of their row: that of a class."""

SIGN_COLORS: Final = {SIGNS[code]: COLORS[code] for code in SIGNS}
"""Colour of each sign of a transition matrix: that of the condition."""

NOTE_COLUMNS: Final = 8
"""Columns that a note runs over at least."""


@dataclass(frozen=True, slots=True)
class Page:
    """A sheet that is being filled.

    Attributes:
        sheet: the sheet.
        language: language of its texts.
        zone: name of the area.
        numbers: each number by cell, to all digits; of a formula the value, which spreadsheets compute anew and other
            readers take as it is.
    """

    sheet: Worksheet
    language: str
    zone: str
    numbers: dict[str, float] = field(default_factory=dict)

    def cell(self, row: int, column: int) -> SheetCell:
        """A cell, counted from 1."""
        found = self.sheet.cell(row, column)
        if not isinstance(found, SheetCell):
            raise TypeError(f"cell {row}, {column} is within a merged one")
        return found

    def text(self, row: int, column: int, text: str, *, span: int = 1, **looks: Any) -> SheetCell:
        """A text over ``span`` columns, wrapped; ``looks`` are those of ``style.font``."""
        cell = self.cell(row, column)
        style.put_text(cell, text)
        cell.font = style.font(**looks)
        cell.alignment = style.align(self.language, text)
        if span > 1:
            self.sheet.merge_cells(start_row=row, start_column=column, end_row=row, end_column=column + span - 1)
        return cell

    def grow(self, row: int, count: int) -> None:
        """Make a row at least so many lines high."""
        height = max(self.sheet.row_dimensions[row].height or 0.0, style.LINE * count + 3)
        self.sheet.row_dimensions[row].height = height

    def width(self, first: int, span: int = 1) -> float:
        """Characters that fit into columns."""
        letters = map(get_column_letter, range(first, first + span))
        return sum(self.sheet.column_dimensions[letter].width for letter in letters)


def put_table(page: Page, table: Table, top: int) -> int:
    """Write a table below row ``top - 1``.

    Returns:
        The row below it, after a blank one.
    """
    row = _title(page, table, top)
    if table.given:
        row = _header(page, table, row)
        row = _rows(page, table, row)
    for note in table.notes:
        text = say(note, page.language)
        span = max(NOTE_COLUMNS, len(table.columns))
        cell = page.text(row, 1, text, span=span, italic=True, size=9, color="5B6773")
        page.grow(row, style.lines(text, page.width(1, span)))
        if not table.given:
            cell.fill = style.fill("FFF4D6")
            cell.font = style.font(bold=True, color="7A5200")
        row += 1
    return row + 1


def _title(page: Page, table: Table, row: int) -> int:
    span = max(NOTE_COLUMNS, len(table.columns))
    code = f"{table.id}  " if table.id[-1].isdigit() or "." in table.id else ""
    page.text(row, 1, f"{code}{say(table.title, page.language)}", span=span, bold=True, size=12)
    page.grow(row, 1)
    if table.subtitle is None:
        return row + 1
    page.text(row + 1, 1, say(table.subtitle, page.language), span=span, size=10, color="5B6773")
    return row + 2


def _header(page: Page, table: Table, row: int) -> int:
    for number, column in enumerate(table.columns, 1):
        text = heading(column, page.language)
        color = column.color or f"#{style.HEADER}"
        cell = page.text(row, number, text, bold=True, color=style.ink_on(color))
        cell.fill, cell.border = style.fill(color), style.BOX
        cell.alignment = style.align(page.language, text, "center")
        page.grow(row, style.lines(text, page.width(number) - 2))
    return row + 1


def _rows(page: Page, table: Table, top: int) -> int:
    start = top
    for number, row in enumerate(table.rows, top):
        for place, (column, value) in enumerate(zip(table.columns, row.cells, strict=True), 1):
            cell = page.cell(number, place)
            _look(cell, column, row)
            formula = _formula(table, row, place, (start, number))
            if isinstance(value, float):
                page.numbers[cell.coordinate] = value
            if formula and value is not None:
                cell.value = formula
            else:
                _put(page, cell, column, value)
        start = number + 1 if row.total else start
    return top + len(table.rows)


def _formula(table: Table, row: Row, place: int, rows: tuple[int, int]) -> str:
    """The sum that a cell is, or nothing: across for columns of totals, down for rows of totals."""
    column, (start, number) = table.columns[place - 1], rows
    if column.unit != "km2":
        return ""
    if column.total:
        first = next(index for index, each in enumerate(table.columns, 1) if each.unit == "km2")
        return f"=SUM({get_column_letter(first)}{number}:{get_column_letter(place - 1)}{number})"
    letter = get_column_letter(place)
    return f"=SUM({letter}{start}:{letter}{number - 1})" if row.total else ""


def _look(cell: SheetCell, column: Column, row: Row) -> None:
    cell.border = style.BOX
    cell.font = style.font(bold=row.total or column.total)
    signed = row.key == "net_change" or column.key == "change_km2"
    cell.number_format = style.SIGNED if signed and column.unit == "km2" else style.FORMATS[column.unit]
    cell.alignment = style.number_alignment()
    if row.total or column.total:
        cell.fill = style.fill(style.PALE)
    elif row.color and column.title.key in _LABELS:
        cell.fill, cell.font = style.fill(row.color), style.font(color=style.ink_on(row.color))


def _side(column: Column) -> str | None:
    return "center" if column.color or column.key.endswith(("year", "code", "unlikely")) else None


def _put(page: Page, cell: SheetCell, column: Column, value: Cell) -> None:
    if isinstance(value, Text):
        value = say(value, page.language)
    if not column.unit:
        cell.alignment = style.align(page.language, str(value), _side(column))
    if isinstance(value, str):
        style.put_text(cell, value)
        page.grow(cell.row, style.lines(value, page.width(cell.column)))
        if value in SIGN_COLORS:
            cell.fill, cell.font = style.fill(SIGN_COLORS[value]), style.font(color=style.ink_on(SIGN_COLORS[value]))
    elif value is not None:
        cell.value = value

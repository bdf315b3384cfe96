"""Looks of the workbook: fonts, fills, number formats, print set-up."""

from __future__ import annotations

import math
import unicodedata
from typing import Final

from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.worksheet.worksheet import Worksheet

from serving.report.words import RIGHT_TO_LEFT

FIRST_WIDTH: Final = 34.0
"""Characters of the first column."""
WIDTH: Final = 16.0
"""Characters of every other column."""
LINE: Final = 15.0
"""Points of one line of text."""

INK: Final = "1F2A37"
HEADER: Final = "34495E"
PALE: Final = "EEF2F5"
LINE_COLOR: Final = "B8C2CC"

FORMATS: Final = {
    "km2": "#,##0.00",
    "%": "0.00",
    "t/ha": "#,##0.00",
    "percentage points": "+0.00;-0.00;0.00",
    "pixels": "#,##0",
    "": "General",
}
"""Number formats by unit; the program that shows the workbook puts its own separators."""

SIGNED: Final = "+#,##0.00;-#,##0.00;0.00"
"""Number format of differences of areas."""

_THIN: Final = Side(style="thin", color=LINE_COLOR)
BOX: Final = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)


def sheet_setup(sheet: Worksheet, language: str, *, columns: int, header: str) -> None:
    """Direction, widths, and printing on A4 landscape, one page wide, with page numbers.

    Args:
        sheet: an empty sheet.
        language: says the direction.
        columns: how many columns get a width.
        header: text at the top of each printed page.
    """
    sheet.sheet_view.rightToLeft = language in RIGHT_TO_LEFT
    sheet.sheet_view.showGridLines = False
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = 9  # A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True  # type: ignore[union-attr]
    sheet.page_margins.left = sheet.page_margins.right = 0.4
    sheet.page_margins.top, sheet.page_margins.bottom = 0.7, 0.6
    sheet.oddHeader.left.text, sheet.oddFooter.right.text = header.replace("&", "&&"), "&P / &N"
    sheet.oddHeader.left.size = sheet.oddFooter.right.size = 9
    for number in range(1, columns + 1):
        set_width(sheet, number, FIRST_WIDTH if number == 1 else WIDTH)


def set_width(sheet: Worksheet, column: int, width: float) -> None:
    """Width of a column, counted from 1, in characters."""
    sheet.column_dimensions[sheet.cell(1, column).column_letter].width = width


def put_text(cell: Cell, text: str) -> None:
    """A text as text, even when it looks like a formula."""
    cell.value = text
    cell.data_type = "s"


def align(language: str, horizontal: str | None = None, *, wrap: bool = True) -> Alignment:
    """Alignment in the direction of a language."""
    order = 2 if language in RIGHT_TO_LEFT else 1
    return Alignment(horizontal=horizontal, vertical="center", wrap_text=wrap, readingOrder=order)


def font(*, bold: bool = False, italic: bool = False, size: float = 10, color: str = INK) -> Font:
    """The workbook's font."""
    return Font(name="Calibri", bold=bold, italic=italic, size=size, color=color)


def fill(color: str) -> PatternFill:
    """A plain fill of ``#RRGGBB`` or ``RRGGBB``."""
    return PatternFill("solid", fgColor=color.removeprefix("#"))


def ink_on(color: str) -> str:
    """Black or white, whichever is easier to read on ``#RRGGBB`` (WCAG 2.2, relative luminance)."""
    channels = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return "000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 else "FFFFFF"


def lines(text: str, width: float) -> int:
    """Lines that a text takes in a column of so many characters; Chinese characters are two wide."""
    wide = (sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in part) for part in text.split("\n"))
    return sum(max(1, math.ceil(count * 1.08 / width)) for count in wide)

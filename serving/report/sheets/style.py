"""Looks of the workbook: fonts, fills, number formats, print set-up."""

from __future__ import annotations

import math
import unicodedata
from functools import cache
from typing import Final

from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.header_footer import HeaderFooterItem
from openpyxl.worksheet.worksheet import Worksheet

from serving.report.words import RIGHT_TO_LEFT

FIRST_WIDTH: Final = 34.0
"""Characters of the first column."""
WIDTH: Final = 18.0
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

_TIGHT: Final = 1.1
_WRAPPED: Final = 1.05
"""Letters are narrower than digits, but a line breaks before a word that does not fit."""

_CHARACTER: Final = 5.25
_PADDING: Final = 3.75
"""Points of a column by its width in characters: Calibri 11 has digits of 7 pixels, and 5 pixels of padding."""

_PAPER: Final = (784.0, 470.0)
"""Points of A4 landscape within the margins, a little less than there are."""

_EQUAL_CONTRAST: Final = 0.179

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
    sheet.page_margins.top, sheet.page_margins.bottom = 0.75, 0.75
    sheet.page_margins.header = sheet.page_margins.footer = 0.35
    _running(sheet.oddHeader, header.replace("&", "&&"))
    _running(sheet.oddFooter, "&P / &N")
    for number in range(1, columns + 1):
        set_width(sheet, number, FIRST_WIDTH if number == 1 else WIDTH)


def _running(line: HeaderFooterItem | None, text: str) -> None:
    if line is not None:
        line.center.text, line.center.size = text, 9


def set_width(sheet: Worksheet, column: int, width: float) -> None:
    """Width of a column, counted from 1, in characters."""
    sheet.column_dimensions[get_column_letter(column)].width = width


def page_points(sheet: Worksheet, columns: int) -> float:
    """Points of rows that a printed page holds, when so many columns are made to fit its width."""
    letters = (get_column_letter(number) for number in range(1, columns + 1))
    width = sum(sheet.column_dimensions[letter].width * _CHARACTER + _PADDING for letter in letters)
    return _PAPER[1] / min(1.0, _PAPER[0] / width)


def put_text(cell: Cell, text: str) -> None:
    """A text as text, even when it looks like a formula."""
    cell.value = text
    cell.data_type = "s"


@cache
def align(
    language: str, text: str, horizontal: str | None = None, *, wrap: bool = True, top: bool = False
) -> Alignment:
    """Alignment at the side of a language and in the direction of a text."""
    order = 2 if _reads_right_to_left(text) else 1
    vertical = "top" if top else "center"
    indent = 0 if horizontal == "center" else 1
    side = horizontal or ("right" if language in RIGHT_TO_LEFT else "left")
    return Alignment(side, vertical, wrap_text=wrap, readingOrder=order, indent=indent)


@cache
def number_alignment() -> Alignment:
    """Numbers stand at the right in every language, so that their digits stand below each other."""
    return Alignment("right", "center", indent=1)


@cache
def font(*, bold: bool = False, italic: bool = False, size: float = 10, color: str = INK) -> Font:
    """The workbook's font."""
    return Font(name="Calibri", bold=bold, italic=italic, size=size, color=color)


@cache
def fill(color: str) -> PatternFill:
    """A plain fill of ``#RRGGBB`` or ``RRGGBB``."""
    return PatternFill("solid", fgColor=color.removeprefix("#"))


@cache
def ink_on(color: str) -> str:
    """Black or white, whichever is easier to read on ``#RRGGBB``.

    By the relative luminance of WCAG 2.2, of 2.2 powers: the contrast with both is the same at 0.179.
    """
    red, green, blue = ((int(color[i : i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5))
    return "000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > _EQUAL_CONTRAST else "FFFFFF"


def lines(text: str, width: float) -> int:
    """Lines that a text takes in a column of so many digits; Chinese characters are two wide, most letters narrower."""
    wide = (sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in part) for part in text.split("\n"))
    return sum(1 if count <= width * _TIGHT else math.ceil(count * _WRAPPED / width) for count in wide)


def _reads_right_to_left(text: str) -> bool:
    """Whether a text has a letter of a language that does; names in other letters keep their own direction."""
    return any(unicodedata.bidirectional(char) in {"R", "AL"} for char in text)

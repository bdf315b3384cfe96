"""The legend panel of a picture: a swatch, a title and a share for every class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from indicators.areas import AreaTable
from landcover.legends import Legend
from serving.outputs.mapimage import nodata_image
from serving.outputs.sheet import OUTLINE, PALE_INK, Color, Fonts, Sheet, TextBlock
from serving.outputs.typeface import line_height, wrap
from serving.outputs.words import Words

SHORT_LEGEND: Final = 12
"""Up to so many classes all are listed, absent ones too; of longer legends only those on the map."""
_MOST_TITLE_UNITS: Final = 15
_LEAST_SHARE: Final = 0.05  # percent; below it the share would be shown as 0.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the legend.

    Attributes:
        color: of the swatch; None is the pattern of nodata.
        title: of the class.
        share: text at the right.
    """

    color: Color | None
    title: str
    share: str


def entries(
    table: AreaTable, legend: Legend, words: Words, title: Callable[[int], str], *, nodata_title: str
) -> list[Entry]:
    """Lines for the classes of a legend and, where the map has some, for nodata."""
    found = [
        Entry(legend.by_code(row.code).rgb, title(row.code), share_text(row.share_percent, words))
        for row in table.rows
        if row.pixels or len(table.rows) <= SHORT_LEGEND
    ]
    if table.nodata_pixels:
        found.append(Entry(None, f"{nodata_title} ({words.share_of_map})", share_text(table.nodata_percent, words)))
    return found


def share_text(percent: float, words: Words) -> str:
    """A share with one decimal; little is not shown as nothing, nor almost all as all."""
    if percent in {0, 100}:
        return f"{percent:.0f} %"
    if percent < _LEAST_SHARE:
        return f"<{words.number(0.1, 1)} %"
    if percent >= 100 - _LEAST_SHARE:
        return f">{words.number(99.9, 1)} %"
    return f"{words.number(percent, 1)} %"


class KeyBlock:
    """Heading and entries in one or several columns of equal width."""

    def __init__(self, heading: Sequence[str], lines: Sequence[Entry], fonts: Fonts, *, most_width: int | None) -> None:
        """Lay out.

        Args:
            heading: lines above the entries; they wrap.
            lines: the entries.
            fonts: the fonts.
            most_width: pixels that columns may fill; None makes a single column.
        """
        self._fonts = fonts
        self._lines = lines
        unit = fonts.unit
        self._indent = 2 * unit
        self._share_width = max((round(fonts.normal.getlength(line.share)) for line in lines), default=0)
        widest = max((round(fonts.normal.getlength(line.title)) for line in lines), default=0) + 1
        self._title_width = min(widest, _MOST_TITLE_UNITS * unit)
        self._column_width = self._indent + self._title_width + unit + self._share_width
        gap = 2 * unit
        fit = 1 if most_width is None else max(1, (most_width + gap) // (self._column_width + gap))
        rows = -(-len(lines) // min(fit, max(1, len(lines))))
        self._columns = [lines[i : i + rows] for i in range(0, len(lines), max(1, rows))] or [[]]
        self.width: int = len(self._columns) * (self._column_width + gap) - gap
        wrapped = [part for text in heading for part in wrap(text, fonts.normal, self.width, max_lines=3)]
        self._heading = TextBlock(tuple(wrapped), fonts.normal, PALE_INK)
        self._gap = gap
        self.height: int = self._top + max(sum(map(self._entry_height, column)) for column in self._columns)

    @property
    def _top(self) -> int:
        return self._heading.height + self._fonts.unit // 2

    def _title_lines(self, entry: Entry) -> list[str]:
        return wrap(entry.title, self._fonts.normal, self._title_width, max_lines=3)

    def _entry_height(self, entry: Entry) -> int:
        return line_height(self._fonts.normal) * len(self._title_lines(entry)) + self._fonts.unit // 3

    def put(self, sheet: Sheet, x: int, y: int) -> None:
        """Draw heading and columns."""
        self._heading.put(sheet, x, y)
        for i, column in enumerate(self._columns):
            left, top = x + i * (self._column_width + self._gap), y + self._top
            for entry in column:
                self._put_entry(sheet, entry, left, top)
                top += self._entry_height(entry)

    def _put_entry(self, sheet: Sheet, entry: Entry, x: int, y: int) -> None:
        fonts = self._fonts
        line = line_height(fonts.normal)
        box = (x, y + line // 6, x + round(1.4 * fonts.unit), y + line - line // 6)
        if entry.color is None:
            sheet.image.paste(nodata_image(box[2] - box[0], box[3] - box[1]), box[:2])
            sheet.draw.rectangle(box, outline=OUTLINE)
        else:
            sheet.draw.rectangle(box, fill=entry.color, outline=OUTLINE)
        for i, text in enumerate(self._title_lines(entry)):
            sheet.text(x + self._indent, y + i * line, text, fonts.normal)
        right = x + self._column_width
        sheet.text(right - fonts.normal.getlength(entry.share), y, entry.share, fonts.normal)

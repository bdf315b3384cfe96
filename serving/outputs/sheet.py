"""Blocks of a picture: each knows its size before anything is drawn, so that nothing can overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from PIL import Image, ImageDraw

from serving.outputs.bearings import ScaleBar
from serving.outputs.typeface import Font, Typeface, line_height

type Color = tuple[int, int, int]

INK: Final[Color] = (32, 32, 32)
PALE_INK: Final[Color] = (88, 88, 88)
OUTLINE: Final[Color] = (120, 120, 120)
PAPER: Final[Color] = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Fonts:
    """One typeface in the sizes of a picture.

    Attributes:
        face: the typeface.
        unit: size of normal text, pixels; all distances follow it.
        small: for the lines at the foot.
        normal: for the legend.
        large: for the title.
    """

    face: Typeface
    unit: int
    small: Font
    normal: Font
    large: Font

    @classmethod
    def of(cls, face: Typeface, unit: int) -> Fonts:
        """All sizes for one unit."""
        return cls(face, unit, face.at(round(0.85 * unit)), face.at(unit), face.at(round(1.4 * unit)))


class Sheet:
    """The paper: a white image that remembers where text went."""

    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("RGB", (width, height), PAPER)
        self.draw = ImageDraw.Draw(self.image)
        self.texts: list[tuple[str, tuple[float, float, float, float]]] = []
        """Every line of text with its left, top, right and bottom."""

    def text(self, x: float, y: float, line: str, font: Font, ink: Color = INK) -> None:
        """Write one line with its upper left corner at (x, y)."""
        self.draw.text((x, y), line, font=font, fill=ink)
        self.texts.append((line, self.draw.textbbox((x, y), line, font=font)))


class Block(Protocol):
    """Something with a size that can be drawn anywhere."""

    @property
    def width(self) -> int:
        """Pixels across."""
        ...

    @property
    def height(self) -> int:
        """Pixels down."""
        ...

    def put(self, sheet: Sheet, x: int, y: int) -> None:
        """Draw with the upper left corner at (x, y)."""
        ...


@dataclass(frozen=True, slots=True)
class Column:
    """Blocks below each other."""

    blocks: tuple[Block, ...]
    gap: int

    @property
    def width(self) -> int:
        """Of the widest block."""
        return max(block.width for block in self.blocks)

    @property
    def height(self) -> int:
        """Of all blocks and the gaps between."""
        return sum(block.height for block in self.blocks) + self.gap * (len(self.blocks) - 1)

    def put(self, sheet: Sheet, x: int, y: int) -> None:
        """Draw from top to bottom."""
        for block in self.blocks:
            block.put(sheet, x, y)
            y += block.height + self.gap


@dataclass(frozen=True, slots=True)
class Row:
    """Blocks beside each other."""

    blocks: tuple[Block, ...]
    gap: int

    @property
    def width(self) -> int:
        """Of all blocks and the gaps between."""
        return sum(block.width for block in self.blocks) + self.gap * (len(self.blocks) - 1)

    @property
    def height(self) -> int:
        """Of the tallest block."""
        return max(block.height for block in self.blocks)

    def put(self, sheet: Sheet, x: int, y: int) -> None:
        """Draw from left to right."""
        for block in self.blocks:
            block.put(sheet, x, y)
            x += block.width + self.gap


@dataclass(frozen=True, slots=True)
class TextBlock:
    """Lines of text in one font."""

    lines: tuple[str, ...]
    font: Font
    ink: Color = INK

    @property
    def width(self) -> int:
        """Of the longest line."""
        return max((int(self.font.getlength(line)) + 1 for line in self.lines), default=0)

    @property
    def height(self) -> int:
        """Of all lines."""
        return line_height(self.font) * len(self.lines)

    def put(self, sheet: Sheet, x: int, y: int) -> None:
        """Write the lines below each other."""
        for i, line in enumerate(self.lines):
            sheet.text(x, y + i * line_height(self.font), line, self.font, self.ink)


@dataclass(frozen=True, slots=True)
class ImageBlock:
    """A picture in a thin frame."""

    image: Image.Image

    @property
    def width(self) -> int:
        """With the frame."""
        return self.image.width + 2

    @property
    def height(self) -> int:
        """With the frame."""
        return self.image.height + 2

    def put(self, sheet: Sheet, x: int, y: int) -> None:
        """Paste the picture and draw the frame."""
        sheet.image.paste(self.image, (x + 1, y + 1))
        sheet.draw.rectangle((x, y, x + self.width - 1, y + self.height - 1), outline=OUTLINE)


@dataclass(frozen=True, slots=True)
class ScaleBlock:
    """A north arrow and a scale bar beside each other, each only where it is true.

    Attributes:
        fonts: the fonts.
        north: letter of the arrow, or None without an arrow.
        bar: the scale bar, or None.
        label: length of the bar with its unit.
    """

    fonts: Fonts
    north: str | None
    bar: ScaleBar | None
    label: str

    @property
    def width(self) -> int:
        """Of arrow, bar and label."""
        bar = 0 if self.bar is None else round(self.bar.pixels + self.fonts.normal.getlength(self.label)) + self._gap
        return self._arrow_width + bar

    @property
    def height(self) -> int:
        """Of the arrow with its letter; none without arrow and bar."""
        if self.north is not None:
            return line_height(self.fonts.normal) + round(1.2 * self.fonts.unit)
        return line_height(self.fonts.normal) if self.bar is not None else 0

    @property
    def _gap(self) -> int:
        return self.fonts.unit // 2

    @property
    def _arrow_width(self) -> int:
        return 0 if self.north is None else 2 * self.fonts.unit

    def put(self, sheet: Sheet, x: int, y: int) -> None:
        """Draw arrow, bar and label."""
        if self.north is not None:
            self._put_arrow(sheet, x, y)
        if self.bar is not None:
            self._put_bar(sheet, self.bar, x + self._arrow_width, y + self.height - line_height(self.fonts.normal))

    def _put_arrow(self, sheet: Sheet, x: int, y: int) -> None:
        unit, letter = self.fonts.unit, self.north or ""
        middle = x + 0.5 * unit
        sheet.text(middle - self.fonts.normal.getlength(letter) / 2, y, letter, self.fonts.normal)
        top, bottom = y + line_height(self.fonts.normal), y + self.height
        notch = bottom - 0.35 * unit
        sheet.draw.polygon([(middle, top), (x + unit, bottom), (middle, notch), (x, bottom)], fill=INK)

    def _put_bar(self, sheet: Sheet, bar: ScaleBar, x: int, y: int) -> None:
        unit, line = self.fonts.unit, line_height(self.fonts.normal)
        right, middle = x + round(bar.pixels), y + line // 2
        tick = unit // 3
        sheet.draw.rectangle((x, middle - 1, right, middle + 1), fill=INK)
        for end in (x, right):
            sheet.draw.rectangle((end - 1, middle - tick, end, middle + tick), fill=INK)
        sheet.text(right + self._gap, y, self.label, self.fonts.normal)

"""Fonts for pictures: which one has the letters of a text, and how a text breaks into lines.

Pillow brings one font with the ASCII letters. Accents and Cyrillic come from a font of the machine, looked up by name
in the system's font folders; without one the caller falls back to English.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from PIL import ImageFont

type Font = ImageFont.FreeTypeFont

SYSTEM_FONTS: Final = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial.ttf", "arial.ttf")
"""Sans-serif fonts with Latin and Cyrillic letters, by the file names under which systems install them."""
_ABSENT: Final = "\uffff"  # never a letter: shows the font's box for missing glyphs
_ELLIPSIS: Final = "..."


@dataclass(frozen=True, slots=True)
class Typeface:
    """One font in any size.

    Attributes:
        name: file name of a system font, or None for the one that comes with Pillow.
    """

    name: str | None = None

    def at(self, size: float) -> Font:
        """The font at a size in pixels.

        Raises:
            OSError: the system has no such font, or Pillow was built without FreeType.
        """
        if self.name is not None:
            return ImageFont.truetype(self.name, size)
        font = ImageFont.load_default(size)
        if not isinstance(font, ImageFont.FreeTypeFont):
            raise OSError("Pillow was built without FreeType")
        return font

    def covers(self, text: str) -> bool:
        """Whether every letter of ``text`` has a glyph; False as well when the font is not there."""
        return not self.missing(text)

    def missing(self, text: str) -> set[str]:
        """The letters of ``text`` that have no glyph."""
        letters = {letter for letter in text if not letter.isspace()}
        try:
            font = self.at(24)
        except OSError:
            return letters
        box = _shape(font, _ABSENT)
        return {letter for letter in letters if _shape(font, letter) in {box, ((0, 0), b"")}}

    def settable(self, text: str) -> str:
        """``text`` with the letters it lacks reduced to their base letter, or to a question mark."""
        missing = self.missing(text)
        return "".join(self._nearest(letter) if letter in missing else letter for letter in text)

    def _nearest(self, letter: str) -> str:
        base = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
        return base if base and self.covers(base) else "?"


def typeface_for(texts: Iterable[str]) -> Typeface | None:
    """The first typeface that has all letters of all texts: Pillow's own, then those of the system; else None."""
    letters = "".join(texts)
    for name in (None, *SYSTEM_FONTS):
        face = Typeface(name)
        if face.covers(letters):
            return face
    return None


def line_height(font: Font) -> int:
    """Pixels from one line to the next."""
    ascent, descent = font.getmetrics()
    return round(1.15 * (ascent + descent))


def wrap(text: str, font: Font, width: float, *, max_lines: int) -> list[str]:
    """Break a text into lines.

    Words longer than a line (scene names have no spaces) break between letters. What does not fit ends in "...".

    Args:
        text: the text.
        font: its font.
        width: pixels a line may take.
        max_lines: most lines.
    """
    lines: list[str] = []
    rest = " ".join(text.split())
    while rest and len(lines) < max_lines:
        count = _fitting(rest, font, width)
        if count < len(rest) and len(lines) == max_lines - 1:
            count = _fitting(rest, font, width - font.getlength(_ELLIPSIS))
            lines.append(rest[:count].rstrip() + _ELLIPSIS)
            break
        space = rest.rfind(" ", 0, count + 1)
        if count < len(rest) and space > 0:
            count = space
        lines.append(rest[:count].rstrip())
        rest = rest[count:].lstrip()
    return lines


def _fitting(text: str, font: Font, width: float) -> int:
    """How many letters fit, at least one."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if font.getlength(text[:middle]) <= width:
            low = middle
        else:
            high = middle - 1
    return low


def _shape(font: Font, letter: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)

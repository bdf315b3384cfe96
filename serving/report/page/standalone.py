"""A map of a report as a picture that goes out by itself, with title, scale, north and legend drawn in.

No installation can be expected to have a typeface for Arabic or Chinese: there, and wherever letters are missing, the
picture has its scale bar and arrow only, and the words stay on the page.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PIL import Image

from indicators.codes import NODATA
from landcover.errors import WrongUse
from landcover.legends import Legend
from serving.outputs.bearings import ScaleBar
from serving.outputs.key import Entry, KeyBlock
from serving.outputs.quicklook import WIDE
from serving.outputs.sheet import Block, Column, Fonts, ImageBlock, Row, ScaleBlock, Sheet, TextBlock
from serving.outputs.typeface import Typeface, typeface_for, wrap
from serving.outputs.words import words_for as picture_words
from serving.report.page.data import MapPicture
from serving.report.page.words import Words

_TITLE_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class _Texts:
    face: Typeface
    title: str
    entries: Sequence[Entry]
    north: str
    km: str
    decimal: str


def standalone(picture: MapPicture, legend: Legend, words: Words, *, title: str, place: str) -> bytes:
    """A PNG with everything that it needs.

    Args:
        picture: the map of ``map_picture``.
        legend: its legend.
        words: language of the texts.
        title: what the map is of.
        place: of where.

    Returns:
        A PNG file; without title and legend where no typeface has the letters.
    """
    texts = _texts(legend, words, title, place)
    fonts = Fonts.of(texts.face, min(26, max(14, max(picture.width, picture.height) // 50)))
    with Image.open(io.BytesIO(picture.png)) as image:
        sheet = _composed(image.convert("RGB"), picture, texts, fonts)
    file = io.BytesIO()
    sheet.image.save(file, "PNG")
    return file.getvalue()


def _texts(legend: Legend, words: Words, title: str, place: str) -> _Texts:
    entries = [Entry(item.rgb, words.label(legend.id, item.code), "") for item in legend.classes]
    entries.append(Entry(None, words.label(legend.id, NODATA), ""))
    try:
        picture_words(words.language)
    except WrongUse:
        return _Texts(Typeface(), "", (), "N", "km", ".")
    own = words("pair", title, place)
    for given in (own, title):
        face = typeface_for([given, words("km"), words("north"), *(entry.title for entry in entries)])
        if face is not None:
            return _Texts(face, given, entries, words("north"), words("km"), words("decimal"))
    return _Texts(Typeface(), "", (), "N", "km", ".")


def _composed(image: Image.Image, picture: MapPicture, texts: _Texts, fonts: Fonts) -> Sheet:
    gap = fonts.unit
    framed: Block = Column((ImageBlock(image), _scale(picture, texts, fonts)), gap // 2)
    if texts.entries:
        beside = picture.width <= WIDE * picture.height
        key = KeyBlock((), texts.entries, fonts, most_width=None if beside else picture.width)
        framed = Row((framed, key), 2 * gap) if beside else Column((framed, key), gap)
    lines = wrap(texts.title, fonts.large, framed.width, max_lines=_TITLE_LINES)
    page: Block = Column((TextBlock(tuple(lines), fonts.large), framed), gap) if lines else framed
    sheet = Sheet(page.width + 2 * gap, page.height + 2 * gap)
    page.put(sheet, gap, gap)
    return sheet


def _scale(picture: MapPicture, texts: _Texts, fonts: Fonts) -> ScaleBlock:
    if picture.bar_km is None:
        return ScaleBlock(fonts, None, None, "")
    bar = ScaleBar(picture.bar_km, picture.bar_share * picture.width)
    label = f"{bar.km:.{bar.digits}f}".replace(".", texts.decimal)
    return ScaleBlock(fonts, texts.north if picture.north_up else None, bar, f"{label} {texts.km}")

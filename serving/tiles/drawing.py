"""Classes as pictures: tiles whose pixels are indices into a palette, and legends."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from landcover.labels import Language, title
from landcover.legends import Legend
from serving.outputs.key import Entry, KeyBlock
from serving.outputs.sheet import Fonts, Sheet
from serving.outputs.typeface import Typeface, typeface_for
from serving.outputs.words import words_for
from serving.tiles.matrix import SIDE

VERSION: Final = "1"
"""Changes whenever the same classes are drawn otherwise: tiles that clients keep are then fetched again."""

_BITS: Final = ((2, 1), (4, 2), (16, 4), (256, 8))
"""Colours that fit, and bits of a pixel."""

_EFFORT: Final = 6  # of DEFLATE: 9 takes three times as long for 2 % less
_UNIT: Final = 16  # pixels of text in a legend
_EDGE: Final = 12


def draw(index_HW: NDArray[np.uint8], legend: Legend) -> bytes:
    """A tile as PNG.

    Args:
        index_HW: class indices (row, col); 255 = no data, which is transparent.
        legend: of the classes.
    """
    height, width = index_HW.shape
    # The first colour of the palette is "nothing": 255 + 1 is 0 in eight bits, and then one byte says what is clear.
    image = Image.frombytes("P", (width, height), (index_HW + np.uint8(1)).tobytes())
    image.putpalette(_palette(legend))
    return _png(image, transparency=b"\0", bits=_bits(len(legend) + 1))


@cache
def empty() -> bytes:
    """A tile with nothing on it."""
    image = Image.new("P", (SIDE, SIDE))
    image.putpalette([0, 0, 0])
    return _png(image, transparency=b"\0", bits=1)


def draw_legend(legend: Legend, language: Language) -> bytes:
    """A legend as PNG: a swatch and a title for every class.

    Args:
        legend: the legend.
        language: of the titles; English where no typeface of this machine has its letters.

    Raises:
        WrongUse: when pictures cannot be had in that language.
    """
    words_for(language)
    titles = [title(legend.id, code, language) for code in legend.codes]
    face = typeface_for(titles)
    if face is None:
        face, titles = Typeface(), [entry.title for entry in legend.classes]
    lines = [Entry(entry.rgb, text, "") for entry, text in zip(legend.classes, titles, strict=True)]
    return _sheet(lines, Fonts.of(face, _UNIT))


def _sheet(lines: Sequence[Entry], fonts: Fonts) -> bytes:
    key = KeyBlock([], lines, fonts, most_width=None)
    sheet = Sheet(key.width + 2 * _EDGE, key.height + 2 * _EDGE)
    key.put(sheet, _EDGE, _EDGE)
    return _png(sheet.image)


def _palette(legend: Legend) -> list[int]:
    return [0, 0, 0, *(part for entry in legend.classes for part in entry.rgb)]


def _bits(colours: int) -> int:
    return next(bits for most, bits in _BITS if colours <= most)


def _png(image: Image.Image, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "PNG", compress_level=_EFFORT, **options)
    return buffer.getvalue()

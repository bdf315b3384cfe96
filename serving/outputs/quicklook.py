"""A picture of a class map: title, map, scale bar, legend with area shares, model and attribution. PNG, by Pillow.

The picture is made of blocks that know their size; the map decides where the legend goes: beside it, or below a map
much wider than tall.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from affine import Affine
from numpy.typing import NDArray
from PIL.PngImagePlugin import PngInfo

from indicators.areas import AreaTable
from landcover.grid import Grid
from landcover.labels import nodata_title
from landcover.legends import Legend
from serving.class_areas import class_titles
from serving.outputs.areas import km2_digits
from serving.outputs.bearings import ground_size, north_is_up, scale_bar
from serving.outputs.key import KeyBlock, entries
from serving.outputs.mapimage import display_size, map_image
from serving.outputs.sheet import PALE_INK, Block, Column, Fonts, ImageBlock, Row, ScaleBlock, Sheet, TextBlock
from serving.outputs.typeface import Typeface, typeface_for, wrap
from serving.outputs.words import ENGLISH, Subject, Words, words_for

_log = logging.getLogger(__name__)

WIDE: Final = 1.7
"""A map that is so many times wider than tall has its legend below."""
_LEAST_UNITS: Final = 32  # width of the content, so that a title fits above a narrow map
_TITLE_LINES: Final = 2
_FOOT_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Caption:
    """What is written around the map.

    Attributes:
        title: name of the scene; may be empty where there is a subject.
        date: date of the image, or of the first of several; None when not known.
        model: name and version of the model.
        attribution: for example "Contains modified Copernicus Sentinel data 2020", or None.
        subject: what the map is of, which the title then says, too; None = the title stands as it is.
        until: date of the last image, or None.
        unlike: whether an image is unlike anything that the model was trained on, which the picture then says.
    """

    title: str
    date: str | None
    model: str
    attribution: str | None
    subject: Subject | None = None
    until: str | None = None
    unlike: bool = False

    def worded(self, words: Words) -> Caption:
        """The caption with title and date in the words of a language."""
        return replace(
            self,
            title=words.title(self.subject, self.title) if self.subject else self.title,
            date=words.period.format(self.date, self.until) if self.date and self.until else self.date,
            subject=None,
            until=None,
        )


@dataclass(frozen=True, slots=True)
class _Texts:
    """All texts of a picture in the language that could be set."""

    face: Typeface
    words: Words
    caption: Caption
    class_titles: Mapping[int, str]
    nodata: str


def render_quicklook(
    codes_HW: NDArray[Any],
    grid: Grid,
    table: AreaTable,
    legend: Legend,
    *,
    caption: Caption,
    language: str = "en",
) -> bytes:
    """Draw a class map.

    Codes and grid may be a decimated version of the map (``Decimator``, or an overview of the COG); the shares come
    from the table of the whole map. The scale holds at the centre of the map, along its rows.

    Args:
        codes_HW: class codes (row, col), of an integer type; nodata is that of the table.
        grid: grid of ``codes_HW``. A south-up grid is turned over; other rotations are shown as stored, without a
            north arrow.
        table: areas of the map.
        legend: legend of the codes.
        caption: what is written around the map.
        language: en, es, fr or ru. English where no font of the machine has the letters.

    Returns:
        A PNG file.

    Raises:
        ConfigError: pictures cannot be had in that language.
        UnmappedCodes: codes that the legend does not have.
    """
    sheet = compose(codes_HW, grid, table, legend, caption=caption, language=language)
    info = PngInfo()
    for key, text in (
        ("Title", caption.worded(ENGLISH).title),
        ("Source", caption.model),
        ("Copyright", caption.attribution),
        ("Warning", ENGLISH.unlike if caption.unlike else None),
    ):
        if text:
            info.add_itxt(key, text)
    file = io.BytesIO()
    sheet.image.save(file, "PNG", pnginfo=info)
    return file.getvalue()


def compose(
    codes_HW: NDArray[Any],
    grid: Grid,
    table: AreaTable,
    legend: Legend,
    *,
    caption: Caption,
    language: str = "en",
) -> Sheet:
    """The picture before it becomes a file; arguments and errors as in ``render_quicklook``."""
    codes_HW, grid = _north_up(codes_HW, grid)
    ground = ground_size(grid)
    size = display_size(codes_HW.shape[0], codes_HW.shape[1], ground)
    picture = ImageBlock(map_image(codes_HW, legend, table.nodata_code, size))
    texts = _texts(table, caption, language)
    fonts = Fonts.of(texts.face, min(26, max(16, max(size) // 55)))
    metres_per_pixel = None if ground is None else ground[0] * codes_HW.shape[1] / size[1]
    scale = _scale(fonts, texts.words, grid, metres_per_pixel, size[1])
    lines = entries(table, legend, texts.words, texts.class_titles.__getitem__, nodata_title=texts.nodata)
    area = f"{texts.words.number(table.valid_area_km2, km2_digits(table.valid_area_km2))} {texts.words.km2}"
    heading = (texts.words.mapped_area, area)
    beside = picture.width <= WIDE * picture.height
    least = _LEAST_UNITS * fonts.unit
    key = KeyBlock(heading, lines, fonts, most_width=None if beside else max(picture.width, least))
    gap = fonts.unit
    framed = Column((picture, scale) if scale.height else (picture,), gap // 2)
    body: Block = Row((framed, key), 2 * gap) if beside else Column((framed, key), gap)
    content = max(least, body.width)
    page = Column((_head(texts, fonts, content), body, _foot(texts, fonts, content)), gap)
    margin = round(1.2 * gap)
    sheet = Sheet(content + 2 * margin, page.height + 2 * margin)
    page.put(sheet, margin, margin)
    return sheet


def _north_up(codes_HW: NDArray[Any], grid: Grid) -> tuple[NDArray[Any], Grid]:
    """A south-up map turned over; others as they are."""
    t = grid.transform
    if t.b or t.d or t.a < 0 or t.e < 0:
        return codes_HW, grid
    turned = t @ Affine.translation(0, grid.height) @ Affine.scale(1, -1)
    return codes_HW[::-1], Grid(grid.crs, turned, grid.height, grid.width)


def _texts(table: AreaTable, caption: Caption, language: str) -> _Texts:
    """Texts in the wanted language when a font has its letters, else in English with the nearest letters."""
    wanted = words_for(language)
    for words in (wanted,) if wanted is ENGLISH else (wanted, ENGLISH):
        titles, nodata = class_titles(table, words.language), nodata_title(words.language)
        if words is not wanted:
            _log.warning("no font of this machine has the letters of %r; the picture is in English", language)
        worded = caption.worded(words)
        own = (worded.title, worded.date or "", worded.model, worded.attribution or "")
        for given in (own, ()):  # a name in another script must not change the language of the picture
            face = typeface_for((*_letters(words), *titles.values(), nodata, *given))
            if face is not None:
                return _Texts(face, words, _settable(worded, face), titles, nodata)
    face = Typeface()
    titles = {code: face.settable(text) for code, text in class_titles(table, ENGLISH.language).items()}
    return _Texts(face, ENGLISH, _settable(caption.worded(ENGLISH), face), titles, nodata_title())


def _letters(words: Words) -> tuple[str, ...]:
    fixed = words.mapped_area, words.share_of_map, words.model, words.unlike, words.km, words.km2, words.north
    return (*fixed, *words.subjects.values(), words.place, words.period)


def _settable(caption: Caption, face: Typeface) -> Caption:
    return replace(
        caption,
        title=face.settable(caption.title),
        date=None if caption.date is None else face.settable(caption.date),
        model=face.settable(caption.model),
        attribution=None if caption.attribution is None else face.settable(caption.attribution),
    )


def _scale(fonts: Fonts, words: Words, grid: Grid, metres_per_pixel: float | None, map_width: int) -> ScaleBlock:
    north = words.north if metres_per_pixel is not None and north_is_up(grid) else None
    if metres_per_pixel is None:
        return ScaleBlock(fonts, None, None, "")
    bar = scale_bar(metres_per_pixel, min(16 * fonts.unit, max(6 * fonts.unit, 0.3 * map_width)))
    return ScaleBlock(fonts, north, bar, f"{words.number(bar.km, bar.digits)} {words.km}")


def _head(texts: _Texts, fonts: Fonts, width: int) -> Block:
    title_lines = wrap(texts.caption.title, fonts.large, width, max_lines=_TITLE_LINES)
    date_lines = wrap(texts.caption.date or "", fonts.normal, width, max_lines=1)
    unlike_lines = wrap(texts.words.unlike if texts.caption.unlike else "", fonts.normal, width, max_lines=_TITLE_LINES)
    blocks = (
        TextBlock(tuple(title_lines), fonts.large),
        TextBlock(tuple(date_lines), fonts.normal, PALE_INK),
        TextBlock(tuple(unlike_lines), fonts.normal),
    )
    return Column(blocks, 0)


def _foot(texts: _Texts, fonts: Fonts, width: int) -> Block:
    lines = wrap(f"{texts.words.model} {texts.caption.model}", fonts.small, width, max_lines=_FOOT_LINES)
    if texts.caption.attribution:
        lines += wrap(texts.caption.attribution, fonts.small, width, max_lines=_FOOT_LINES)
    return TextBlock(tuple(lines), fonts.small, PALE_INK)

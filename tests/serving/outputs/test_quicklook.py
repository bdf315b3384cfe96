"""Pictures: nothing overlaps, colours and shares are the map's, lengths are true on the ground."""

from __future__ import annotations

import dataclasses
import io
import itertools

import numpy as np
import pytest
from affine import Affine
from PIL import Image
from pyproj import CRS

from landcover.errors import ConfigError, UnmappedCodes
from landcover.grid import Grid
from landcover.legends import get_legend
from serving.outputs import typeface
from serving.outputs.mapimage import MAX_SIDE
from serving.outputs.quicklook import Caption, compose, render_quicklook
from serving.outputs.words import words_for
from tests.serving.outputs import maps

CAPTION = Caption("T36SYC", "2017-10-03", "demo 0.1.0", "Contains modified Copernicus Sentinel data 2017")
SHAPES = {
    "square": maps.utm(300, 300),
    "wide": maps.utm(40, 1600),
    "very-wide": maps.utm(3, 1600),
    "tall": maps.utm(1600, 40),
    "very-tall": maps.utm(1600, 3),
    "tiny": maps.utm(30, 40),
    "one-pixel": maps.utm(1, 1),
    "high-latitude": maps.geographic(200, 300, north=72),
    "world": Grid(CRS.from_epsg(4326), Affine(1, 0, -180, 0, -1, 90), 180, 360),
}


def sheet_of(grid, codes=None, legend=maps.LEGEND, caption=CAPTION, language="en"):
    codes = maps.patches(grid.height, grid.width) if codes is None else codes
    return compose(codes, grid, maps.areas(grid, codes, legend), legend, caption=caption, language=language)


def lines(sheet):
    return [line for line, _ in sheet.texts]


def assert_tidy(sheet):
    width, height = sheet.image.size
    for line, (left, top, right, bottom) in sheet.texts:
        assert left >= 0, line
        assert top >= 0, line
        assert right <= width, line
        assert bottom <= height, line
    for (one, a), (other, b) in itertools.combinations(sheet.texts, 2):
        apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        assert apart, (one, other)


@pytest.mark.parametrize("name", SHAPES)
def test_no_text_overlaps_or_leaves_the_picture(name):
    sheet = sheet_of(SHAPES[name])
    assert_tidy(sheet)
    assert {"T36SYC", "2017-10-03", "Mapped area (pixel count)", "Model: demo 0.1.0"} <= set(lines(sheet))


@pytest.mark.parametrize(("height", "width"), [(300, 300), (60, 500), (500, 60)])
def test_long_legends_and_long_names_are_tidy(height, width):
    legend = get_legend("esa-cci")
    codes = maps.patches(height, width, codes=[*legend.codes, 255], side=5)
    name = "S2A_MSIL1C_20171003T082001_N0205_R121_T36SYC_" * 6
    caption = Caption(name, "2017-10-03", "m" * 300, "Contains modified Copernicus Sentinel data " * 30)
    assert_tidy(sheet_of(maps.utm(height, width), codes, legend, caption))


def test_long_legends_show_only_what_is_on_the_map():
    legend = get_legend("esa-cci")
    sheet = sheet_of(maps.utm(40, 40), maps.patches(40, 40, codes=(50, 210)), legend)
    assert "Water bodies" in lines(sheet)
    assert "Urban areas" not in lines(sheet)


def test_shares():
    codes = np.full((100, 200), 7, np.uint8)
    codes[:50] = 1
    codes[0, :4] = 3
    codes[-1] = 255
    text = lines(sheet_of(maps.utm(100, 200), codes))
    assert text[text.index("Tree-covered areas") + 1] == "50.5 %"
    assert text[text.index("Cropland") + 1] == "<0.1 %"
    assert text[text.index("Wetland") + 1] == "0 %"
    assert text[text.index("No data (share of map)") + 1] == "1.0 %"


def test_nodata_has_an_entry_only_when_there_is_some():
    codes = np.full((30, 40), 7, np.uint8)
    text = lines(sheet_of(maps.utm(30, 40), codes))
    assert not any(line.startswith("No data") for line in text)
    assert text[text.index("Water bodies") + 1] == "100 %"


def map_pixels(sheet, size):
    """The map inside its frame: the frame starts at the margin, below title and date."""
    unit_margin = int(sheet.texts[0][1][0])
    image = np.asarray(sheet.image)
    top = next(y for y in range(10, len(image)) if tuple(image[y, unit_margin + 30]) == (120, 120, 120))
    left = next(x for x in range(image.shape[1]) if tuple(image[top, x]) == (120, 120, 120))
    return image[top + 1 : top + 1 + size[0], left + 1 : left + 1 + size[1]]


def test_colours_are_the_legends_and_small_maps_grow_by_whole_numbers():
    codes = maps.patches(30, 40, codes=(1, 2, 3, 4, 5, 6, 7), side=7)
    shown = map_pixels(sheet_of(maps.utm(30, 40), codes), (480, 640))
    colors = np.array([maps.LEGEND.by_code(int(code)).rgb for code in codes.ravel()], np.uint8).reshape(30, 40, 3)
    np.testing.assert_array_equal(shown, colors.repeat(16, axis=0).repeat(16, axis=1))


def test_colours_of_negative_codes():
    legend = get_legend("degradation3")
    codes = np.random.default_rng(0).choice(np.array([-1, 0, 1, -32768], np.int16), (30, 40))
    shown = map_pixels(sheet_of(maps.utm(30, 40), codes, legend), (480, 640))[::16, ::16]
    for land in legend.classes:
        np.testing.assert_array_equal((shown == land.rgb).all(axis=2), codes == land.code)


def test_south_up_maps_are_turned_over():
    grid = maps.utm(30, 40)
    upside = Grid(grid.crs, grid.transform @ Affine.translation(0, 30) @ Affine.scale(1, -1), 30, 40)
    codes = maps.patches(30, 40)
    table = maps.areas(grid, codes)
    one = render_quicklook(codes, grid, table, maps.LEGEND, caption=CAPTION)
    other = render_quicklook(codes[::-1], upside, table, maps.LEGEND, caption=CAPTION)
    assert one == other


def test_png():
    grid = maps.utm(64, 64)
    codes = maps.patches(64, 64)
    data = render_quicklook(codes, grid, maps.areas(grid, codes), maps.LEGEND, caption=CAPTION)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.format == "PNG"
        assert image.info["Title"] == "T36SYC"
        assert image.info["Copyright"] == CAPTION.attribution


def test_big_arrays_are_kept_to_size():
    sheet = sheet_of(maps.utm(10, 4000))
    assert sheet.image.width < 1.1 * MAX_SIDE


def test_without_date_and_attribution():
    sheet = sheet_of(maps.utm(30, 40), caption=Caption("scene", None, "demo 0.1.0", None))
    assert_tidy(sheet)
    assert lines(sheet)[-1] == "Model: demo 0.1.0"


@pytest.fixture
def no_system_fonts(monkeypatch):
    monkeypatch.setattr(typeface, "SYSTEM_FONTS", ("no such font.ttf",))


@pytest.mark.usefixtures("no_system_fonts")
@pytest.mark.parametrize("language", ["fr", "es", "ru"])
def test_english_where_no_font_has_the_letters(language):
    place = dataclasses.replace(CAPTION, subject="land degradation", until="2019-01-31")
    sheet = sheet_of(maps.utm(30, 40), language=language, caption=place)
    assert "Tree-covered areas" in lines(sheet)
    assert {"Land degradation of T36SYC", "2017-10-03 to 2019-01-31"} <= {*lines(sheet)}


@pytest.mark.usefixtures("no_system_fonts")
def test_names_that_cannot_be_set_are_brought_near():
    sheet = sheet_of(maps.utm(30, 40), caption=Caption("Forêt 森林", None, "demo 0.1.0", None))
    assert lines(sheet)[0] == "Foret ??"


@pytest.mark.parametrize(
    ("language", "title", "trees"),
    [
        ("fr", "Couverture terrestre : T36SYC", "Zones arborées"),
        ("es", "Cobertura terrestre: T36SYC", "Áreas arboladas"),
        ("ru", "Земной покров: T36SYC", "Участки, покрытые деревьями"),
    ],
)
def test_other_languages_where_a_font_has_the_letters(language, title, trees):
    sheet = sheet_of(maps.utm(100, 100), language=language, caption=dataclasses.replace(CAPTION, subject="land cover"))
    assert_tidy(sheet)
    drawn = " ".join(" ".join(lines(sheet)).split())
    own = typeface.typeface_for([title, trees]) is not None
    assert (title in drawn, trees in drawn) == (own, own)
    assert ("Land cover of T36SYC" in drawn) != own


def test_refusals():
    grid = maps.utm(30, 40)
    codes = maps.patches(30, 40)
    table = maps.areas(grid, codes)
    with pytest.raises(ConfigError, match="language"):
        render_quicklook(codes, grid, table, maps.LEGEND, caption=CAPTION, language="tlh")
    with pytest.raises(UnmappedCodes, match="99"):
        render_quicklook(np.full_like(codes, 99), grid, table, maps.LEGEND, caption=CAPTION)


@pytest.mark.parametrize("language", ["en", "es", "fr", "ru"])
@pytest.mark.parametrize("name", ["square", "tiny", "very-tall"])
def test_a_picture_says_that_its_image_is_strange(name, language):
    """A picture goes around without the tags and headers that say it, too."""
    plain = sheet_of(SHAPES[name], language=language)
    sheet = sheet_of(SHAPES[name], caption=dataclasses.replace(CAPTION, unlike=True), language=language)
    assert_tidy(sheet)
    assert "".join(words_for(language).unlike.split()) in "".join("".join(lines(sheet)).split())
    assert sheet.image.size[1] > plain.image.size[1]

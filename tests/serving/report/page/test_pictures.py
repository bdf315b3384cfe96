"""The maps: official colours and nothing else, outlines in their place, white outside."""

from __future__ import annotations

import io

import numpy as np
import pytest
from affine import Affine
from PIL import Image

from indicators.codes import NODATA, OUTSIDE
from landcover.errors import UnmappedCodes
from landcover.grid import Grid
from landcover.legends import get_legend
from serving.outputs.typeface import Typeface
from serving.report.page import standalone as module
from serving.report.page.pictures import map_picture
from serving.report.page.standalone import standalone
from serving.report.page.words import words_for
from tests.serving.outputs import maps

LEGEND = get_legend("unccd7")
GRID = maps.utm(20, 30)


def pixels(png):
    with Image.open(io.BytesIO(png)) as image:
        return np.array(image.convert("RGB"))


def test_colours_are_official():
    codes = np.repeat(np.arange(1, 8, dtype=np.int16), 5)[None, :].repeat(20, axis=0)[:, :30]
    codes[:5, :5] = OUTSIDE
    picture = map_picture(codes, GRID, LEGEND)
    rgb = pixels(picture.png)
    assert rgb.shape == (picture.height, picture.width, 3)
    scale = picture.width // 30
    assert tuple(rgb[0, 0]) == (255, 255, 255)
    for code in range(1, 7):
        assert tuple(rgb[-1, (5 * code - 3) * scale]) == LEGEND.by_code(code).rgb
    found = {tuple(color) for color in rgb.reshape(-1, 3)}
    assert found == {(255, 255, 255), *(LEGEND.by_code(code).rgb for code in range(1, 7))}


@pytest.mark.parametrize("missing", [NODATA, 255])
def test_no_data_is_hatched(missing):
    codes = np.full((20, 30), missing, np.int16)
    colors = {tuple(color) for color in pixels(map_picture(codes, GRID, LEGEND).png).reshape(-1, 3)}
    assert colors == {(224, 224, 224), (176, 176, 176)}


def test_degradation():
    codes = np.array([[-1, 0, 1, NODATA]], np.int16).repeat(4, axis=0)
    rgb = pixels(map_picture(codes, maps.utm(4, 4), get_legend("degradation3")).png)
    step = rgb.shape[1] // 4
    assert [tuple(rgb[2, i * step + 3]) for i in range(3)] == [(0x9B, 0x27, 0x79), (255, 255, 0xE0), (0, 0x65, 0)]


def test_bytes_without_the_code_255():
    codes = np.full((20, 30), 3, np.uint8)
    codes[0] = 255
    assert tuple(pixels(map_picture(codes, GRID, LEGEND).png)[-1, 0]) == LEGEND.by_code(3).rgb


def test_unknown_codes_are_refused():
    with pytest.raises(UnmappedCodes, match="9"):
        map_picture(np.full((20, 30), 9, np.int16), GRID, LEGEND)


def test_outline_lies_where_the_area_is():
    codes = np.full((20, 30), 2, np.int16)
    x, y = np.array([50.0, 250.0, 250.0, 50.0]), np.array([-50.0, -50.0, -150.0, -150.0])
    ring = np.column_stack([500_000 + x, 4_000_000 + y])
    picture = map_picture(codes, GRID, LEGEND, outlines=[ring])
    assert picture.outlined
    rgb = pixels(picture.png)
    dark = np.argwhere((rgb == 32).all(axis=2))
    scale = picture.width / 30
    top, left = dark.min(axis=0)
    bottom, right = dark.max(axis=0)
    assert (top, left, bottom, right) == pytest.approx((5 * scale, 5 * scale, 15 * scale, 25 * scale), abs=2)


def test_south_up_is_turned_over():
    codes = np.full((20, 30), 2, np.int16)
    codes[0] = 1  # the southernmost row
    grid = Grid(GRID.crs, Affine(10, 0, 500_000, 0, 10, 3_999_800), 20, 30)
    picture = map_picture(codes, grid, LEGEND)
    assert tuple(pixels(picture.png)[-1, 0]) == LEGEND.by_code(1).rgb
    assert picture.north_up


def test_scale_bar_is_true():
    picture = map_picture(np.full((20, 30), 2, np.int16), GRID, LEGEND)
    assert picture.bar_km == pytest.approx(0.05)
    assert picture.bar_share * 0.3 == pytest.approx(picture.bar_km, rel=1e-3)


def test_big_maps_are_reduced():
    picture = map_picture(np.full((30, 4000), 2, np.int16), maps.utm(30, 4000), LEGEND)
    assert max(picture.width, picture.height) == 1000


@pytest.mark.parametrize("language", ["en", "ru", "ar"])
def test_standalone(language):
    picture = map_picture(np.full((20, 30), 2, np.int16), GRID, LEGEND)
    words = words_for(language)
    rgb = pixels(standalone(picture, LEGEND, words, title=words("cover_in", 2015), place="Алтай"))
    colors = {tuple(color) for color in np.unique(rgb.reshape(-1, 3), axis=0).tolist()}
    with_legend = LEGEND.by_code(7).rgb in colors
    assert LEGEND.by_code(2).rgb in colors
    if language == "ar":
        assert not with_legend
    if language == "en":
        assert with_legend


def test_standalone_without_typefaces(monkeypatch):
    """No letter of the machine: the map with its scale stays."""
    monkeypatch.setattr(module, "typeface_for", lambda _: None)
    picture = map_picture(np.full((20, 30), 2, np.int16), GRID, LEGEND)
    rgb = pixels(standalone(picture, LEGEND, words_for("ru"), title="т", place="ѣ"))
    assert rgb.shape[1] < picture.width + 80
    monkeypatch.setattr(module, "typeface_for", lambda texts: Typeface() if "ѣ" not in "".join(texts) else None)
    assert pixels(standalone(picture, LEGEND, words_for("ru"), title="т", place="ѣ")).shape[1] > picture.width + 80

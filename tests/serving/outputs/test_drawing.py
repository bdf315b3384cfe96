"""The parts of a picture: scale, north, size of the map, letters and line breaks, words."""

from __future__ import annotations

import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS, Geod, Transformer

from landcover.errors import ConfigError
from landcover.grid import Grid
from serving.outputs.bearings import ground_size, north_is_up, scale_bar
from serving.outputs.key import share_text
from serving.outputs.mapimage import MAX_SIDE, display_size
from serving.outputs.typeface import Typeface, typeface_for, wrap
from serving.outputs.words import ENGLISH, words_for
from tests.serving.outputs import maps


@given(
    metres=st.floats(1e-3, 1e5),
    room=st.floats(50, 500),
)
def test_scale_bar_is_round_fits_and_is_true(metres, room):
    bar = scale_bar(metres, room)
    assert bar.pixels <= room * (1 + 1e-6)
    assert bar.pixels * 2.5 >= room * (1 - 1e-6)
    assert bar.pixels * metres == pytest.approx(bar.km * 1000)
    shown = float(f"{bar.km:.{bar.digits}f}")
    assert shown == pytest.approx(bar.km)
    assert f"{bar.km:e}"[0] in "125"


@pytest.mark.parametrize(
    "grid",
    [
        maps.utm(100, 200),
        maps.geographic(100, 200, north=60),
        maps.geographic(100, 200, west=179.9),
        Grid(CRS.from_epsg(3857), Affine(100, 0, 0, 0, -100, 8_400_000), 100, 200),
        Grid(CRS.from_epsg(3031), Affine(100, 0, 1e6, 0, -100, 5e5), 100, 200),
        Grid(CRS.from_epsg(2227), Affine(30, 0, 6e6, 0, -30, 2.1e6), 100, 200),
    ],
    ids=["utm", "geographic", "antimeridian", "mercator", "polar", "feet"],
)
def test_a_bar_across_the_centre_is_as_long_as_it_says(grid):
    across, _ = ground_size(grid)
    bar = scale_bar(across, 60)
    ends = [grid.transform @ (100 + side * bar.pixels / 2, 50) for side in (-1, 1)]
    to_lonlat = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    (lon, lat), (lon2, lat2) = (to_lonlat.transform(*end) for end in ends)
    assert Geod(ellps="WGS84").inv(lon, lat, lon2, lat2)[2] == pytest.approx(bar.km * 1000, rel=2e-3)


def test_no_scale_off_the_earth():
    crs = CRS.from_proj4("+proj=geos +h=35785831 +type=crs")
    assert ground_size(Grid(crs, Affine(10, 0, 9e6, 0, -10, 9e6), 10, 10)) is None


def test_north():
    assert north_is_up(maps.utm(50, 50))
    assert north_is_up(maps.geographic(50, 50))
    assert not north_is_up(Grid(CRS.from_epsg(32636), Affine(10, 0, 5e5, 0, 10, 4e6), 50, 50))
    assert not north_is_up(Grid(CRS.from_epsg(32636), Affine(8, 6, 5e5, 6, -8, 4e6), 50, 50))
    assert not north_is_up(Grid(CRS.from_epsg(3031), Affine(10, 0, 1e6, 0, -10, 5e5), 50, 50))


@given(
    height=st.integers(1, 3000),
    width=st.integers(1, 3000),
    ratio=st.floats(0.2, 5),
)
def test_pixels_have_their_shape_on_the_ground(height, width, ratio):
    tall, wide = display_size(height, width, (1.0, ratio))
    assert 1 <= max(tall, wide) <= MAX_SIDE
    if min(tall, wide) > 100 and 0.25 <= ratio <= 4 and not 0.98 < ratio < 1.02:
        assert (tall / height) / (wide / width) == pytest.approx(ratio, rel=0.02)


def test_sizes_of_small_and_large_maps():
    assert display_size(30, 40, (10, 10)) == (480, 640)
    assert display_size(500, 600, (10, 10.1)) == (500, 600)
    assert display_size(1600, 1600, (5, 10)) == (1600, 800)
    assert display_size(6, 1600, None) == (6, 1600)


@given(text=st.text(alphabet="abc de_", max_size=80), width=st.integers(30, 300), most=st.integers(1, 4))
def test_wrapped_lines_fit(text, width, most):
    font = Typeface().at(16)
    lines = wrap(text, font, width, max_lines=most)
    assert len(lines) <= most
    assert all(font.getlength(line) <= width or len(line) <= 4 for line in lines)
    if not lines or not lines[-1].endswith("..."):
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_letters_of_the_own_font():
    own = Typeface()
    assert own.covers("Tree-covered areas 12.3 % <0.1 %\n")
    assert own.missing("Zones arborées") == {"é"}
    assert own.settable("arborées, km², Σ") == "arborees, km2, ?"
    assert Typeface("no such font.ttf").missing("a b") == {"a", "b"}
    assert typeface_for(["plain"]) == own
    assert typeface_for(["\ue000"]) is None  # private use: no text font draws it


def test_numbers_in_words():
    assert ENGLISH.number(1234567.891, 2) == "1,234,567.89"
    assert words_for("fr").number(1234.5, 1) == "1\N{NO-BREAK SPACE}234,5"
    assert words_for("ru-RU").language == "ru"
    for language in ("ar", "zh"):
        with pytest.raises(ConfigError, match=r"drawn in the language '(ar|zh)': .* choose one of en, fr, es"):
            words_for(language)


@pytest.mark.parametrize(
    ("percent", "text"),
    [(0, "0 %"), (0.01, "<0.1 %"), (0.06, "0.1 %"), (33.33, "33.3 %"), (99.97, ">99.9 %"), (100, "100 %")],
)
def test_shares_in_words(percent, text):
    assert share_text(percent, ENGLISH) == text

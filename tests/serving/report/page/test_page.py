"""The page: well formed, safe, true to its data, in six languages, and by itself."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from functools import cache

import pytest

from indicators.codes import NODATA
from landcover.errors import ConfigError
from landcover.labels import LANGUAGES, nodata_title, process_title, title
from serving.report.page.conditions import Conditions
from serving.report.page.data import Assumption, Finding, Input, Notice, Spot, Zone
from serving.report.page.figures import Figures
from serving.report.page.render import page, policy
from serving.report.page.words import words_for
from tests.serving.report.page import country
from tests.serving.report.page.reading import Reader


@cache
def read(language):
    html = page(country.page_data(), language)
    return html, Reader(html)


@pytest.mark.parametrize("language", LANGUAGES)
def test_is_well_formed(language):
    html, reader = read(language)
    assert html.startswith("<!DOCTYPE html>")
    assert ("html", "lang", language) in reader.attributes
    assert ("html", "dir", "rtl" if language == "ar" else "ltr") in reader.attributes
    ids = [value for _, name, value in reader.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    referred = [value for _, name, value in reader.attributes if name == "aria-labelledby"]
    referred += [value[1:] for _, name, value in reader.attributes if name == "href"]
    assert set(referred) <= set(ids)


@pytest.mark.parametrize("language", LANGUAGES)
def test_loads_and_runs_nothing(language):
    html, reader = read(language)
    assert not {"script", "link", "iframe", "object", "embed", "form", "base"} & set(reader.tags)
    for tag, name, value in reader.attributes:
        assert not name.startswith("on")
        assert name != "style"  # the policy would refuse it
        if name in {"src", "srcset", "data", "poster", "action"}:
            assert (tag, name) == ("img", "src")
            assert value.startswith("data:image/png;base64,")
        if name in {"href", "xlink:href"}:
            assert value.startswith("#")
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL).group(1)
    assert "url(" not in style
    assert "@import" not in style


def test_policy_names_the_style_sheet():
    html, reader = read("en")
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    contents = [value for tag, name, value in reader.attributes if (tag, name) == ("meta", "content")]
    stated = next(value for value in contents if "src" in value)
    assert f"style-src 'sha256-{digest}'" in stated
    assert stated.startswith("default-src 'none'")
    assert policy(html).startswith(stated)
    with pytest.raises(ConfigError, match="no page"):
        policy("<p>")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_english_is_left(language):
    if language == "en":
        return
    _, reader = read(language)
    own, english = words_for(language), words_for("en")
    text = "\n".join(reader.texts)
    for key, value in english.texts.items():
        for part in (piece.strip(" ,:.()%†\u2212+0") for piece in value.split("{}")):
            if len(part) < 4 or part in own.texts[key] or part in {"ltr", "Steppe", "SHA-256"}:
                continue
            assert not re.search(rf"\b{re.escape(part)}\b", text), f"{key}: {part!r} is English"


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_come_from_the_labels(language):
    text = "\n".join(read(language)[1].texts)
    for code in range(1, 8):
        assert title("unccd7", code, language) in text
    for code in range(1, 6):
        assert title("lpd5", code, language) in text
    assert nodata_title(language) in text
    assert process_title("Vegetation loss", language) in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_are_those_of_the_data(language):
    data = country.page_data()
    figures = Figures(words_for(language))
    _, reader = read(language)
    matrix = reader.tables[0]
    for row, code in zip(matrix[1:-1], data.cover.codes, strict=True):
        for cell, final in zip(row[1:-1], data.cover.codes, strict=True):
            km2 = sum(flow.km2 for flow in data.cover.of(code, final))
            shown = cell.lstrip("\u2212+0±") if km2 else cell
            assert shown.removesuffix("†") == figures.number(km2) or km2 == 0
        assert row[-1] == figures.number(data.cover.before(code))
    assert matrix[-1][1:-1] == [figures.number(data.cover.after(code)) for code in data.cover.codes]
    processes = reader.tables[1][1:]
    changes = list(data.cover.changes())
    assert [row[4] for row in processes] == [figures.number(change.km2) for change in changes]
    assert [row[5] for row in processes] == [figures.number(100 * change.km2 / data.land_km2) for change in changes]
    extents = reader.tables[2][1:-1]
    assert [row[1] for row in extents] == [figures.number(data.cover.before(code)) for code in data.cover.codes]
    assert [row[3] for row in extents] == [
        figures.signed(data.cover.after(code) - data.cover.before(code)) for code in data.cover.codes
    ]


def test_signs_and_doubts_are_marked():
    matrix = read("en")[1].tables[0]
    assert matrix[2][1].startswith("+")  # grassland to trees
    assert matrix[1][2].startswith("\u2212")  # trees to grassland
    assert matrix[4][1].endswith("†")  # wetland to trees is unlikely
    assert matrix[7][1].startswith("0")  # water to anything


def test_mapped_areas_are_not_called_estimates():
    bare = country.page_data(headline=dataclasses.replace(country.page_data().headline, estimates={}))
    text = " ".join(Reader(page(bare)).texts)
    assert "mapped area (pixel count)" in text
    assert "estimate" not in text
    with_sample = " ".join(read("en")[1].texts)
    assert "±" in with_sample
    assert "estimate from a sample, with its 95 % confidence interval" in with_sample


HOSTILE = '<script>alert("x")</script>\'"&<b>'


def test_hostile_names_are_escaped():
    data = country.page_data(
        areas=(HOSTILE,),
        products=(HOSTILE,),
        method=HOSTILE,
        citation=HOSTILE,
        licence=HOSTILE,
        software=HOSTILE,
        zones=(
            Zone(HOSTILE, 1, Conditions(0, 1, 0, 0, 1)),
            Zone("b", 1, Conditions(0, 1, 0, 0, 1)),
        ),
        spots=(Spot("hotspot", HOSTILE, 1, (HOSTILE,), 0, 0),),
        assumptions=(Assumption(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
        notices=(Notice(HOSTILE, HOSTILE),),
        findings=(Finding(HOSTILE, "error", HOSTILE),),
        inputs=(Input(HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
    )
    html = page(data)
    assert "<script" not in html
    assert "<b>'" not in html
    assert html.count("&lt;script&gt;") > 10
    Reader(html)


def test_braces_in_names_are_no_templates():
    html = page(country.cover_only(areas=("{{ 7 * 7 }} {0}",)), "fr")
    assert "{{ 7 * 7 }} {0}" in html


def test_land_cover_alone_leaves_the_other_sections_out():
    html = page(country.cover_only())
    reader = Reader(html)
    assert "img" not in reader.tags
    ids = {value for _, name, value in reader.attributes if name == "id"}
    assert not ids & {"maps", "productivity", "carbon", "indicator", "zones", "spots", "checks", "notices"}
    assert "Judged by land-cover change alone" in html


def test_no_change_at_all():
    cover = country.page_data().cover
    same = dataclasses.replace(cover, flows=tuple(flow for flow in cover.flows if flow.initial == flow.final))
    reader = Reader(page(country.cover_only(cover=same)))
    assert reader.texts.count("No land changed its class.") == 2


def test_nothing_at_all():
    """An area without any pixel: dashes instead of shares, and no division by zero."""
    cover = country.page_data().cover
    empty = dataclasses.replace(cover, flows=tuple(dataclasses.replace(flow, km2=0.0) for flow in cover.flows))
    html = page(
        country.cover_only(cover=empty, headline=Conditions(0, 0, 0, 0, 0), land_km2=0.0, total_km2=0.0, water_km2=0.0)
    )
    assert not re.search(r"\bnan\b", html)
    assert "\u2013 of the land area" in html


def test_one_zone_needs_no_table():
    zones = country.page_data().zones[:1]
    assert 'id="zones"' not in page(country.page_data(zones=zones))


def test_failed_checks_stand_at_the_top():
    html = page(country.page_data(findings=(Finding("sum", "error", "It does not add up."),)))
    assert html.index("It does not add up.") < html.index('id="glance"')


def test_tables_can_be_read_aloud():
    html, reader = read("en")
    heads = re.findall(r"<th\b[^>]*>", html)
    assert heads
    assert all("scope=" in head for head in heads)
    pictures = [value for tag, name, value in reader.attributes if (tag, name) == ("img", "alt")]
    assert len(pictures) == 3
    assert all(pictures)
    drawings = re.findall(r"<svg\b[^>]*>", html)
    assert all("aria-hidden" in svg or "aria-labelledby" in svg or 'overflow="visible"' in svg for svg in drawings)


@pytest.mark.parametrize("tint", ["d4", "d3", "i4", "i3", "s4", "same"])
def test_text_on_tints_has_contrast(tint):
    """WCAG 2.1, 1.4.3: at least 4.5 to 1 for both inks."""
    style = re.search(r"<style>(.*?)</style>", read("en")[0], re.DOTALL).group(1)
    ground = re.search(rf"\.{tint} {{ background: (#[0-9a-f]{{6}})", style).group(1)
    assert contrast("#1f2933", ground) >= 4.5


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(color):
    parts = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    r, g, b = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def test_no_data_is_a_row_only_where_there_is_some():
    assert NODATA in country.page_data().cover.codes
    matrix = read("en")[1].tables[0]
    assert matrix[-2][0] == "No data"


def test_foreign_language_is_refused():
    with pytest.raises(ConfigError, match="not available"):
        page(country.cover_only(), "de")


def test_caveats_are_translated_and_keep_their_details():
    html, reader = read("ru")
    assert any(text.startswith("Карты \u2014 две версии") for text in reader.texts)
    assert "versions 2.0.7 and 2.1.1" in html
    assert '<span lang="en" dir="ltr">No accuracy is known' in html

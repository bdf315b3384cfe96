"""The flow diagram: areas add up, labels never overlap, changes stay visible."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landcover.labels import LANGUAGES
from serving.report.page.cover import CoverChange, Flow
from serving.report.page.diagram import all_diagrams, changes_diagrams
from serving.report.page.figures import Figures
from serving.report.page.sankey import NARROW, WIDE, draw, text_width, wrap
from serving.report.page.words import words_for
from tests.serving.report.page import country

CODES = (1, 2, 3, 4, 5, 6, 7)
AREAS = st.lists(st.one_of(st.just(0.0), st.floats(1e-3, 1e7)), min_size=49, max_size=49)


def flows(areas):
    pairs = [(i, f) for i in CODES for f in CODES]
    return [Flow(i, f, km2, 0 if i == f else -1, "Vegetation loss") for (i, f), km2 in zip(pairs, areas, strict=True)]


def name(_side, code, km2):
    return f"Class number {code}", f"{km2:,.2f}\u00a0km²"


@settings(max_examples=25, deadline=None)
@given(areas=AREAS, frame=st.sampled_from([WIDE, NARROW]), mirrored=st.booleans())
def test_geometry(areas, frame, mirrored):
    given_flows = [flow for flow in flows(areas) if flow.km2 > 0]
    drawing = draw(given_flows, CODES, frame, label=name, mirrored=mirrored)
    assert {(r.flow.initial, r.flow.final) for r in drawing.ribbons} == {(f.initial, f.final) for f in given_flows}
    total = sum(flow.km2 for flow in given_flows)
    for side in ("before", "after"):
        bars = [bar for bar in drawing.bars if bar.side == side]
        assert sum(bar.km2 for bar in bars) == pytest.approx(total)
        assert sum(bar.height for bar in bars) == pytest.approx(frame.flow if given_flows else 0)
        for upper, lower in pairwise(bars):
            assert upper.bottom < lower.top
            assert upper.y + upper.height <= lower.y
            assert upper.text_y[-1] < lower.text_y[0] - 0.9 * frame.font  # a line of text lies above its baseline
        for bar in bars:
            end = (lambda r: r.flow.initial) if side == "before" else (lambda r: r.flow.final)
            edge = (lambda r: r.y0) if side == "before" else (lambda r: r.y1)
            parts = sorted((edge(r), r.thickness) for r in drawing.ribbons if end(r) == bar.code)
            assert parts[0][0] == pytest.approx(bar.y)
            assert sum(thickness for _, thickness in parts) == pytest.approx(bar.height)
            for (y, thickness), (following, _) in pairwise(parts):
                assert y + thickness == pytest.approx(following)
            assert 0 <= bar.top <= bar.y
            assert bar.y + bar.height <= bar.bottom + 1e-9
            assert bar.bottom <= drawing.height + 1e-9


def boxes(drawing):
    """Left, top, right, bottom of every line of text, by the widest letters."""
    for bar in drawing.bars:
        left_of_bar = (bar.side == "before") != drawing.mirrored
        for line, y in zip(bar.lines, bar.text_y, strict=True):
            width = text_width(line, drawing.frame.font)
            left = bar.text_x - width if left_of_bar else bar.text_x
            yield left, y - 0.95 * drawing.frame.font, left + width, y + 0.25 * drawing.frame.font


@pytest.mark.parametrize("language", LANGUAGES)
def test_labels_do_not_overlap_and_are_not_clipped(language):
    cover = country.page_data().cover
    figures = Figures(words_for(language))
    for diagram in (*changes_diagrams(cover, figures), *all_diagrams(cover, figures)):
        drawing = diagram.drawing
        found = list(boxes(drawing))
        assert len(found) > 20
        for i, (left, top, right, bottom) in enumerate(found):
            assert left >= 0
            assert right <= drawing.frame.width
            for other in found[i + 1 :]:
                apart = right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
                assert apart, "labels overlap"
        for bar in drawing.bars:  # and none lies on a bar
            for left, _, right, _ in found:
                assert right <= bar.x or left >= bar.x + drawing.frame.bar


def test_labels_fit_by_a_real_typeface():
    font = pytest.importorskip("PIL.ImageFont")
    try:
        face = font.truetype("DejaVuSans.ttf", 100)
    except OSError:
        pytest.skip("no DejaVu Sans")
    cover = country.page_data().cover
    for language in ("en", "es", "fr", "ru"):
        for diagram in all_diagrams(cover, Figures(words_for(language))):
            for bar in diagram.drawing.bars:
                for line in bar.lines:
                    assert face.getlength(line) / 100 * diagram.drawing.frame.font <= diagram.drawing.frame.label


def test_changes_stay_visible_beside_one_class_that_has_nearly_all():
    cover = CoverChange("unccd7", CODES, tuple(flows([95e6 if i == 8 else float(i % 8 == 3) for i in range(49)])))
    figures = Figures(words_for("en"))
    changes, _ = changes_diagrams(cover, figures)
    assert sum(ribbon.thickness for ribbon in changes.drawing.ribbons) == pytest.approx(WIDE.flow)
    assert all(ribbon.flow.is_change for ribbon in changes.drawing.ribbons)
    everything, _ = all_diagrams(cover, figures)
    kinds = [ribbon.flow.is_change for ribbon in everything.drawing.ribbons]
    assert kinds == sorted(kinds), "changes lie above what stayed"


def test_before_is_at_the_right_in_arabic():
    cover = country.page_data().cover
    arabic, english = (changes_diagrams(cover, Figures(words_for(language)))[0] for language in ("ar", "en"))
    before = [next(bar for bar in d.drawing.bars if bar.side == "before") for d in (arabic, english)]
    assert before[0].x + WIDE.bar == pytest.approx(WIDE.width - before[1].x)
    # Right-aligned at its bar in both: text-anchor counts along the direction of the writing.
    assert english.anchor(before[1]) == "end"
    assert arabic.anchor(before[0]) == "end"


def test_colours_and_tooltips():
    cover = CoverChange(
        "unccd7", CODES, (Flow(4, 1, 12.5, -1, "Woody encroachment", unlikely=True), Flow(2, 2, 3.0, 0, "Stable"))
    )
    diagram, _ = all_diagrams(cover, Figures(words_for("en")))
    stayed, change = diagram.drawing.ribbons
    assert diagram.color(change) == "#9B2779"
    assert diagram.color(stayed) == "#D9DCE0"
    assert diagram.tooltip(change) == (
        "Wetland → Tree-covered areas: 12.50\u00a0km², Woody encroachment (\u2212), needs verification"
    )
    assert diagram.tooltip(stayed) == "Grassland → Grassland: 3.00\u00a0km²"


def test_paths_start_and_end_at_the_bars():
    diagram, _ = changes_diagrams(country.page_data().cover, Figures(words_for("en")))
    for ribbon in diagram.drawing.ribbons:
        numbers = [float(text) for text in re.findall(r"-?[0-9.]+", ribbon.path)]
        assert numbers[0] == pytest.approx(ribbon.x0, abs=0.06)
        assert numbers[6] == pytest.approx(ribbon.x1, abs=0.06)
        assert numbers[7] == pytest.approx(numbers[8] - ribbon.thickness, abs=0.02)


@given(text=st.text(min_size=1, max_size=60), width=st.floats(20, 200))
def test_wrapped_lines_fit_and_lose_no_letter(text, width):
    lines = wrap(text, 10, width)
    assert "".join("".join(lines).split()) == "".join(text.split()) or "\n" in text
    assert all(text_width(line, 10) <= max(width, 10) for line in lines)


def test_names_break_after_hyphens():
    assert wrap("Водно-болотные угодья", 11.5, 97) == ["Водно-", "болотные", "угодья"]
    assert wrap("树木覆盖区", 10, 30) == ["树木覆", "盖区"]

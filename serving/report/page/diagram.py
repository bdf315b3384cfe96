"""A flow diagram in the words of a language: colours, tooltips and labels for the drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from indicators.codes import DEGRADED, IMPROVED, NODATA, STABLE
from landcover.legends import get_legend
from serving.report.page.cover import CoverChange, Flow
from serving.report.page.figures import MINUS, Figures
from serving.report.page.matrix import glyph
from serving.report.page.sankey import NARROW, WIDE, Bar, Drawing, Labeller, Ribbon, Side, draw

COLORS: Final = {DEGRADED: "#9B2779", IMPROVED: "#006500", STABLE: "#8A8F98", NODATA: "#8A8F98"}
"""Of changes: official colours of degraded and improved land; grey, as the official pale yellow is lost on paper."""
UNCHANGED: Final = "#D9DCE0"
NODATA_COLOR: Final = "#B0B0B0"


@dataclass(frozen=True, slots=True)
class Diagram:
    """A drawing and the words and colours for it.

    Attributes:
        key: part of the ids of its elements.
        drawing: where things are.
        figures: numbers and words.
        legend_id: legend of the classes.
    """

    key: str
    drawing: Drawing
    figures: Figures
    legend_id: str

    def color(self, ribbon: Ribbon) -> str:
        """Fill of a ribbon."""
        flow = ribbon.flow
        return COLORS[flow.sign] if flow.is_change else UNCHANGED

    def bar_color(self, bar: Bar) -> str:
        """Fill of a bar, official."""
        return NODATA_COLOR if bar.code == NODATA else get_legend(self.legend_id).by_code(bar.code).color

    def tooltip(self, ribbon: Ribbon) -> str:
        """What a ribbon says when pointed at."""
        flow, words = ribbon.flow, self.figures.words
        ends = (words.label(self.legend_id, flow.initial), words.label(self.legend_id, flow.final))
        text = words("pair", words("arrow", *ends), self.figures.area(flow.km2))
        if not flow.is_change:
            return text
        process = words.process(flow.process)
        mark = f"{words('comma')}{words('verify')}" if flow.unlikely else ""
        return f"{text}{words('comma')}{process} ({words.apart(glyph(flow.sign))}){mark}"

    def bar_tooltip(self, bar: Bar) -> str:
        """What a bar says when pointed at."""
        words = self.figures.words
        return words("pair", words.label(self.legend_id, bar.code), self.figures.area(bar.km2))

    def anchor(self, bar: Bar) -> str:
        """Which end of a label is beside its bar; ``end`` is the left one in text from right to left."""
        at_right_edge = (bar.side == "before") != self.drawing.mirrored
        return "end" if at_right_edge != self.figures.words.right_to_left else "start"


def changes_diagrams(cover: CoverChange, figures: Figures) -> tuple[Diagram, Diagram]:
    """Changed land only, wide and narrow; without changes the drawings are empty."""

    def label(side: Side, code: int, km2: float) -> tuple[str, str]:
        sign = MINUS if side == "before" else "+"
        value = figures.words.apart(f"{sign}{figures.big(km2)}")
        return figures.words.label(cover.legend_id, code), figures.words("with_unit", value, figures.words("km2"))

    return _both("changes", tuple(cover.changes()), cover, figures, label)


def all_diagrams(cover: CoverChange, figures: Figures) -> tuple[Diagram, Diagram]:
    """All land, wide and narrow."""

    def label(_side: Side, code: int, km2: float) -> tuple[str, str]:
        value = figures.words("with_unit", figures.words.apart(figures.big(km2)), figures.words("km2"))
        return figures.words.label(cover.legend_id, code), value

    return _both("all", cover.flows, cover, figures, label)


def _both(
    key: str, flows: tuple[Flow, ...], cover: CoverChange, figures: Figures, label: Labeller
) -> tuple[Diagram, Diagram]:
    drawings = (
        draw(flows, cover.codes, frame, label=label, mirrored=figures.words.right_to_left) for frame in (WIDE, NARROW)
    )
    wide, narrow = (
        Diagram(f"{key}-{size}", drawing, figures, cover.legend_id)
        for size, drawing in zip(("wide", "narrow"), drawings, strict=True)
    )
    return wide, narrow

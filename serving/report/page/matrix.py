"""The transition matrix as cells with a tint: colour says the sign, depth says how much."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from indicators.codes import DEGRADED, IMPROVED, NODATA, STABLE
from serving.report.page.cover import CoverChange

type Tint = Literal["d1", "d2", "d3", "d4", "i1", "i2", "i3", "i4", "s1", "s2", "s3", "s4", "same", "none"]
"""Class of a cell in the style sheet: d degradation, i improvement, s no effect, with four depths."""

_DEPTHS: Final = 4
_FAMILIES: Final = {DEGRADED: "d", STABLE: "s", IMPROVED: "i"}
_GLYPHS: Final = {DEGRADED: "\N{MINUS SIGN}", STABLE: "0", IMPROVED: "+", NODATA: ""}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Attributes:
        km2: mapped area.
        glyph: the sign as a character, plus-minus where regional matrices differ; empty on the diagonal and without
            data.
        tint: class in the style sheet.
        unlikely: whether the change needs verification.
    """

    km2: float
    glyph: str
    tint: Tint
    unlikely: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One row: an initial class.

    Attributes:
        code: the class.
        cells: by final class.
        total: extent in the initial year.
    """

    code: int
    cells: tuple[Cell, ...]
    total: float


def glyph(sign: int) -> str:
    """Minus, zero or plus, or nothing for no data."""
    return _GLYPHS[sign]


def lines(cover: CoverChange) -> tuple[Line, ...]:
    """All rows of the matrix, in the order of the legend."""
    changes = {(flow.initial, flow.final) for flow in cover.changes()}
    most = max((sum(flow.km2 for flow in cover.of(*pair)) for pair in changes), default=0.0)
    return tuple(
        Line(code, tuple(_cell(cover, code, final, most) for final in cover.codes), cover.before(code))
        for code in cover.codes
    )


def _cell(cover: CoverChange, initial: int, final: int, most: float) -> Cell:
    flows = cover.of(initial, final)
    km2 = sum(flow.km2 for flow in flows)
    judged = [flow for flow in flows if flow.is_change and flow.sign in _FAMILIES]
    if not judged:
        return Cell(km2, "", "same" if initial == final != NODATA else "none", unlikely=False)
    largest = max(judged, key=lambda flow: flow.km2)
    signs = {flow.sign for flow in judged if flow.km2 > 0} or {largest.sign}
    mark = glyph(largest.sign) if len(signs) == 1 else "\N{PLUS-MINUS SIGN}"
    return Cell(km2, mark, _tint(largest.sign, km2, most), any(flow.unlikely for flow in judged))


def _tint(sign: int, km2: float, most: float) -> Tint:
    """Depth by the square root of the area, so that small changes differ from none."""
    depth = max(1, math.ceil(_DEPTHS * math.sqrt(km2 / most))) if most > 0 else 1
    tint: Tint = f"{_FAMILIES[sign]}{depth}"  # type: ignore[assignment]  # one of the twelve by construction
    return tint

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
        glyph: the sign as a character, empty on the diagonal and without data.
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
    most = max((flow.km2 for flow in cover.changes()), default=0.0)
    return tuple(
        Line(code, tuple(_cell(cover, code, final, most) for final in cover.codes), cover.before(code))
        for code in cover.codes
    )


def _cell(cover: CoverChange, initial: int, final: int, most: float) -> Cell:
    flow = cover.flow(initial, final)
    if flow is None:
        return Cell(0.0, "", "same" if initial == final else "none", unlikely=False)
    if not flow.is_change:
        return Cell(flow.km2, "", "same" if initial == final != NODATA else "none", unlikely=False)
    return Cell(flow.km2, glyph(flow.sign), _tint(flow.sign, flow.km2, most), flow.unlikely)


def _tint(sign: int, km2: float, most: float) -> Tint:
    """Depth by the square root of the area, so that small changes differ from none."""
    if sign not in _FAMILIES:
        return "none"
    depth = max(1, math.ceil(_DEPTHS * math.sqrt(km2 / most))) if most > 0 else 1
    tint: Tint = f"{_FAMILIES[sign]}{depth}"  # type: ignore[assignment]  # one of the twelve by construction
    return tint

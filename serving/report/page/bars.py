"""A bar of shares: degraded, improved, stable and no data beside each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from indicators.codes import DEGRADED, IMPROVED, NODATA, STABLE
from serving.report.page.conditions import Conditions

COLORS: Final = {DEGRADED: "#9B2779", IMPROVED: "#006500", STABLE: "#FFFFE0", NODATA: "#B0B0B0"}
"""Official colours; black, the official one of no data, would look like a class of its own."""
_LENGTH: Final = 1000.0


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of the bar.

    Attributes:
        code: land condition.
        x: left edge, 0 to 1000.
        width: of 1000.
        color: fill.
    """

    code: int
    x: float
    width: float
    color: str


def pieces(conditions: Conditions, *, mirrored: bool) -> tuple[Piece, ...]:
    """Parts of a bar of all four conditions; mirrored for languages written from the right."""
    total = sum(conditions.km2(code) for code in conditions.codes)
    found: list[Piece] = []
    x = 0.0
    for code in conditions.codes:
        width = _LENGTH * conditions.km2(code) / total if total > 0 else 0.0
        found.append(Piece(code, _LENGTH - x - width if mirrored else x, width, COLORS[code]))
        x += width
    return tuple(found)

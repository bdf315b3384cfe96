"""The codes of the raster that shows where two reports disagree, with names and colours.

Each code has two digits: the condition in report A, then that in report B. 1 is degraded, 2 stable, 3 improved, 4 no
data, 5 water, which is no land in the indicator. 12 is land that A calls degraded and B stable; 11, 22 and 33 is land
on which both agree. -32768 is land that is not compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Final

from indicators.codes import DEGRADED, IMPROVED, NODATA, OUTSIDE, STABLE
from landcover.legends import LandClass, Legend
from serving.report.page.words import words_for

DIGITS: Final = {DEGRADED: 1, STABLE: 2, IMPROVED: 3, NODATA: 4, OUTSIDE: 5}
"""Digit of each condition; -32767 is water."""

CONDITION_DIGITS: Final = tuple(DIGITS[code] for code in (DEGRADED, STABLE, IMPROVED, NODATA))
"""By position on the axis of a condition."""

WATER_DIGIT: Final = DIGITS[OUTSIDE]

NAMES: Final = {1: "degraded", 2: "stable", 3: "improved", 4: "nodata", 5: "water"}

_COLORS: Final = {
    11: "#DDB9D2",
    22: "#F3F3E4",
    33: "#B9D3B9",
    44: "#E0E0E0",
    55: "#C9DDEE",
    12: "#9B2779",
    13: "#5B0F45",
    21: "#E08214",
    31: "#A6430A",
    23: "#35978F",
    32: "#01665E",
}
"""Pale where both agree; violet where A alone sees degradation, orange where B alone does; green where they differ
about improvement of stable land."""

_ONE_SIDED: Final = "#8A8F98"
"""Where one of them has no data or water."""


def color_of(code: int) -> str:
    """Colour of a code."""
    return _COLORS.get(code, _ONE_SIDED)


def disagreement_legend(language: str = "en", *, indicator: bool = True) -> Legend:
    """The legend of the raster.

    Args:
        language: of the titles.
        indicator: whether water can be told.

    Raises:
        ConfigError: when the language is not one of the six.
    """
    words = words_for(language)
    digits = sorted(DIGITS.values()) if indicator else sorted(CONDITION_DIGITS)
    spoken = {digit: words.condition(code) for code, digit in DIGITS.items() if code != OUTSIDE}
    spoken[WATER_DIGIT] = words("water_area")
    classes = (
        LandClass(
            10 * first + second,
            f"{NAMES[first]}_and_{NAMES[second]}",
            words("cmp_both", spoken[first]) if first == second else words("cmp_sides", spoken[first], spoken[second]),
            color_of(10 * first + second),
        )
        for first, second in product(digits, digits)
    )
    return Legend(
        id="disagreement",
        version="1",
        title="Disagreement of two reports",
        classes=tuple(classes),
        citation="Steppe: condition in report A, then in report B",
    )


def shown_titles(codes: Iterable[int], language: str = "en") -> tuple[tuple[str, str], ...]:
    """Colour and title of codes for a legend beside a map; where one report has no data or water they are one.

    Raises:
        ConfigError: when the language is not one of the six.
    """
    words, there = words_for(language), set(codes)
    titles: dict[str, str] = {}
    for item in disagreement_legend(language).classes:
        if item.code in there:
            titles[item.color] = words("cmp_one_sided") if item.color == _ONE_SIDED else item.title
    return tuple(titles.items())

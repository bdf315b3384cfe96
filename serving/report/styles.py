"""Legends and QGIS styles of the rasters of a report, with official colours and names in the language.

Codes and colours are those of the rasters themselves; only titles differ between languages.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from indicators.codes import DEGRADED, IMPROVED, STABLE
from indicators.cover.transition_legend import transition_legend
from indicators.transitions import TransitionMatrix
from landcover.labels import canonical_language, title
from landcover.legends import LandClass, Legend, get_legend
from serving.report.page.words import Words, words_for

_SIGNS: Final = {DEGRADED: "\N{MINUS SIGN}", STABLE: "0", IMPROVED: "+"}


def degradation_legend(language: str = "en") -> Legend:
    """-1, 0 and 1 with titles in a language.

    Raises:
        ConfigError: when the language is not one of the six.
    """
    return localised(get_legend("degradation3"), language)


def localised(legend: Legend, language: str) -> Legend:
    """A legend that Steppe has labels for, with titles in a language.

    Raises:
        ConfigError: when the language is not one of the six.
    """
    tongue = canonical_language(language)
    return replace(
        legend, classes=tuple(replace(item, title=title(legend.id, item.code, tongue)) for item in legend.classes)
    )


def transitions_legend(matrix: TransitionMatrix, language: str = "en") -> Legend:
    """The codes of a raster of transitions, with classes, process and sign in their titles.

    Args:
        matrix: what changes mean.
        language: one of the six.

    Raises:
        ConfigError: when the language is not one of the six.
    """
    words, legend = words_for(language), transition_legend(matrix)
    titles = _titles(matrix, words)
    return replace(legend, classes=tuple(replace(item, title=titles[item.code]) for item in legend.classes))


def _titles(matrix: TransitionMatrix, words: Words) -> dict[int, str]:
    """Title of each code of the raster: ranks where the class stays, else factor * initial + final."""
    classes = sorted(matrix.legend.classes, key=lambda item: item.code)
    titles: dict[int, str] = {}
    for i, before in enumerate(classes, 1):
        titles[i] = words.label(matrix.legend_id, before.code)
        for f, after in enumerate(classes, 1):
            if i != f:
                titles[matrix.multiplier * i + f] = _change(matrix, words, before, after)
    return titles


def _change(matrix: TransitionMatrix, words: Words, before: LandClass, after: LandClass) -> str:
    names = words("arrow", *(words.label(matrix.legend_id, item.code) for item in (before, after)))
    process = words.process(matrix.process(before.code, after.code))
    sign = _SIGNS[matrix.sign(before.code, after.code)]
    return f"{words('pair', names, process)} ({words.apart(sign)})"

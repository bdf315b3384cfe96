"""Legends and QGIS styles of the rasters of a report, with official colours and names in the language.

The raster of transitions holds ``10 * initial + final`` for changes and the rank of the class where it stays, as
Trends.Earth writes them (LDN facts, section 2.2). Changes have the colour of their sign, unchanged land that of its
class.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from indicators.codes import DEGRADED, IMPROVED, STABLE
from indicators.transitions import TransitionMatrix
from landcover.labels import canonical_language, title
from landcover.legends import LandClass, Legend, get_legend
from landcover.raster.qml import write_qml
from serving.report.page.words import Words, words_for

SIGN_COLORS: Final = {DEGRADED: "#9B2779", STABLE: "#FFFFE0", IMPROVED: "#006500"}
"""Trends.Earth, LDMP/data/styles.json, and PRAIS 4, _static/css/custom.css."""
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


def transition_legend(matrix: TransitionMatrix, language: str = "en") -> Legend:
    """The codes of a raster of transitions, with classes, process and sign in their titles.

    Raises:
        ConfigError: when the language is not one of the six, or the matrix has so many classes that the codes of
            unchanged land and of changes cannot be told apart.
    """
    return Legend(
        id=f"{matrix.legend_id}-transitions",
        version=matrix.version,
        title=f"Land-cover transitions, {matrix.id}",
        classes=tuple(_transitions(matrix, words_for(language))),
        citation=matrix.citation,
    )


def write_styles(folder: Path, *, degradation: str, transitions: str, matrix: TransitionMatrix, language: str) -> None:
    """Write the QGIS styles beside both rasters, under their names with ``.qml``.

    Args:
        folder: where the rasters are.
        degradation: file name of the raster of degradation.
        transitions: file name of the raster of transitions.
        matrix: which made them.
        language: of the titles.

    Raises:
        ConfigError: as ``transition_legend``.
        OutputNotWritable: when the folder cannot be written to.
        DiskFull: when the disk is full.
    """
    write_qml(folder / degradation, degradation_legend(language))
    write_qml(folder / transitions, transition_legend(matrix, language))


def _transitions(matrix: TransitionMatrix, words: Words) -> Iterator[LandClass]:
    classes = sorted(matrix.legend.classes, key=lambda item: item.code)
    for rank, item in enumerate(classes, 1):
        name = words.label(matrix.legend_id, item.code)
        yield LandClass(rank, f"{item.name}-unchanged", words("pair", name, words("unchanged")), item.color)
    for i, before in enumerate(classes, 1):
        for f, after in enumerate(classes, 1):
            if i != f:
                yield _change(matrix, words, (before, after), matrix.multiplier * i + f)


def _change(matrix: TransitionMatrix, words: Words, ends: tuple[LandClass, LandClass], code: int) -> LandClass:
    before, after = ends
    sign = matrix.sign(before.code, after.code)
    names = words("arrow", *(words.label(matrix.legend_id, item.code) for item in ends))
    process = words.process(matrix.process(before.code, after.code))
    title_ = f"{words('pair', names, process)} ({words.apart(_SIGNS[sign])})"
    return LandClass(code, f"{before.name}-to-{after.name}", title_, SIGN_COLORS[sign])

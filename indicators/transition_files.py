"""Transition matrices as files that people edit: Steppe's JSON, Trends.Earth's JSON, and CSV for spreadsheets.

Whatever the form, a matrix has one meaning for each pair of classes. One with gaps or repetitions is refused with all
pairs that are wrong, so that it can be mended in one go.

Trends.Earth's form is that of LDMP/data/land_cover_transition_matrix_unccd.json
(https://github.com/ConservationInternational/trends.earth): a legend and ``definitions.transitions`` with the initial
class, the final class and the meaning "degradation", "stable" or "improvement". It has no process names.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from indicators.codes import DEGRADED, IMPROVED, STABLE
from indicators.transition_cells import UNCCD7, Cell, Pair, matrix_of, refuse_gaps, table_of
from indicators.transition_csv import parse_matrix_csv
from indicators.transitions import TransitionMatrix
from landcover.errors import ConfigError
from landcover.legends import Legend, get_legend
from landcover.trends_earth import FileLegend, LegendClass, legend_document, validated

_MEANINGS: Final = {"degradation": DEGRADED, "stable": STABLE, "improvement": IMPROVED}
_WORDS: Final = {sign: word for word, sign in _MEANINGS.items()}
_MAX_BYTES: Final = 8 << 20


class _Document(BaseModel):
    """Steppe's own form, see ``TransitionMatrix.to_document``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: str
    version: str
    legend: str
    signs: list[list[int | None]]
    processes: list[list[str | None]]
    unlikely: list[tuple[int, int]]
    citation: str


class _Transition(BaseModel):
    initial: LegendClass
    final: LegendClass
    meaning: Literal["degradation", "stable", "improvement"]


class _Definitions(BaseModel):
    transitions: list[_Transition]


class _TrendsEarth(BaseModel):
    """LCTransitionDefinitionDeg."""

    name: str
    legend: FileLegend
    definitions: _Definitions


def read_matrix(path: Path, *, matrix_id: str | None = None, version: str = "1") -> TransitionMatrix:
    """The transition matrix in a file: Steppe's JSON, Trends.Earth's JSON or CSV, told apart by what is in it.

    Args:
        path: the file.
        matrix_id: id of a matrix whose file has none (Trends.Earth, CSV); the file's name without its ending if not
            given.
        version: version of such a matrix.

    Raises:
        ConfigError: no such file, none of the three forms, or a matrix with gaps, repetitions or signs that are none.
        UnknownLegend: when the legend is not known.
        UnmappedCodes: when a code is not in the legend.
    """
    text = _text(path)
    named = matrix_id or path.stem
    if not text.lstrip().startswith("{"):
        return parse_matrix_csv(text, matrix_id=named, version=version)
    if '"definitions"' in text:
        return parse_trends_earth_matrix(text, matrix_id=named, version=version)
    return parse_matrix(text)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError(f"matrix file {path.name!r} has more than {_MAX_BYTES >> 20} MB; expected some kB")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"matrix file {path.name!r} is no text in UTF-8; save it as CSV UTF-8 or JSON") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name is none"
        raise ConfigError(f"matrix file {path.name!r} cannot be read: {reason}") from error


def parse_matrix(text: str | bytes) -> TransitionMatrix:
    """A matrix from Steppe's JSON, the inverse of ``TransitionMatrix.to_document``.

    Raises:
        ConfigError: when the text is not such a document, or the matrix has gaps or signs that are none.
        UnknownLegend: when the legend is not known.
        UnmappedCodes: when an unlikely transition names a code that the legend does not have.
    """
    document = validated(_Document, text, "transition matrix")
    legend = get_legend(document.legend)
    known: dict[str, dict[Pair, Any]] = {}
    for what, table in (("signs", document.signs), ("processes", document.processes)):
        known[what] = _cells(table, legend, f"{what} of transition matrix {document.id!r}")
    refuse_gaps(Counter(iter(known["signs"])), legend, document.id, "sign")
    refuse_gaps(Counter(iter(known["processes"])), legend, document.id, "process")
    return TransitionMatrix(
        document.id,
        document.version,
        legend.id,
        table_of(known["signs"], legend),
        table_of(known["processes"], legend),
        frozenset(document.unlikely),
        document.citation,
    )


def _cells[T](table: list[list[T | None]], legend: Legend, what: str) -> dict[Pair, T]:
    """Cells by codes; short rows and empty cells are gaps.

    Raises:
        ConfigError: when there are more rows or columns than classes.
    """
    codes = legend.codes
    if len(table) > len(codes) or any(len(row) > len(codes) for row in table):
        raise ConfigError(f"{what} have more than {len(codes)} rows or columns, the classes of {legend.id!r}")
    rows = zip(codes, table, strict=False)
    return {
        (initial, final): cell
        for initial, row in rows
        for final, cell in zip(codes, row, strict=False)
        if cell is not None
    }


def parse_trends_earth_matrix(text: str | bytes, *, matrix_id: str, version: str = "1") -> TransitionMatrix:
    """A matrix from Trends.Earth's JSON.

    Args:
        text: the file's content; codes are UNCCD-7 codes, or ten times these as SEPAL writes them.
        matrix_id: id for the matrix.
        version: version for the matrix.

    Raises:
        ConfigError: when the text is not such a file, its legend is another one, or pairs are missing or repeated.
    """
    document = validated(_TrendsEarth, text, "Trends.Earth transition matrix")
    factor = _factor(document.legend)
    cells = (
        Cell((_code(row.initial, factor), _code(row.final, factor)), _MEANINGS[row.meaning])
        for row in document.definitions.transitions
    )
    return matrix_of(cells, matrix_id=matrix_id, version=version, citation=f"Trends.Earth file: {document.name}")


def _factor(legend: FileLegend) -> int:
    """By how much the codes are those of UNCCD-7: 1, or 10 as SEPAL writes them."""
    codes, found = get_legend(UNCCD7).codes, sorted({row.code for row in legend.key} - {legend.nodata_code})
    for factor in (1, 10):
        if found == [factor * code for code in codes]:
            return factor
    raise ConfigError(
        f"a Trends.Earth transition matrix on the legend {legend.name!r} with the codes {', '.join(map(str, found))}: "
        "expected UNCCD-7's codes 1 to 7; nest the national legend first and use the matrix of the UNCCD classes"
    )


def _code(row: LegendClass, factor: int) -> int:
    """The class in UNCCD-7; a code that is none stays, to be named by the check of pairs."""
    return row.code // factor if row.code % factor == 0 else row.code


def trends_earth_matrix_document(matrix: TransitionMatrix) -> dict[str, Any]:
    """Trends.Earth's JSON of a matrix, as data; the inverse of ``parse_trends_earth_matrix`` but for process names.

    Trends.Earth compares whole classes, so each transition repeats the legend's classes in every field.
    """
    legend = legend_document(matrix.legend)
    transitions = [
        {"initial": initial, "final": final, "meaning": _WORDS[matrix.sign(initial["code"], final["code"])]}
        for initial in legend["key"]
        for final in legend["key"]
    ]
    return {
        "name": f"{matrix.id} {matrix.version}",
        "legend": legend,
        "definitions": {"name": "Land cover degradation transition meanings", "transitions": transitions},
    }

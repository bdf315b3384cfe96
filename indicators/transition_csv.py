"""Transition matrices as CSV, a line for each pair of classes: ``initial,final,sign,process,unlikely``.

Spreadsheets save this in many ways: with commas, semicolons or tabs, with a byte order mark, with empty lines at the
end, with a typographic minus. All are read. Classes are codes or names in any of the six languages of the United
Nations; the last two columns may be missing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Final

from indicators.transition_cells import Cell, Pair, matrix_of
from indicators.transitions import TransitionMatrix
from landcover.errors import ConfigError
from landcover.labels import LANGUAGES, folded, process_called, titles
from landcover.legends import get_legend

COLUMNS: Final = ("initial", "final", "sign", "process", "unlikely")
_NEEDED: Final = COLUMNS[:3]
_DELIMITERS: Final = ",;\t"
_SIGNS: Final = {"-1": -1, "-": -1, "0": 0, "1": 1, "+1": 1, "+": 1}
_MINUS: Final = str.maketrans(dict.fromkeys("\N{MINUS SIGN}\N{EN DASH}\N{EM DASH}\N{NON-BREAKING HYPHEN}", "-"))
_TRUTH: Final = {"": False, "no": False, "0": False, "false": False, "yes": True, "1": True, "true": True, "x": True}
_MOST_LINES: Final = 100_000


def parse_matrix_csv(text: str, *, matrix_id: str, version: str = "1", legend_id: str = "unccd7") -> TransitionMatrix:
    """A matrix from CSV.

    Args:
        text: lines of initial class, final class, sign (-1, 0, 1, or - and + as UNCCD writes them), and maybe the name
            of the process in any of the six languages and whether the transition is unlikely (yes or no).
        matrix_id: id for the matrix.
        version: version for the matrix.
        legend_id: legend of the classes.

    Raises:
        ConfigError: a line that cannot be read, with its number; or pairs that are missing or repeated, all of them.
        UnknownLegend: when the legend is not known.
    """
    known = _known(legend_id)
    cells = [_cell(row, number, known, matrix_id) for number, row in _rows(text, matrix_id)]
    return matrix_of(
        cells, matrix_id=matrix_id, version=version, legend_id=legend_id, citation=f"CSV file of matrix {matrix_id}"
    )


def matrix_csv(matrix: TransitionMatrix) -> str:
    """The matrix as CSV with a header line, in the order of the legend; ``parse_matrix_csv`` reads it back."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\r\n")  # RFC 4180
    lines.writerow(COLUMNS)
    codes = matrix.legend.codes
    for pair in ((initial, final) for initial in codes for final in codes):
        doubt = "yes" if pair in matrix.unlikely else "no"
        lines.writerow((*pair, matrix.sign(*pair), matrix.process(*pair), doubt))
    return out.getvalue()


def _rows(text: str, name: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Numbers of lines and their cells by column, empty lines left out."""
    lines = text.removeprefix("\ufeff").splitlines()
    if len(lines) > _MOST_LINES:
        raise ConfigError(f"CSV of transition matrix {name!r} has {len(lines):,} lines; expected one for each pair")
    start = next((number for number, line in enumerate(lines) if line.strip(_DELIMITERS + " ")), 0)
    header = lines[start] if lines else ""
    delimiter = max(_DELIMITERS, key=header.count)
    columns = [column.strip().lower() for column in next(csv.reader([header], delimiter=delimiter), [])]
    if not set(_NEEDED) <= set(columns):
        raise ConfigError(
            f"CSV of transition matrix {name!r} has the columns {', '.join(filter(None, columns)) or 'none'}: expected "
            f"the first line to name {', '.join(COLUMNS)}, the last two if wanted"
        )
    for number, row in enumerate(csv.reader(lines[start + 1 :], delimiter=delimiter), start=start + 2):
        cells = [cell.strip() for cell in row]
        if any(cells):
            yield number, dict(zip(columns, cells, strict=False))


def _known(legend_id: str) -> dict[str, int]:
    """Codes by what a class may be called: its code, its machine name, its title in six languages."""
    legend = get_legend(legend_id)
    names: dict[str, int] = {}
    for language in LANGUAGES:
        names |= {folded(title): code for code, title in titles(legend_id, language).items()}
    for row in legend.classes:
        names |= {folded(row.name): row.code, str(row.code): row.code, f"{row.code}.0": row.code}
    return names


def _cell(row: Mapping[str, str], number: int, known: Mapping[str, int], name: str) -> Cell:
    where = f"line {number} of the CSV of transition matrix {name!r}"
    pair: Pair = _class(row, "initial", known, where), _class(row, "final", known, where)
    sign = row.get("sign", "").translate(_MINUS).removesuffix(".0").replace(" ", "")
    if sign not in _SIGNS:
        raise ConfigError(f"{where} has the sign {row.get('sign', '')!r}; expected -1, 0 or 1")
    unlikely = row.get("unlikely", "").casefold() if "unlikely" in row else None
    if unlikely is not None and unlikely not in _TRUTH:
        raise ConfigError(f"{where} has {row['unlikely']!r} under 'unlikely'; expected yes or no")
    doubt = None if unlikely is None else _TRUTH[unlikely]
    return Cell(pair, _SIGNS[sign], process_called(row.get("process", "")) or None, doubt)


def _class(row: Mapping[str, str], column: str, known: Mapping[str, int], where: str) -> int:
    text = row.get(column, "")
    code = known.get(folded(text))
    if code is None:
        raise ConfigError(f"{where} has {text!r} under {column!r}, no class of the legend; expected a code or a name")
    return code

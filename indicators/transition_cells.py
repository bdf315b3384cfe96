"""Transition matrices put together of single transitions, each pair of classes once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from indicators.codes import STABLE
from indicators.transitions import OTHER, UNCCD7_TRANSITIONS, UNCHANGED, TransitionMatrix, process_for
from landcover.errors import ConfigError
from landcover.legends import Legend, get_legend

type Pair = tuple[int, int]
"""Codes of the initial and the final class."""

UNCCD7: Final = "unccd7"
"""The legend of UNCCD's example, which fills what a file leaves open."""

_NAMED: Final = 12
"""Pairs that an error lists before it only counts."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One transition of a file.

    Attributes:
        pair: codes of the initial and the final class.
        sign: -1, 0 or 1.
        process: English name; None where the file has none.
        unlikely: whether the transition needs verification; None where the file does not say.
    """

    pair: Pair
    sign: int
    process: str | None = None
    unlikely: bool | None = None


def table_of[T](cells: Mapping[Pair, T], legend: Legend) -> tuple[tuple[T, ...], ...]:
    """Cells as rows, in the order of the legend."""
    return tuple(tuple(cells[initial, final] for final in legend.codes) for initial in legend.codes)


def refuse_gaps(found: Counter[Pair], legend: Legend, name: str, what: str) -> None:
    """Refuse a matrix in which a pair of classes has no meaning, or several.

    Args:
        found: how often each pair comes.
        legend: the legend of both classes.
        name: of the matrix, for the message.
        what: "sign" or "process", for the message.

    Raises:
        ConfigError: with the pairs.
    """
    pairs = [(initial, final) for initial in legend.codes for final in legend.codes]
    problems = {
        f"no {what} for": [pair for pair in pairs if not found[pair]],
        f"more than one {what} for": [pair for pair in pairs if found[pair] > 1],
        "codes that the legend does not have in": sorted(set(found) - set(pairs)),
    }
    said = [f"{problem} {_listed(wrong)}" for problem, wrong in problems.items() if wrong]
    if said:
        raise ConfigError(
            f"transition matrix {name!r} needs one {what} for each pair of classes of {legend.id!r}; it has "
            f"{', and '.join(said)}"
        )


def _listed(pairs: list[Pair]) -> str:
    shown = ", ".join(f"{initial} to {final}" for initial, final in pairs[:_NAMED])
    return f"{shown} and {len(pairs) - _NAMED} more" if len(pairs) > _NAMED else shown


def matrix_of(
    cells: Iterable[Cell], *, matrix_id: str, version: str, legend_id: str = UNCCD7, citation: str
) -> TransitionMatrix:
    """A matrix of cells that came in any order.

    Where cells say nothing of processes and of unlikely transitions, UNCCD's example says it: the same change is the
    same process, whatever a country thinks of it. A change that UNCCD calls "Stable" and the country does not is
    "Other".

    Args:
        cells: one for each pair of classes.
        matrix_id: id of the matrix.
        version: its version.
        legend_id: legend of the codes.
        citation: where the cells come from.

    Raises:
        ConfigError: with all pairs that are missing, repeated or not of the legend.
        UnknownLegend: when the legend is not known.
    """
    legend, listed = get_legend(legend_id), list(cells)
    refuse_gaps(Counter(cell.pair for cell in listed), legend, matrix_id, "sign")
    by_pair = {cell.pair: cell for cell in listed}
    return TransitionMatrix(
        matrix_id,
        version,
        legend_id,
        table_of({pair: cell.sign for pair, cell in by_pair.items()}, legend),
        table_of({pair: _process(cell, legend_id) for pair, cell in by_pair.items()}, legend),
        frozenset(pair for pair, cell in by_pair.items() if _unlikely(cell, legend_id)),
        citation,
    )


def _process(cell: Cell, legend_id: str) -> str:
    if cell.process:
        return cell.process
    if legend_id == UNCCD7:
        return process_for(UNCCD7_TRANSITIONS.process(*cell.pair), cell.sign)
    return UNCHANGED if cell.sign == STABLE else OTHER


def _unlikely(cell: Cell, legend_id: str) -> bool:
    if cell.unlikely is not None:
        return cell.unlikely
    return legend_id == UNCCD7 and cell.pair in UNCCD7_TRANSITIONS.unlikely

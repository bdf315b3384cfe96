"""The rules in which two accounts differ, one by one: what a reader has to decide on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Protocol

from indicators.codes import CONDITIONS, NODATA
from indicators.comparison.factors import Signs

type Pairs = tuple[tuple[int, int], ...]


class Recoding(Protocol):
    """What is needed of a crosswalk; ``Crosswalk`` has it."""

    @property
    def mapping(self) -> Pairs:
        """(source code, class) pairs."""

    @property
    def nodata_codes(self) -> tuple[int, ...]:
        """Source codes that mean no data."""


class Combinations(Protocol):
    """What is needed of a table of productivity; ``LpdTable`` has it."""

    @property
    def rows(self) -> tuple[tuple[int, int, int, int, int], ...]:
        """(trend, state, performance, LPD, class) of every combination."""


class Outcome(Protocol):
    """What is needed of a no-data policy; ``NodataPolicy`` has it."""

    def outcome(self, layers: tuple[int, ...], /) -> int:
        """The indicator of one pixel from its sub-indicators."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that has two outcomes.

    Attributes:
        case: what it is about: a source code of a crosswalk; initial and final class; trend, state and performance;
            productivity, land cover and soil carbon.
        first: its outcome in account ``a``; None where that has no such rule.
        second: its outcome in account ``b``.
    """

    case: tuple[int, ...]
    first: int | None
    second: int | None


def crosswalk_rules(first: Recoding, second: Recoding) -> tuple[Rule, ...]:
    """Source codes that become another class; -32768 is no data, None a code that a crosswalk does not have."""
    one, other = _classes(first), _classes(second)
    codes = sorted({*one, *other})
    return tuple(Rule((code,), one.get(code), other.get(code)) for code in codes if one.get(code) != other.get(code))


def matrix_rules(first: Signs, second: Signs, codes: tuple[int, ...]) -> tuple[Rule, ...]:
    """Cells whose sign differs.

    Args:
        first: matrix of account ``a``.
        second: of account ``b``.
        codes: class codes in the order of both.
    """
    return tuple(
        Rule((codes[row], codes[col]), sign, second.signs[row][col])
        for row, signs in enumerate(first.signs)
        for col, sign in enumerate(signs)
        if sign != second.signs[row][col]
    )


def productivity_rules(first: Combinations, second: Combinations) -> tuple[Rule, ...]:
    """Combinations of trend, state and performance whose class of productivity differs."""
    other = {row[:3]: row[4] for row in second.rows}
    return tuple(Rule(row[:3], row[4], other[row[:3]]) for row in first.rows if row[4] != other[row[:3]])


def policy_rules(first: Outcome, second: Outcome) -> tuple[Rule, ...]:
    """Combinations of productivity, land cover and soil carbon whose indicator differs."""
    cases = product((*CONDITIONS, NODATA), repeat=3)
    outcomes = ((case, first.outcome(case), second.outcome(case)) for case in cases)
    return tuple(Rule(case, one, other) for case, one, other in outcomes if one != other)


def _classes(crosswalk: Recoding) -> dict[int, int]:
    return {**dict(crosswalk.mapping), **dict.fromkeys(crosswalk.nodata_codes, NODATA)}

"""What a rule finds, and how two sums are compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from indicators.reporting.table import Row, Table, is_number

RELATIVE: Final = 1e-9
"""Two sums of the same areas agree to this, relative to the larger of both or to the country."""

type Tables = Mapping[str, Table]
"""Tables with rows, by id."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a table breaks.

    Attributes:
        rule: key of ``indicators.reporting.rules.RULES``.
        table: id of the table.
        cell: ``row/column`` by their keys; the row alone where it is about a row; empty where about the whole table.
        sentence: what is wrong and by how much, English.
    """

    rule: str
    table: str
    cell: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule looks."""

    rule: str
    table: str
    cell: str

    def says(self, sentence: str) -> Finding:
        """The finding that a sentence is true here."""
        return Finding(self.rule, self.table, self.cell, sentence)

    def compare(
        self, found: float | None, expected: float | None, what: str, *, scale: float = 0.0
    ) -> Iterator[Finding]:
        """Nothing where both agree or the expected one is not known, else a finding.

        Args:
            found: what the table has; None is never as expected.
            expected: what it should have, or None where that is not known.
            what: the words for the expected value.
            scale: an area so large that differences of 1e-9 of it are rounding.
        """
        if expected is None:
            return
        limit = RELATIVE * max(abs(found or 0.0), abs(expected), scale)
        if found is None or not abs(found - expected) <= limit:  # NaN is never as expected
            yield self.says(f"{_number(found)} does not agree with {_number(expected)}, {what}")


def areas(table: Table, row: Row) -> list[float]:
    """The km2 of a row but for its total; cells that are no numbers count nothing."""
    pairs = zip(table.columns, row.cells, strict=True)
    kept = (cell for column, cell in pairs if column.unit == "km2" and not column.total)
    return [float(cell) for cell in kept if isinstance(cell, (int, float)) and is_number(cell)]


def _number(value: float | None) -> str:
    return "nothing" if value is None else f"{value:,.6f}"

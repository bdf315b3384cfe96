"""A table of a report as data: what it says, not how it looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from indicators.codes import NODATA
from indicators.reporting.texts import Text
from landcover.errors import ConfigError
from landcover.legends import Legend

type Cell = float | int | str | Text | None
"""A value; None where there is nothing to say, which is not zero."""

Unit = Literal["", "km2", "%", "t/ha", "percentage points", "pixels"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        key: name for machines, letters, digits and ``_``, unique in the table; it ends in the unit.
        title: name for people.
        unit: unit of all cells, empty for texts, years and codes.
        color: ``#RRGGBB`` of the class that the column is of, or empty.
        total: whether each cell is the sum of the cells before it that have the same unit.
    """

    key: str
    title: Text
    unit: Unit = ""
    color: str = ""
    total: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        key: name for machines, unique in the table.
        cells: as many as the table has columns.
        color: ``#RRGGBB`` of the class that the row is of, or empty.
        total: whether each area is the sum of those above it.
    """

    key: str
    cells: tuple[Cell, ...]
    color: str = ""
    total: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table of PRAIS, or none of its rows where an input was not given.

    Attributes:
        id: PRAIS's id, for example ``SO1-1.T4``.
        title: name for people.
        unit: unit of its areas, empty where there are none.
        columns: what each row holds.
        rows: empty where an input was not given; then a note says which.
        notes: sentences below the table.
        subtitle: the period it is about, where it is about one.
    """

    id: str
    title: Text
    unit: Unit
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[Text, ...] = ()
    subtitle: Text | None = None

    def __post_init__(self) -> None:
        """Refuse tables that are no tables.

        Raises:
            ConfigError: a key repeats, a row is too short or too long, or nothing says why there are no rows.
        """
        for keys in ([column.key for column in self.columns], [row.key for row in self.rows]):
            if len(set(keys)) != len(keys):
                raise ConfigError(f"table {self.id} repeats a key in {keys}")
        if any(len(row.cells) != len(self.columns) for row in self.rows):
            raise ConfigError(f"table {self.id} has {len(self.columns)} columns; a row has another number of cells")
        if not self.rows and not self.notes:
            raise ConfigError(f"table {self.id} has no rows and no note that says why")

    @property
    def given(self) -> bool:
        """Whether there is anything in it."""
        return bool(self.rows)

    def index(self, column: str) -> int:
        """Position of a column; raises ConfigError when there is none of that key."""
        for place, each in enumerate(self.columns):
            if each.key == column:
                return place
        raise ConfigError(f"table {self.id} has no column {column!r}")

    def row(self, key: str) -> Row | None:
        """The row of a key, if there is one."""
        return next((row for row in self.rows if row.key == key), None)

    def value(self, row: str, column: str) -> Cell:
        """A cell, None where there is no such row; raises ConfigError when there is no such column."""
        found = self.row(row)
        return found.cells[self.index(column)] if found else None

    def number(self, row: str, column: str) -> float | None:
        """A cell as a number, None where it is not one."""
        cell = self.value(row, column)
        return float(cell) if is_number(cell) and isinstance(cell, (int, float)) else None


def is_number(cell: Cell) -> bool:
    """Whether a cell is a number; True and False are not."""
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def empty(table_id: str, title: Text, *notes: Text) -> Table:
    """A table that says why there is nothing in it."""
    return Table(table_id, title, "", (), (), notes)


def class_keys(legend: Legend) -> dict[int, str]:
    """The key of each class, and of no data, in the legend's order."""
    return {**dict(zip(legend.codes, legend.names, strict=True)), NODATA: "no_data"}


def class_colors(legend: Legend) -> dict[int, str]:
    """The official colour of each class; none for no data."""
    return {**{row.code: row.color for row in legend.classes}, NODATA: ""}


def summed(cells: Sequence[float]) -> tuple[float, ...]:
    """Cells and their sum."""
    return (*cells, float(sum(cells)))

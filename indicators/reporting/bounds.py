"""Rules about single cells: numbers, upper bounds, sizes."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, isfinite
from typing import Final

from indicators.reporting.finding import RELATIVE, Finding, Place, Tables
from indicators.reporting.table import Cell, Column, Row, Table, is_number

MOST_CLASSES: Final = 15
"""Of a country legend (UNCCD PRAIS 4 manual, SO1.md Step 2)."""

MOST_MATRICES: Final = 5
"""Regional transition matrices (SO1.md Step 3)."""

_COUNTRY: Final = ("SO1-1.", "SO1-2.T1", "SO1-2.T2")
"""Tables over the country area, by the beginning of their ids; the other tables of SO 1 are over land."""


def areas_are_numbers(tables: Tables) -> Iterator[Finding]:
    """Amounts are numbers, at least 0; net changes, changes since the baseline and balances may be negative."""
    for table in tables.values():
        for row, column, cell in _amounts(table):
            if cell is None or _is_amount(cell, signed=_signed(row, column)):
                continue
            wanted = "a number" if _signed(row, column) else "a number of at least 0"
            yield Place("areas-are-numbers", table.id, f"{row.key}/{column.key}").says(
                f"{cell!r} came; expected {wanted}"
            )


def within_the_country(tables: Tables) -> Iterator[Finding]:
    """No area of SO 1 exceeds the largest land (or country) area in CP-1.T1, no population that of CP-1.T2."""
    known = tables.get("CP-1.T1")
    if known is not None:
        for table in tables.values():
            if table.id.startswith("SO1-"):
                whole = "country" if table.id.startswith(_COUNTRY) else "land"
                most = max(known.number(row.key, f"total_{whole}_area_km2") or 0.0 for row in known.rows)
                yield from _within(table, most, f"the total {whole} area in CP-1.T1")
    exposed, people = tables.get("SO2-3.T1"), tables.get("CP-1.T2")
    if exposed is not None and people is not None:
        yield from _people_within(exposed, people)


def limits(tables: Tables) -> Iterator[Finding]:
    """At most 15 classes in the country legend and at most five transition matrices."""
    legend, matrix = tables.get("SO1-1.T2"), tables.get("SO1-1.T3")
    if legend is not None and len(legend.rows) > MOST_CLASSES:
        said = f"{len(legend.rows)} classes came; PRAIS takes {MOST_CLASSES} at most: join classes"
        yield Place("limits", legend.id, "").says(said)
    count = len({row.key.partition("_")[0] for row in matrix.rows}) if matrix is not None else 0
    if count > MOST_MATRICES:
        said = f"{count} transition matrices came; PRAIS takes {MOST_MATRICES} at most: join regions"
        yield Place("limits", "SO1-1.T3", "").says(said)


def _amounts(table: Table) -> Iterator[tuple[Row, Column, Cell]]:
    for row in table.rows:
        for column, cell in zip(table.columns, row.cells, strict=True):
            if column.unit:
                yield row, column, cell


def _signed(row: Row, column: Column) -> bool:
    return row.key == "net_change" or column.key.startswith(("change_", "balance_"))


def _is_amount(cell: Cell, *, signed: bool) -> bool:
    if not isinstance(cell, (int, float)) or not is_number(cell) or not isfinite(cell):
        return False
    return signed or cell >= 0


def _within(table: Table, most: float, what: str) -> Iterator[Finding]:
    for row, column, cell in _amounts(table):
        area = abs(cell) if column.unit == "km2" and isinstance(cell, (int, float)) else 0.0
        if area > most * (1 + RELATIVE):
            place = Place("within-the-country", table.id, f"{row.key}/{column.key}")
            yield place.says(f"{area:,.6f} km2 exceeds {most:,.6f}, {what}")


def _people_within(exposed: Table, people: Table) -> Iterator[Finding]:
    for row in exposed.rows:
        for group in ("female", "male", "total"):
            count = exposed.number(row.key, group)
            thousands = people.number(row.key, group)
            most = inf if thousands is None else 1000 * thousands
            if count is not None and count > most:
                place = Place("within-the-country", exposed.id, f"{row.key}/{group}")
                yield place.says(f"{count:,.0f} persons exceed {most:,.0f}, the population in CP-1.T2")

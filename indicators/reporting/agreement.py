"""Rules about sums: tables of one report agree with each other.

UNCCD PRAIS 4 manual, introduction.md and SO1.md, "Dependencies", for areas within CP-1; the others follow from what the
tables are (LDN facts 5.3 and 5.4).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from indicators.reporting.finding import Finding, Place, Tables, areas
from indicators.reporting.table import Table
from indicators.reporting.totals import STATUS3, STATUS7

_NAMES: Final = {-1: "degraded", 0: "stable", 1: "improved"}

_LAND: Final = ("SO1-2.T3", "SO1-3.T2", "SO1-4.T1")
"""Tables whose conditions fill the total land area."""


def country_is_land_and_water(tables: Tables) -> Iterator[Finding]:
    """CP-1.T1: total country area = land + water."""
    for table in _some(tables, "CP-1.T1"):
        for row in table.rows:
            place = Place("country-is-land-and-water", table.id, f"{row.key}/total_country_area_km2")
            found = table.number(row.key, "total_country_area_km2")
            yield from place.compare(found, sum(areas(table, row)), "land and water bodies")


def extents_fill_the_country(tables: Tables) -> Iterator[Finding]:
    """SO1-1.T4: classes and no data of a year sum to the country area of that year in CP-1.T1."""
    known = tables.get("CP-1.T1")
    for table in _some(tables, "SO1-1.T4"):
        for row in table.rows:
            found = sum(areas(table, row))
            place = Place("extents-fill-the-country", table.id, f"{row.key}/total_km2")
            yield from place.compare(table.number(row.key, "total_km2"), found, "the classes and no data")
            country = known.number(row.key, "total_country_area_km2") if known is not None else None
            yield from Place("extents-fill-the-country", table.id, row.key).compare(
                found, country, "the country area in CP-1.T1"
            )


def changes_agree_with_extents(tables: Tables) -> Iterator[Finding]:
    """SO1-1.T5 and T6: rows sum to the extents of the initial year, columns to those of the final year."""
    for extents in _some(tables, "SO1-1.T4"):
        for table in _some(tables, "SO1-1.T5", "SO1-1.T6"):
            years = dict(table.subtitle.values) if table.subtitle else {}
            for end in ("initial", "final"):
                yield from _change(table, extents, str(years.get(end)), end)


def conditions_fill_the_land(tables: Tables) -> Iterator[Finding]:
    """SO1-2.T3, SO1-3.T2, SO1-4.T1: improved + stable + degraded + no data = total land area, without water."""
    for known in _some(tables, "CP-1.T1"):
        for table in _some(tables, *_LAND):
            for row in table.rows:
                if table.id != "SO1-4.T1" or row.total:
                    year = str(table.value(row.key, "land_area_year"))
                    land = known.number(year, "total_land_area_km2")
                    what = f"the total land area of {year} in CP-1.T1"
                    yield from Place("conditions-fill-the-land", table.id, row.key).compare(
                        sum(areas(table, row)), land, what
                    )


def status_agrees_with_indicator(tables: Tables) -> Iterator[Finding]:
    """SO1-4.T1: cells with a degraded outcome sum to the degraded area of SO1-4.T2."""
    what = "the cells of SO1-4.T1 that count as degraded"
    for status in _some(tables, "SO1-4.T1"):
        for indicator in _some(tables, "SO1-4.T2"):
            for row in indicator.rows:
                found = _degraded(status, row.key)
                place = Place("status-agrees-with-indicator", indicator.id, f"{row.key}/degraded_km2")
                scale = indicator.number(row.key, "total_land_area_km2") or 0.0
                yield from place.compare(indicator.number(row.key, "degraded_km2"), found, what, scale=scale)


def _some(tables: Tables, *names: str) -> tuple[Table, ...]:
    return tuple(tables[name] for name in names if name in tables)


def _change(table: Table, extents: Table, year: str, end: str) -> Iterator[Finding]:
    row = extents.row(year)
    scale = sum(areas(extents, row)) if row else 0.0
    keys = [column.key for column in table.columns if column.unit == "km2" and not column.total]
    for key in keys:
        name = key.removesuffix("_km2")
        across, down = ((name, each) for each in keys), ((each.removesuffix("_km2"), key) for each in keys)
        found = sum(table.number(*cell) or 0.0 for cell in (across if end == "initial" else down))
        place = Place("changes-agree-with-extents", table.id, f"{name}/{end}")
        expected = extents.number(year, key)
        yield from place.compare(found, expected, f"the extent of {year} in SO1-1.T4", scale=scale)


def _degraded(status: Table, role: str) -> float | None:
    pairs = [pair for pair, seven in STATUS7.items() if STATUS3[seven] == -1]
    cells = [status.number(f"{role}_{_NAMES[before]}", f"{_NAMES[now]}_km2") for before, now in pairs]
    return None if None in cells else sum(cell or 0.0 for cell in cells)

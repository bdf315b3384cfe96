"""Two tables beside those of PRAIS: every change of land cover by process, and the areas of each zone."""

from __future__ import annotations

from collections.abc import Sequence

from indicators.reporting.account import PeriodAccount, Process
from indicators.reporting.conditions import COLORS, KEYS
from indicators.reporting.submission import Submission, period_text
from indicators.reporting.table import Column, Row, Table, class_colors, empty
from indicators.reporting.texts import class_text, condition_text, process_text, words


def processes(submission: Submission) -> Table:
    """Changes of class in every period, largest first; those that need verification are marked."""
    columns = (
        Column("period", words("period")),
        Column("process", words("change_process")),
        Column("initial_class", words("initial_class")),
        Column("final_class", words("final_class")),
        Column("counts_as", words("counts_as")),
        Column("unlikely", words("unlikely")),
        Column("area_km2", words("area"), "km2"),
        Column("pixels", words("pixels"), "pixels"),
    )
    rows = tuple(
        _process_row(account, row, f"{account.period.role}_{index}")
        for account in submission.ordered
        for index, row in enumerate(account.processes, 1)
    )
    if not rows:
        return empty("processes", words("processes"), words("no_processes"))
    return Table("processes", words("processes"), "km2", columns, rows, (words("mapped_area"),))


def zones(accounts: Sequence[PeriodAccount]) -> Table:
    """Country area, land area, conditions by land cover and degraded land of each zone and period.

    Args:
        accounts: one for each zone and period; at least one.
    """
    columns = (
        Column("zone", words("zone")),
        Column("period", words("period")),
        Column("total_country_area_km2", words("country_area"), "km2"),
        Column("total_land_area_km2", words("land_area"), "km2"),
        *(
            Column(f"cover_{key}_km2", words("cover_condition", condition=condition_text(code)), "km2", COLORS[code])
            for code, key in KEYS.items()
        ),
        Column("degraded_km2", words("degraded_area"), "km2", COLORS[-1]),
        Column("proportion_percent", words("proportion"), "%"),
    )
    rows = tuple(_zone_row(account, str(index)) for index, account in enumerate(accounts, 1))
    notes = words("mapped_area"), words("proportion_of_row")
    return Table("zones", words("zones"), "km2", columns, rows, notes)


def _process_row(account: PeriodAccount, row: Process, key: str) -> Row:
    legend = account.legend_id
    return Row(
        key,
        (
            period_text(account),
            process_text(row.process),
            class_text(row.initial, legend),
            class_text(row.final, legend),
            condition_text(row.sign),
            words("yes") if row.unlikely else None,
            row.km2,
            row.pixels,
        ),
        class_colors(account.legend)[row.final],
    )


def _zone_row(account: PeriodAccount, key: str) -> Row:
    land, degraded, share = account.land_km2("final"), account.degraded_km2, account.degraded_percent
    areas = (account.cover.of(code) for code in KEYS)
    return Row(key, (account.zone, period_text(account), account.country_km2, land, *areas, degraded, share))

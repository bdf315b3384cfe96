"""The tables of land area and of SO 1-1: extents, changes, degradation by land cover.

UNCCD PRAIS 4 manual, SO1.md Steps 1 to 6 and table CP-1.T1.
"""

from __future__ import annotations

from typing import Final

from indicators.reporting.account import PeriodAccount
from indicators.reporting.conditions import condition_columns, condition_row
from indicators.reporting.submission import Submission, period_text
from indicators.reporting.table import Column, Row, Table, class_colors, class_keys, empty, summed
from indicators.reporting.texts import Text, class_text, words

YEAR: Final = Column("year", words("year"))


def land_area(submission: Submission) -> Table:
    """CP-1.T1: total land area, water bodies and total country area of each year of a land-cover map."""
    columns = (
        YEAR,
        Column("total_land_area_km2", words("land_area"), "km2"),
        Column("water_bodies_km2", words("water_area"), "km2"),
        Column("total_country_area_km2", words("country_area"), "km2", total=True),
    )
    rows = tuple(
        Row(str(year), (year, *summed((account.land_km2(which), account.water_km2(which)))))
        for year, account, which in submission.years()
    )
    return Table("CP-1.T1", words("CP-1.T1"), "km2", columns, rows, _year_notes(submission))


def extents(submission: Submission) -> Table:
    """SO1-1.T4: km2 of each class, and without data, in each year of a land-cover map."""
    columns = (YEAR, *class_columns(submission.accounts[0]))
    rows = tuple(
        Row(str(year), (year, *summed(tuple(account.extent(which).values()))))
        for year, account, which in submission.years()
    )
    return Table("SO1-1.T4", words("SO1-1.T4"), "km2", columns, rows, _year_notes(submission))


def change_baseline(submission: Submission) -> Table:
    """SO1-1.T5: km2 by initial and final class in the baseline period, and the net change of each class."""
    if submission.baseline is None:
        return empty("SO1-1.T5", words("SO1-1.T5"), words("no_baseline"))
    return _change("SO1-1.T5", submission.baseline)


def change_report(submission: Submission) -> Table:
    """SO1-1.T6: the same in the latest reporting period."""
    if submission.report is None:
        return empty("SO1-1.T6", words("SO1-1.T6"), words("no_report"))
    return _change("SO1-1.T6", submission.report)


def degradation(submission: Submission) -> Table:
    """SO1-1.T7: condition by land cover over the country area, km2 and % of the total country area."""
    rows = tuple(condition_row(account, account.cover) for account in submission.ordered)
    notes = words("mapped_area"), words("country_share")
    return Table("SO1-1.T7", words("SO1-1.T7"), "km2", condition_columns(), rows, notes)


def class_columns(account: PeriodAccount) -> tuple[Column, ...]:
    """A column for each class, one for no data and one for the total."""
    keys, colors = class_keys(account.legend), class_colors(account.legend)
    classes = (
        Column(f"{key}_km2", class_text(code, account.legend_id), "km2", colors[code]) for code, key in keys.items()
    )
    return (*classes, Column("total_km2", words("total"), "km2", total=True))


def _change(table_id: str, account: PeriodAccount) -> Table:
    changes, net = account.changes, account.net_change
    keys, colors = class_keys(account.legend), class_colors(account.legend)
    rows = [
        Row(
            keys[before],
            (class_text(before, account.legend_id), *summed([changes[before, after] for after in keys])),
            colors[before],
        )
        for before in keys
    ]
    finals = summed([float(sum(changes[before, after] for before in keys)) for after in keys])
    rows.append(Row("total", (words("total"), *finals), total=True))
    rows.append(Row("net_change", (words("net_change"), *(net[code] for code in keys), None)))
    columns = (Column("initial_class", words("initial_by_final")), *class_columns(account))
    notes = (words("mapped_area"),)
    return Table(table_id, words(table_id), "km2", columns, tuple(rows), notes, period_text(account))


def _year_notes(submission: Submission) -> tuple[Text, ...]:
    differing = (words("year_differs", year=str(year)) for year in submission.disagreements())
    return (words("mapped_area"), *differing)

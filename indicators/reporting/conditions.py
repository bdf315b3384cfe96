"""Columns and rows by condition that SO1-1.T7, SO1-2.T3 and SO1-3.T2 share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from indicators.codes import DEGRADED, IMPROVED, NODATA, STABLE
from indicators.reporting.account import PeriodAccount
from indicators.reporting.submission import Submission, period_text
from indicators.reporting.table import Column, Row, Table, empty, summed
from indicators.reporting.texts import Text, condition_text, words
from indicators.reporting.totals import Totals
from landcover.legends import get_legend

KEYS: Final = {DEGRADED: "degraded", STABLE: "stable", IMPROVED: "improved", NODATA: "no_data"}
"""Key of each condition in tables, in the order of columns."""

COLORS: Final = {**{row.code: row.color for row in get_legend("degradation3").classes}, NODATA: ""}
"""Official colours of the conditions."""


def condition_columns() -> tuple[Column, ...]:
    """Period, km2 of each condition and their total, % of each condition."""
    return (
        Column("period", words("period")),
        *(Column(f"{key}_km2", condition_text(code), "km2", COLORS[code]) for code, key in KEYS.items()),
        Column("total_km2", words("total"), "km2", total=True),
        *(Column(f"{key}_percent", condition_text(code), "%", COLORS[code]) for code, key in KEYS.items()),
    )


def condition_row(account: PeriodAccount, totals: Totals) -> Row:
    """The row of a period: areas, their total, and shares of it."""
    *areas, total = summed([totals.of(code) for code in KEYS])
    shares = (percent(area, total) for area in areas)
    return Row(account.period.role, (period_text(account), *areas, total, *shares))


def percent(part: float, whole: float) -> float | None:
    """A share in percent; None of nothing."""
    return 100 * part / whole if whole > 0 else None


def land_conditions(
    submission: Submission, table_id: str, of: Callable[[PeriodAccount], Totals | None], missing: str, *notes: Text
) -> Table:
    """A table of conditions over total land, with a row for each period that has the layer.

    Args:
        submission: the accounts.
        table_id: PRAIS's id.
        of: the totals of an account, None where the layer was not given.
        missing: key of the text that says so.
        notes: more notes.
    """
    found = [(account, of(account)) for account in submission.ordered]
    without = [account for account, totals in found if totals is None]
    if len(without) == len(found):
        return empty(table_id, words(table_id), words(missing))
    land_year = Column("land_area_year", words("land_year"))
    rows = tuple(
        Row(row.key, (*row.cells, account.land_year))
        for account, totals in found
        if totals is not None
        for row in (condition_row(account, totals),)
    )
    gaps = (words("missing_for", name=period_text(account), reason=words(missing)) for account in without)
    rules = (land_rule(account) for account, totals in found if totals is not None)
    said = (words("mapped_area"), words("land_share"), *rules, *gaps, *notes)
    return Table(table_id, words(table_id), "km2", (*condition_columns(), land_year), rows, said)


def land_rule(account: PeriodAccount) -> Text:
    """The note that says from which map water and classes are taken."""
    return words("land_rule", name=words(account.period.role), year=str(account.land_year))

"""Counterbalancing: gains and losses of the latest reporting period by land type.

Good Practice Guidance, addendum, steps 4 and 5 (LDN facts 4.5). PRAIS has no form for it.
"""

from __future__ import annotations

from typing import Final

from indicators.codes import NODATA
from indicators.condition.balance import Balance, LandTypeBalance, balance
from indicators.joint import BASELINE, SDG
from indicators.reporting.account import PeriodAccount
from indicators.reporting.submission import Submission, period_text
from indicators.reporting.table import Cell, Column, Row, Table, class_colors, class_keys, empty
from indicators.reporting.texts import Text, class_text, condition_text, words

TABLE: Final = "SO1-4.T1c"


def land_balance(submission: Submission) -> Table:
    """SO1-4.T1c: gains less losses of each land type, and neutrality of the whole in two readings."""
    account = next((each for each in reversed(submission.reports) if each.has(SDG) and each.has(BASELINE)), None)
    if account is None:
        return empty(TABLE, words(TABLE), words("no_status"))
    found = balance(account.judged)
    columns = (
        Column("land_type", words("land_type")),
        Column("land_km2", words("land_area"), "km2"),
        Column("gains_km2", words("gains"), "km2"),
        Column("losses_km2", words("losses"), "km2"),
        Column("balance_km2", words("balance"), "km2"),
        Column("no_data_km2", words("no_data_area"), "km2"),
        Column("achieved", words("neutrality_achieved")),
    )
    rows = [_row(account, land) for land in found.land_types]
    notes = (words("balance_rule"), words("mapped_area"), words("not_prais"))
    return Table(TABLE, words(TABLE), "km2", columns, (*rows, *_totals(found)), notes, subtitle=period_text(account))


def _row(account: PeriodAccount, land: LandTypeBalance) -> Row:
    key = "no_data" if land.land_type == NODATA else class_keys(account.legend)[land.land_type]
    name = condition_text(NODATA) if land.land_type == NODATA else class_text(land.land_type, account.legend_id)
    color = "" if land.land_type == NODATA else class_colors(account.legend)[land.land_type]
    return Row(key, (name, *_figures(land), _verdict(land.achieved)), color)


def _totals(found: Balance) -> tuple[Row, Row]:
    """Two readings of the whole: all land types as one, and each for itself."""
    figures = _figures(found.total)
    return (
        Row("sum_of_balances", (words("sum_of_balances"), *figures, _verdict(found.sum_of_balances)), total=True),
        Row("every_land_type", (words("every_land_type"), *[None] * len(figures), _verdict(found.every_land_type))),
    )


def _figures(land: LandTypeBalance) -> tuple[Cell, ...]:
    return land.land_km2, land.gains_km2, land.losses_km2, land.delta_km2, land.nodata_km2


def _verdict(achieved: bool | None) -> Text:  # noqa: FBT001 - a verdict
    return words({True: "yes", False: "no", None: "not_said"}[achieved])

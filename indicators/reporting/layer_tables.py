"""The tables of SO 1-2, productivity, and of SO 1-3, soil organic carbon.

UNCCD PRAIS 4 manual, SO1.md 1.2 and 1.3.
"""

from __future__ import annotations

from indicators.codes import NODATA
from indicators.joint import LPD
from indicators.reporting.account import PeriodAccount
from indicators.reporting.conditions import land_conditions, land_rule
from indicators.reporting.submission import Submission
from indicators.reporting.table import Column, Row, Table, class_colors, class_keys, empty, summed
from indicators.reporting.texts import Text, class_text, lpd_text, words
from landcover.legends import get_legend


def dynamics_baseline(submission: Submission) -> Table:
    """SO1-2.T1: land productivity dynamics by land cover in the baseline period."""
    return _dynamics("SO1-2.T1", submission.baseline, "no_baseline")


def dynamics_report(submission: Submission) -> Table:
    """SO1-2.T2: the same in the latest reporting period."""
    return _dynamics("SO1-2.T2", submission.report, "no_report")


def productivity(submission: Submission) -> Table:
    """SO1-2.T3: condition by productivity over total land, km2 and % of the total land area."""
    return land_conditions(submission, "SO1-2.T3", lambda account: account.productivity, "no_productivity")


def soc_stock(submission: Submission) -> Table:
    """SO1-3.T1: mean soil organic carbon of 0-30 cm by year and class, t/ha."""
    stocks = submission.stocks()
    if not stocks:
        return empty("SO1-3.T1", words("SO1-3.T1"), words("no_soc_stock"))
    legend = submission.accounts[0].legend
    keys, colors = class_keys(legend), class_colors(legend)
    columns = (
        Column("year", words("year")),
        *(Column(f"{keys[code]}_t_ha", class_text(code, legend.id), "t/ha", colors[code]) for code in legend.codes),
    )
    rows = tuple(
        Row(str(stock.year), (stock.year, *(stock.per_hectare(code) for code in legend.codes))) for stock in stocks
    )
    return Table("SO1-3.T1", words("SO1-3.T1"), "t/ha", columns, rows)


def soc_condition(submission: Submission) -> Table:
    """SO1-3.T2: condition by soil organic carbon over total land, km2 and % of the total land area."""
    return land_conditions(submission, "SO1-3.T2", lambda account: account.soc, "no_soc")


def _dynamics(table_id: str, account: PeriodAccount | None, missing: str) -> Table:
    areas = account.lpd_by_cover if account else None
    if account is None or areas is None:
        return empty(table_id, words(table_id), words(missing if account is None else "no_lpd"))
    keys, colors, codes = class_keys(account.legend), class_colors(account.legend), account.joint.axis(LPD).codes
    rows = [
        Row(key, (class_text(code, account.legend_id), *summed([areas[code, lpd] for lpd in codes])), colors[code])
        for code, key in keys.items()
    ]
    finals = summed([float(sum(areas[code, lpd] for code in keys)) for lpd in codes])
    rows.append(Row("total", (words("total"), *finals), total=True))
    notes = words("mapped_area"), land_rule(account), words("water_rows")
    return Table(table_id, words(table_id), "km2", _lpd_columns(codes), tuple(rows), notes, _years(account))


def _lpd_columns(codes: tuple[int, ...]) -> tuple[Column, ...]:
    legend = get_legend("lpd5")
    names = {**dict(zip(legend.codes, legend.names, strict=True)), NODATA: "no_data"}
    colors = {**{row.code: row.color for row in legend.classes}, NODATA: ""}
    each = (Column(f"{names[code]}_km2", lpd_text(code), "km2", colors[code]) for code in codes)
    return (Column("land_cover", words("cover")), *each, Column("total_km2", words("total"), "km2", total=True))


def _years(account: PeriodAccount) -> Text:
    period = account.period
    first, last = period.productivity or period.years
    return words("years", name=words(period.role), initial=str(first), final=str(last))

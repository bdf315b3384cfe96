"""The tables of SO 1-4: status against the baseline, the indicator, corrections, hotspots and brightspots.

UNCCD PRAIS 4 manual, SO1.md 1.4 and Figure 4; Good Practice Guidance for SDG indicator 15.3.1, addendum.
"""

from __future__ import annotations

from collections.abc import Sequence

from indicators.codes import NODATA
from indicators.condition.status import legend
from indicators.reporting.account import PeriodAccount
from indicators.reporting.conditions import COLORS, KEYS, land_rule, percent
from indicators.reporting.entries import Spot
from indicators.reporting.period import Role
from indicators.reporting.submission import Submission, period_text
from indicators.reporting.table import Cell, Column, Row, Table, class_colors, empty, summed
from indicators.reporting.texts import Text, condition_text, process_text, words
from indicators.reporting.totals import STATUS3


def status(submission: Submission) -> Table:
    """SO1-4.T1: total land by the indicator of the baseline and of each reporting period."""
    if not submission.reports:
        return empty("SO1-4.T1", words("SO1-4.T1"), words("no_report"))
    found = [account for account in submission.reports if account.status is not None]
    if not found:
        return empty("SO1-4.T1", words("SO1-4.T1"), _no_status(submission))
    columns = (
        Column("period", words("period")),
        Column("baseline", words("baseline_by_period")),
        *(Column(f"{key}_km2", condition_text(code), "km2", COLORS[code]) for code, key in KEYS.items()),
        Column("total_km2", words("total"), "km2", total=True),
        Column("land_area_year", words("land_year")),
    )
    rows = tuple(row for account in found for row in _status_rows(account))
    notes = (words("mapped_area"), *map(land_rule, found), *_gaps(submission))
    return Table("SO1-4.T1", words("SO1-4.T1"), "km2", columns, rows, notes)


def status7(submission: Submission) -> Table:
    """SO1-4.T1b: the same in the seven classes of the status map, which PRAIS shows as a map only."""
    found = [(account, account.status.seven) for account in submission.reports if account.status is not None]
    if not found:
        return empty("SO1-4.T1b", words("SO1-4.T1b"), _no_status(submission))
    columns = (
        Column("status_class", words("status_class")),
        Column("counts_as", words("counts_as")),
        *(Column(f"{account.period.role}_km2", period_text(account), "km2") for account, _ in found),
    )
    colors = class_colors(legend())
    rows = [
        Row(
            f"status_{code}" if code != NODATA else "no_data",
            (_status_text(code), condition_text(STATUS3.get(code, NODATA)), *(areas[code] for _, areas in found)),
            colors[code],
        )
        for code in (*STATUS3, NODATA)
    ]
    totals = (float(sum(areas.values())) for _, areas in found)
    rows.append(Row("total", (words("total"), None, *totals), total=True))
    return Table("SO1-4.T1b", words("SO1-4.T1b"), "km2", columns, tuple(rows), (words("not_prais"),))


def indicator(submission: Submission) -> Table:
    """SO1-4.T2: degraded land, its share of total land, and the change since the baseline."""
    columns = (
        Column("year", words("year")),
        Column("period", words("period")),
        Column("degraded_km2", words("degraded_area"), "km2", COLORS[-1]),
        Column("total_land_area_km2", words("land_area"), "km2"),
        Column("proportion_percent", words("proportion"), "%"),
        Column("change_km2", words("change_area"), "km2"),
        Column("change_points", words("change_points"), "percentage points"),
        Column("confidence", words("confidence")),
        Column("method", words("method")),
    )
    rows = tuple(row for row in (_indicator_row(submission, account) for account in submission.ordered) if row)
    if not rows:
        return empty("SO1-4.T2", words("SO1-4.T2"), _no_status(submission))
    notes = (words("mapped_area"), words("proportion_rule"), *map(land_rule, submission.ordered), *_gaps(submission))
    filled = () if submission.confidence else (words("to_be_filled"),)
    return Table("SO1-4.T2", words("SO1-4.T2"), "km2", columns, rows, (*notes, *filled))


def corrections(submission: Submission) -> Table:
    """SO1-4.T3: where experts judge otherwise than the maps."""
    if not submission.corrections:
        return empty("SO1-4.T3", words("SO1-4.T3"), words("no_corrections"))
    columns = (
        Column("place", words("place")),
        Column("type", words("type")),
        Column("area_km2", words("area"), "km2"),
        Column("process", words("change_process")),
        Column("basis", words("basis")),
        Column("periods", words("periods")),
    )
    rows = tuple(
        Row(
            str(index),
            (each.place, words(each.judgement), each.km2, each.process, each.basis, _listed(each.periods)),
        )
        for index, each in enumerate(submission.corrections, 1)
    )
    return Table("SO1-4.T3", words("SO1-4.T3"), "km2", columns, rows, (words("mapped_area"),))


def hotspots(submission: Submission) -> Table:
    """SO1-4.T4: degraded places."""
    return _spots("SO1-4.T4", submission.hotspots, "no_hotspots", Column("remediation", words("remediation")))


def brightspots(submission: Submission) -> Table:
    """SO1-4.T5: improved places."""
    return _spots("SO1-4.T5", submission.brightspots, "no_brightspots", Column("actions", words("actions")))


def _listed(roles: Sequence[Role]) -> Text | None:
    if not roles:
        return None
    first, *others = roles
    rest = _listed(others)
    return words("pair", first=words(first), second=rest) if rest else words(first)


def _spots(table_id: str, spots: Sequence[Spot], missing: str, last: Column) -> Table:
    if not spots:
        return empty(table_id, words(table_id), words(missing))
    columns = (
        Column("name", words("name")),
        Column("area_km2", words("area"), "km2"),
        Column("process", words("change_process")),
        Column("drivers", words("drivers")),
        last,
    )
    rows = tuple(
        Row(str(index), (spot.name, spot.km2, process_text(spot.process), spot.drivers, spot.actions))
        for index, spot in enumerate(spots, 1)
    )
    return Table(table_id, words(table_id), "km2", columns, rows, (words("mapped_area"), words("to_be_filled")))


def _status_rows(account: PeriodAccount) -> tuple[Row, ...]:
    found = account.status
    if found is None:
        return ()
    period, year, role = period_text(account), account.land_year, account.period.role
    rows = [
        Row(
            f"{role}_{key}",
            (period, condition_text(before), *summed([found.of(before, now) for now in KEYS]), year),
            COLORS[before],
        )
        for before, key in KEYS.items()
    ]
    finals = summed([float(sum(found.of(before, now) for before in KEYS)) for now in KEYS])
    return (*rows, Row(f"{role}_total", (period, words("total"), *finals, year), total=True))


def _indicator_row(submission: Submission, account: PeriodAccount) -> Row | None:
    degraded, baseline = account.degraded_km2, submission.baseline
    if degraded is None:
        return None
    land = account.land_km2("final")
    change: tuple[Cell, Cell] = (None, None)
    if baseline and baseline is not account and baseline.degraded_km2 is not None:
        before = baseline.degraded_km2
        shares = percent(degraded, land), percent(before, baseline.land_km2("final"))
        change = degraded - before, None if None in shares else (shares[0] or 0) - (shares[1] or 0)
    confidence = words(submission.confidence) if submission.confidence else None
    said = period_text(account), degraded, land, percent(degraded, land), *change, confidence, words("one_out_all_out")
    return Row(account.period.role, (account.period.final, *said))


def _no_status(submission: Submission) -> Text:
    if any(account.sdg for account in submission.reports):
        return words("no_status")
    return words("no_sdg") if any(submission.reports) or submission.baseline else words("no_report")


def _gaps(submission: Submission) -> tuple[Text, ...]:
    """Notes on the periods that have no row."""
    return tuple(
        words("missing_for", name=period_text(account), reason=words("no_sdg" if account.sdg is None else "no_status"))
        for account in submission.ordered
        if account.degraded_km2 is None
    )


def _status_text(code: int) -> Text:
    return condition_text(NODATA) if code == NODATA else words(f"status_{code}")

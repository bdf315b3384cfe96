"""Tables SO1-1.T1 to T3: processes, the country's legend, what each change of land cover means.

UNCCD PRAIS 4 manual, SO1.md Steps 1 to 3 and Table 7.
"""

from __future__ import annotations

from typing import Final

from indicators.codes import DEGRADED
from indicators.reporting.conditions import percent
from indicators.reporting.submission import Submission, period_text
from indicators.reporting.table import Column, Row, Table, class_colors, class_keys, empty
from indicators.reporting.texts import Text, class_text, process_text, words
from indicators.transitions import TransitionMatrix

MENU: Final = (
    "Urban expansion",
    "Deforestation",
    "Vegetation loss",
    "Inundation",
    "Woody encroachment",
    "Wetland drainage",
)
"""Processes that PRAIS offers; any other goes by "Other" and a title (Table 7)."""

KEY_PROCESSES: Final = 10
"""Rows of table SO1-1.T1 at most."""

SIGNS: Final = {-1: "-", 0: "0", 1: "+"}


def key_processes(submission: Submission) -> Table:
    """SO1-1.T1: the largest changes of land cover that are degradation, under the names of PRAIS's menu."""
    areas: dict[tuple[str, int, int], dict[str, float]] = {}
    for account in submission.ordered:
        for row in account.processes:
            if row.sign == DEGRADED:
                by_role = areas.setdefault((row.process, row.initial, row.final), {})
                by_role[account.period.role] = by_role.get(account.period.role, 0.0) + row.km2
    if not areas:
        return empty("SO1-1.T1", words("SO1-1.T1"), words("no_degrading"))
    ranked = sorted(areas.items(), key=lambda item: (-max(item[1].values()), item[0]))[:KEY_PROCESSES]
    legend = submission.accounts[0].legend
    colors, keys = class_colors(legend), class_keys(legend)
    rows = tuple(
        Row(
            f"{keys[initial]}_to_{keys[final]}_{index}",
            (
                *_menu(process),
                class_text(initial, legend.id),
                class_text(final, legend.id),
                *(by_role.get(account.period.role, 0.0) for account in submission.ordered),
            ),
            colors[final],
        )
        for index, ((process, initial, final), by_role) in enumerate(ranked, 1)
    )
    return Table("SO1-1.T1", words("SO1-1.T1"), "km2", _columns(submission), rows, _notes(areas, ranked))


def country_legend(submission: Submission) -> Table:
    """SO1-1.T2: the country's classes and their UNCCD classes."""
    if not submission.country_legend:
        return empty("SO1-1.T2", words("SO1-1.T2"), words("no_country_legend"))
    columns = (
        Column("code", words("code")),
        Column("country_class", words("country_class")),
        Column("unccd_code", words("unccd_code")),
        Column("unccd_class", words("unccd_class")),
    )
    colors = class_colors(submission.accounts[0].legend)
    rows = tuple(
        Row(str(row.code), (row.code, row.title, row.unccd, class_text(row.unccd)), colors.get(row.unccd, ""))
        for row in submission.country_legend
    )
    return Table("SO1-1.T2", words("SO1-1.T2"), "", columns, rows, (words("to_be_filled"),) if not rows else ())


def matrix(submission: Submission) -> Table:
    """SO1-1.T3: the sign of each change, of one matrix or of each regional one."""
    matrices = submission.ordered[-1].matrices
    differing = any(account.matrices != matrices for account in submission.accounts)
    legend = submission.accounts[0].legend
    keys, colors = class_keys(legend), class_colors(legend)
    columns = (
        Column("matrix", words("region")),
        Column("initial_class", words("initial_by_final")),
        *(Column(keys[code], class_text(code, legend.id), "", colors[code]) for code in legend.codes),
    )
    rows = tuple(row for place, each in enumerate(matrices, 1) for row in _matrix_rows(each, f"{place}_", keys, colors))
    notes = (words("matrix_differs"),) if differing else ()
    return Table("SO1-1.T3", words("SO1-1.T3"), "", columns, rows, notes)


def _matrix_rows(each: TransitionMatrix, prefix: str, keys: dict[int, str], colors: dict[int, str]) -> tuple[Row, ...]:
    codes = each.legend.codes
    return tuple(
        Row(
            f"{prefix}{keys[initial]}",
            (each.id, class_text(initial, each.legend_id), *(SIGNS[each.sign(initial, final)] for final in codes)),
            colors[initial],
        )
        for initial in codes
    )


def _menu(process: str) -> tuple[Text, Text | None]:
    return (process_text(process), None) if process in MENU else (words("other"), process_text(process))


def _columns(submission: Submission) -> tuple[Column, ...]:
    periods = (Column(f"{account.period.role}_km2", period_text(account), "km2") for account in submission.ordered)
    return (
        Column("process", words("process")),
        Column("process_title", words("process_title")),
        Column("initial_class", words("initial_class")),
        Column("final_class", words("final_class")),
        *periods,
    )


def _notes(
    areas: dict[tuple[str, int, int], dict[str, float]], ranked: list[tuple[tuple[str, int, int], dict[str, float]]]
) -> tuple[Text, ...]:
    shown = sum(sum(by_role.values()) for _, by_role in ranked)
    share = percent(shown, sum(sum(by_role.values()) for by_role in areas.values()))
    return words("mapped_area"), words("largest_processes", share=f"{share or 0:.1f}")

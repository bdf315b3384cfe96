"""All tables of a report in PRAIS's order.

Tables, units and contents: UNCCD PRAIS 4 manual, SO1.md and introduction.md; captions are Steppe's words, because
PRAIS's forms are not public.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from indicators.reporting import balance_tables, cover_tables, layer_tables, matrix_tables, status_tables
from indicators.reporting.submission import Submission
from indicators.reporting.table import Table

_MAKERS: Final[tuple[Callable[[Submission], Table], ...]] = (
    cover_tables.land_area,
    matrix_tables.key_processes,
    matrix_tables.country_legend,
    matrix_tables.matrix,
    cover_tables.extents,
    cover_tables.change_baseline,
    cover_tables.change_report,
    cover_tables.degradation,
    layer_tables.dynamics_baseline,
    layer_tables.dynamics_report,
    layer_tables.productivity,
    layer_tables.soc_stock,
    layer_tables.soc_condition,
    status_tables.status,
    status_tables.status7,
    balance_tables.land_balance,
    status_tables.indicator,
    status_tables.corrections,
    status_tables.hotspots,
    status_tables.brightspots,
)

GROUPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "CP-1": "group_land",
        "SO1-1": "group_cover",
        "SO1-2": "group_productivity",
        "SO1-3": "group_soc",
        "SO1-4": "group_status",
    }
)
"""Groups of tables, PRAIS's forms, by the beginning of the ids of their tables."""


def report_tables(submission: Submission) -> tuple[Table, ...]:
    """Every table of CP-1 and SO 1-1 to SO 1-4, in PRAIS's order.

    A table whose input was not given has no rows and a note that says so. Areas are km2, not rounded.
    """
    return tuple(make(submission) for make in _MAKERS)


def group_of(table: Table) -> str:
    """The group of a table: ``SO1-1`` for ``SO1-1.T4``."""
    return table.id.partition(".")[0]

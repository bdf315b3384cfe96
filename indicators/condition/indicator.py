"""The status of land in the cells of a joint table, which balances and tables of a report sum.

The indicator itself, degraded land and its share of total land, is `indicators.reporting.account.PeriodAccount`.
"""

from __future__ import annotations

from indicators.codes import CONDITIONS, NODATA
from indicators.condition.status import MATRIX
from indicators.joint import BASELINE, SDG, JointTable


def cell_statuses(table: JointTable, *, axis: str = SDG) -> list[int]:
    """Seven-class status of every cell over (baseline, axis), flat; -32768 where either has no data.

    Good Practice Guidance for SDG 15.3.1, Addendum; UNCCD PRAIS 4 reporting manual, SO1.md Figure 4.

    Args:
        table: a joint table with an axis ``baseline``.
        axis: which layer of the period: ``sdg``, or another one with the codes -1, 0, 1 and -32768.

    Raises:
        ConfigError: when the table lacks an axis.
    """
    return [
        NODATA if NODATA in (before, after) else MATRIX[CONDITIONS.index(before)][CONDITIONS.index(after)]
        for before in table.axis(BASELINE).codes
        for after in table.axis(axis).codes
    ]

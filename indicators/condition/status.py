"""Status of land: the assessment of a period seen against the baseline.

Good Practice Guidance for SDG 15.3.1, Addendum: the status matrix, as shown in the UNCCD PRAIS 4 reporting manual,
SO1.md Figure 4. Each period is compared with the baseline, never with the period before it, and the baseline's own
status is its assessment. The same matrix holds for the indicator and for each sub-indicator.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from indicators.codes import CONDITIONS, DEGRADED, IMPROVED, NODATA, OUTSIDE, STABLE
from indicators.condition.positions import CHUNK, SIZE, conditions
from indicators.joint import BASELINE, SDG, JointTable
from indicators.productivity.positions import Codes, Positions, condition_positions
from landcover.errors import GridMismatch
from landcover.legends import Legend, get_legend
from landcover.lookup import build_table, look_up

PERSISTENT_DEGRADATION: Final = 1
RECENT_DEGRADATION: Final = 2
BASELINE_DEGRADATION: Final = 3
STABILITY: Final = 4
BASELINE_IMPROVEMENT: Final = 5
RECENT_IMPROVEMENT: Final = 6
PERSISTENT_IMPROVEMENT: Final = 7

STATUSES: Final = tuple(range(PERSISTENT_DEGRADATION, PERSISTENT_IMPROVEMENT + 1))
"""The seven classes: codes of the legend ``status7``, which has names in six languages and colours."""

MATRIX: Final = (
    (PERSISTENT_DEGRADATION, BASELINE_DEGRADATION, RECENT_IMPROVEMENT),
    (RECENT_DEGRADATION, STABILITY, RECENT_IMPROVEMENT),
    (RECENT_DEGRADATION, BASELINE_IMPROVEMENT, PERSISTENT_IMPROVEMENT),
)
"""Rows: baseline degraded, stable, improved; columns: the period."""

CONDITION_OF: Final = {
    PERSISTENT_DEGRADATION: DEGRADED,
    RECENT_DEGRADATION: DEGRADED,
    BASELINE_DEGRADATION: DEGRADED,
    STABILITY: STABLE,
    BASELINE_IMPROVEMENT: IMPROVED,
    RECENT_IMPROVEMENT: IMPROVED,
    PERSISTENT_IMPROVEMENT: IMPROVED,
}
"""Three classes of seven. Land that was degraded in the baseline and is stable since still is degraded."""

GAINS: Final = (RECENT_IMPROVEMENT, PERSISTENT_IMPROVEMENT)
LOSSES: Final = (PERSISTENT_DEGRADATION, RECENT_DEGRADATION)
"""What counts in counterbalancing: only what changed in the period (GPG Addendum, steps 4 and 5)."""

_UNKNOWN7: Final = len(STATUSES)


def legend() -> Legend:
    """The legend of the seven classes: codes, machine names, English titles and colours."""
    return get_legend("status7")


def status_table() -> Positions:
    """The matrix over positions: what the kernel of a joint histogram looks up.

    Returns:
        uint8 (baseline, period), both positions of ``indicators.joint.condition_axis``; values 0 to 6 are the position
        of a class in ``STATUSES``, 7 is no data.
    """
    table = np.full((SIZE, SIZE), _UNKNOWN7, np.uint8)
    table[:-1, :-1] = np.array(MATRIX, np.uint8) - STATUSES[0]
    return table


def status(baseline: Codes, period: Codes) -> npt.NDArray[np.int16]:
    """The seven-class status, pixel by pixel.

    Args:
        baseline: assessment of the baseline, integer array of any shape: -1, 0, 1; -32768, -32767 or 255 no data.
        period: assessment of the period, the same shape.

    Returns:
        int16 of the same shape: 1 to 7, and -32768 where either has no data.

    Raises:
        GridMismatch: when the shapes differ.
        DtypeMismatch: when an array is not of an integer type.
        UnmappedCodes: for any other code, with its number of pixels.
    """
    if baseline.shape != period.shape:
        raise GridMismatch(
            f"baseline of shape {baseline.shape}, period of {period.shape}; bring both to one grid first"
        )
    rows = condition_positions(baseline, owner="the baseline").reshape(-1)
    cols = condition_positions(period, owner="the period").reshape(-1)
    codes = np.array([*STATUSES, NODATA], np.int16).take(status_table()).reshape(-1)
    found = np.empty(rows.shape, np.int16)
    for start in range(0, found.size, CHUNK):
        part = slice(start, start + CHUNK)
        np.take(codes, rows[part] * np.uint8(SIZE) + cols[part], out=found[part], mode="clip")
    return found.reshape(baseline.shape)


def condition(status7: Codes) -> npt.NDArray[np.int16]:
    """Three classes of seven: -1 degraded, 0 stable, 1 improved, -32768 no data.

    Args:
        status7: codes of `status`, integer array of any shape; -32768, -32767 or 255 mean no data.

    Raises:
        DtypeMismatch: when the array is not of an integer type.
        UnmappedCodes: for any other code, with its number of pixels.
    """
    return _by_status(status7, CONDITION_OF)


def gains_and_losses(status7: Codes) -> npt.NDArray[np.int16]:
    """1 where land was gained, -1 where it was lost, 0 where neither, -32768 no data; arguments as `condition`.

    Counterbalancing as a layer (GPG Addendum, steps 4 and 5), for a map of gains and losses: the pixels whose areas
    `indicators.condition.balance` adds up from a joint table.
    """
    return _by_status(status7, {code: (code in GAINS) - (code in LOSSES) for code in STATUSES})


def _by_status(status7: Codes, values: dict[int, int]) -> npt.NDArray[np.int16]:
    pairs = [(code, CONDITIONS.index(value)) for code, value in values.items()]
    nodata = [(code, SIZE - 1) for code in (NODATA, -32767, 255)]
    return conditions(look_up(build_table([*pairs, *nodata]), status7, owner="legend 'status7'"))


def cell_statuses(table: JointTable, *, axis: str = SDG) -> list[int]:
    """Seven-class status of every cell over (baseline, axis), flat.

    -32767 where either says that it is or was water, which is no land without data; else -32768 where either has none.
    Good Practice Guidance for SDG 15.3.1, Addendum; UNCCD PRAIS 4 reporting manual, SO1.md Figure 4.

    Args:
        table: a joint table with an axis ``baseline``.
        axis: which layer of the period: ``sdg``, or another one with the codes -1, 0, 1, -32767 and -32768.

    Raises:
        ConfigError: when the table lacks an axis.
    """
    return [_cell_status(before, after) for before in table.axis(BASELINE).codes for after in table.axis(axis).codes]


def _cell_status(before: int, after: int) -> int:
    for missing in (OUTSIDE, NODATA):
        if missing in (before, after):
            return missing
    return MATRIX[CONDITIONS.index(before)][CONDITIONS.index(after)]

"""The rule for progress that the status matrix replaced, only to recognise old layers.

Files of the reporting process of 2022 may hold a layer "progress" of -1, 0, 1 in which land that was degraded in the
baseline and improved later is stable, and in which a period without data takes the baseline's class. It must not be
mixed with `indicators.condition.status`. Superseded by the GPG Addendum.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from indicators.codes import CONDITIONS, NODATA
from indicators.condition.positions import SIZE, UNKNOWN, conditions
from indicators.condition.status import CONDITION_OF, MATRIX
from indicators.productivity.positions import Codes, Positions, condition_positions
from landcover.errors import GridMismatch

PROGRESS: Final = ((-1, -1, 0, -1), (-1, 0, 1, 0), (-1, 1, 1, 1), (-1, NODATA, NODATA, NODATA))
"""Rows: baseline degraded, stable, improved, no data; columns: the period, in the same order."""


def progress(baseline: Codes, period: Codes) -> npt.NDArray[np.int16]:
    """The superseded layer, pixel by pixel: -1, 0, 1, -32768; arguments as ``indicators.condition.status.status``."""
    codes = (*CONDITIONS, NODATA)
    table = np.array([[codes.index(cell) for cell in row] for row in PROGRESS], np.uint8)
    return conditions(_looked_up(table, baseline, period))


def uses_progress(baseline: Codes, period: Codes, layer: Codes) -> bool:
    """Whether a layer of -1, 0, 1 that claims to be a status follows the superseded rule and not the status matrix.

    Args:
        baseline: assessment of the baseline, integer array of any shape: -1, 0, 1, and -32768 for no data.
        period: assessment of the period, the same shape.
        layer: what is to be recognised, the same shape.

    Returns:
        True when every pixel agrees with the superseded rule, and at least one contradicts the status matrix. Where no
        pixel tells the rules apart it is False: the layer is then right under both.

    Raises:
        GridMismatch: when shapes differ.
        DtypeMismatch: when an array is not of an integer type.
        UnmappedCodes: for any other code, with its number of pixels.
    """
    found = conditions(condition_positions(layer, owner="the layer"))
    old, new = progress(baseline, period), conditions(_looked_up(_matrix3(), baseline, period))
    if found.shape != old.shape:
        raise GridMismatch(f"a layer of shape {found.shape} for periods of {old.shape}; bring all to one grid first")
    return bool((found == old).all() and (found != new).any())


def _matrix3() -> Positions:
    table = np.full((SIZE, SIZE), UNKNOWN, np.uint8)
    table[:-1, :-1] = [[CONDITIONS.index(CONDITION_OF[code]) for code in row] for row in MATRIX]
    return table


def _looked_up(table: Positions, baseline: Codes, period: Codes) -> Positions:
    if baseline.shape != period.shape:
        raise GridMismatch(
            f"baseline of shape {baseline.shape}, period of {period.shape}; bring both to one grid first"
        )
    rows, cols = condition_positions(baseline, owner="the baseline"), condition_positions(period, owner="the period")
    return table[rows, cols]

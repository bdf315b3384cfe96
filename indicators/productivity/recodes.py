"""Raw layers of Trends.Earth's trajectory and state as -1, 0 and 1.

Trends.Earth, land_deg_numba, ``recode_traj`` and ``recode_state``; UNCCD PRAIS 4 manual, SO1.md, sub-indicator SO 1-2.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from indicators.codes import DEGRADED, IMPROVED, NODATA, OUTSIDE, STABLE
from indicators.productivity.positions import CONDITION_CODES, Codes, Positions, decoded
from landcover.lookup import LOWEST, build_table, look_up

_CLASSES: Final = 10
"""Percentile classes of the state: a change of class lies within -10 and 10."""


def trajectory_positions(codes: Codes) -> Positions:
    """Positions on a condition axis of significance codes of a trend, see ``recode_trajectory``."""
    return look_up(_trajectory_table(), codes, owner="the trajectory layer (significance -3 to 3)")


def state_positions(codes: Codes) -> Positions:
    """Positions on a condition axis of changes of class, see ``recode_state``."""
    return look_up(_state_table(), codes, owner="the state layer (change of class -10 to 10)")


def recode_trajectory(codes: Codes) -> npt.NDArray[np.int16]:
    """Significance codes of a trend as -1, 0 and 1.

    -3 and -2 (99 and 95 %) become -1; -1, 0 and 1 become 0; 2 and 3 become 1. Two rules differ from Trends.Earth on
    purpose: -32767 (outside the area) becomes -32768, as everywhere here, and codes beyond -3 to 3, which Trends.Earth
    lets through, are an error.

    Args:
        codes: any shape and integer type.

    Returns:
        int16 of the same shape: -1, 0, 1, -32768.

    Raises:
        DtypeMismatch: when the codes are not integers.
        UnmappedCodes: with other codes and their pixel counts.
    """
    return decoded(trajectory_positions(codes), CONDITION_CODES)


def recode_state(codes: Codes) -> npt.NDArray[np.int16]:
    """Changes of percentile class as -1, 0 and 1.

    Below -10 there is no data; -10 to -2 become -1; -1 to 1 become 0; 2 to 10 become 1. There is no larger change of
    class: above 10 is an error here, where Trends.Earth would say improved.

    Args:
        codes: any shape and integer type.

    Returns:
        int16 of the same shape: -1, 0, 1, -32768.

    Raises:
        DtypeMismatch: when the codes are not integers.
        UnmappedCodes: with other codes and their pixel counts.
    """
    return decoded(state_positions(codes), CONDITION_CODES)


def _three(change: int) -> int:
    """Position of the class of a change: less than two steps are stable."""
    return CONDITION_CODES.index(DEGRADED if change <= -2 else IMPROVED if change >= 2 else STABLE)  # noqa: PLR2004


@lru_cache(maxsize=1)
def _trajectory_table() -> npt.NDArray[np.uint8]:
    classes = [(code, _three(code)) for code in range(-3, 4)]
    return build_table([*classes, *((code, CONDITION_CODES.index(NODATA)) for code in (NODATA, OUTSIDE))])


@lru_cache(maxsize=1)
def _state_table() -> npt.NDArray[np.uint8]:
    classes = [(code, _three(code)) for code in range(-_CLASSES, _CLASSES + 1)]
    return build_table([*classes, *((code, CONDITION_CODES.index(NODATA)) for code in range(LOWEST, -_CLASSES))])

"""Positions along the axis of a layer of -1, 0, 1 and no data, on which rules become look-ups in small tables."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from indicators.codes import CONDITIONS
from indicators.productivity.positions import CONDITION_CODES, Positions

SIZE: Final = len(CONDITIONS) + 1
"""Positions of a layer of -1, 0, 1 and no data, which comes last as in ``indicators.joint.condition_axis``."""

CHUNK: Final = 1 << 18
"""Pixels that are widened to indices at a time: 2 MiB, which stay in the cache."""

_CODES: Final = np.array(CONDITION_CODES, np.int16)


def conditions(index: Positions) -> npt.NDArray[np.int16]:
    """Codes of positions, the inverse of ``condition_positions``: int16 of the same shape, -32768 for no data."""
    return _CODES.take(index)

"""Layers of -1, 0, 1 and no data as positions along an axis, so that rules become look-ups in small tables."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.codes import CONDITIONS, NODATA, OUTSIDE
from landcover.legends import CLASS_NODATA
from landcover.lookup import build_table, look_up

type Codes = npt.NDArray[np.integer[Any]]
type Positions = npt.NDArray[np.uint8]

UNKNOWN: Final = len(CONDITIONS)
"""Position of no data: the last one of ``indicators.joint.condition_axis``."""

SIZE: Final = len(CONDITIONS) + 1
"""Positions of a layer of -1, 0, 1 and no data."""

CHUNK: Final = 1 << 18
"""Pixels that are widened to indices at a time: 2 MiB, which stay in the cache."""

_CODES: Final = np.array([*CONDITIONS, NODATA], np.int16)


def positions(codes: Codes, *, owner: str) -> Positions:
    """Positions along `indicators.joint.condition_axis`.

    Args:
        codes: integer array of any shape: -1, 0, 1; -32768, -32767 (outside, in files of Trends.Earth) and 255 (masks
            of one byte) mean no data.
        owner: whose codes they are, for messages.

    Returns:
        uint8 of the same shape: 0 degraded, 1 stable, 2 improved, 3 no data.

    Raises:
        DtypeMismatch: when the array is not of an integer type.
        UnmappedCodes: for any other code, with its number of pixels.
    """
    return look_up(_table(), codes, owner=owner)


def conditions(index: Positions) -> npt.NDArray[np.int16]:
    """Codes of positions, the inverse of `positions`: int16 of the same shape, -32768 for no data."""
    return _CODES.take(index)


@lru_cache(maxsize=1)
def _table() -> npt.NDArray[np.uint8]:
    known = [(code, place) for place, code in enumerate(CONDITIONS)]
    return build_table([*known, *((code, UNKNOWN) for code in (NODATA, OUTSIDE, CLASS_NODATA))])

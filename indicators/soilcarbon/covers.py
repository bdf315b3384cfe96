"""Land cover as the accounts of soil carbon read it: UNCCD-7, positions 0 to 6, and 7 for no data."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.codes import NODATA, OUTSIDE
from landcover.legends import CLASS_NODATA
from landcover.lookup import build_table, look_up

type Codes = npt.NDArray[np.integer[Any]]

CLASSES: Final = 7
"""UNCCD-7: codes 1 to 7; 7 is water."""

NO_COVER: Final = CLASSES
"""Position of pixels without a class."""

COVER_CODES: Final = (*range(1, CLASSES + 1), NODATA)
"""Codes at the positions: 1 to 7, and -32768."""


def cover_positions(cover: Codes) -> npt.NDArray[np.uint8]:
    """Positions of land-cover codes.

    Args:
        cover: UNCCD-7 codes 1 to 7; 0, 255, -32768 and -32767 mean no data. Any shape and integer type.

    Returns:
        uint8 of the same shape: 0 to 6, and 7 for no data.

    Raises:
        DtypeMismatch: when the codes are not integers.
        UnmappedCodes: with other codes and their pixel counts.
    """
    return look_up(_table(), cover, owner="the land cover of soil carbon (UNCCD-7)")


@lru_cache(maxsize=1)
def _table() -> npt.NDArray[np.uint8]:
    classes = ((code, code - 1) for code in range(1, CLASSES + 1))
    return build_table([*classes, *((code, NO_COVER) for code in (0, CLASS_NODATA, NODATA, OUTSIDE))])

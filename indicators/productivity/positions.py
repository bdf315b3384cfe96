"""Three-class layers as positions on the axes of a joint table, and back."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.codes import CONDITIONS, NODATA, OUTSIDE
from landcover.errors import GridMismatch
from landcover.legends import CLASS_NODATA
from landcover.lookup import build_table, look_up

type Codes = npt.NDArray[np.integer[Any]]
type Positions = npt.NDArray[np.uint8]

CONDITION_CODES: Final = (*CONDITIONS, NODATA)
"""Codes at the positions of a condition axis: -1, 0, 1, -32768."""

LPD_CODES: Final = (1, 2, 3, 4, 5, NODATA)
"""Codes at the positions of the axis of land productivity dynamics."""

MISSING: Final = (NODATA, OUTSIDE, CLASS_NODATA)
"""Codes that are read as no data in every three-class layer: -32768, -32767, and 255 of masks in uint8."""


def condition_positions(codes: Codes, *, owner: str) -> Positions:
    """Positions of -1, 0, 1 and no data on a condition axis.

    Args:
        codes: -1, 0, 1; -32768, -32767 and 255 mean no data. Any shape and integer type.
        owner: which layer it is, for the message.

    Returns:
        uint8 of the same shape: 0 degraded, 1 stable, 2 improved, 3 no data.

    Raises:
        DtypeMismatch: when the codes are not integers.
        UnmappedCodes: with other codes and their pixel counts.
    """
    return look_up(_condition_table(), codes, owner=owner)


def decoded(positions: Positions, codes: tuple[int, ...]) -> npt.NDArray[np.int16]:
    """The int16 codes at positions of an axis."""
    return np.array(codes, np.int16)[positions]


def check_alike(**layers: npt.NDArray[Any]) -> None:
    """Refuse layers of different shapes.

    Raises:
        GridMismatch: naming the layers and their shapes.
    """
    if len({layer.shape for layer in layers.values()}) > 1:
        came = ", ".join(f"{name} {layer.shape}" for name, layer in layers.items())
        raise GridMismatch(f"layers of different shapes ({came}); bring them to one grid first")


@lru_cache(maxsize=1)
def _condition_table() -> npt.NDArray[np.uint8]:
    classes = [(code, place) for place, code in enumerate(CONDITIONS)]
    return build_table([*classes, *((code, len(CONDITIONS)) for code in MISSING)])

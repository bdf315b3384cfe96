"""Units of land that can be as productive as each other: soil taxonomy and land cover alike."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from indicators.productivity.positions import Codes, check_alike
from landcover.errors import DataError, DtypeMismatch
from landcover.legends import CLASS_NODATA

type Units = npt.NDArray[np.int32]
"""(row, col): soil taxonomy x 1000 + land-cover code; -1 = no unit."""

NO_UNIT: Final = -1

_COVERS: Final = 1000
_SOILS: Final = 2_000_000


class TooManyUnits(DataError):
    """The layer of units has more values than there can be kinds of soil and land cover."""

    slug = "too-many-units"


def unit_codes(soil_RC: Codes, cover_RC: Codes) -> Units:
    """Units of soil taxonomy and land cover.

    Args:
        soil_RC: soil taxonomy codes, 1 and above; below, and 255 in uint8, mean no unit. Any integer type.
        cover_RC: land-cover codes of any legend, 1 to 999; below, and 255 in uint8, mean no unit. The same shape.

    Returns:
        int32 of the same shape: soil x 1000 + cover, -1 without a unit. (Trends.Earth takes 100 and the rank of the
        land-cover code; the units are the same.)

    Raises:
        GridMismatch: when the shapes differ.
        DtypeMismatch: when a layer is not of an integer type.
        TooManyUnits: when a code is too large to be one.
    """
    check_alike(soil=soil_RC, cover=cover_RC)
    empty = _without_code(soil_RC) | _without_code(cover_RC)
    soil, cover = (np.where(empty, 0, codes).astype(np.int64) for codes in (soil_RC, cover_RC))
    if soil.size and (int(soil.max()) >= _SOILS or int(cover.max()) >= _COVERS):
        raise TooManyUnits(
            f"soil codes up to {soil.max()} and land-cover codes up to {cover.max()}: expected soil below {_SOILS} and "
            f"land cover below {_COVERS}"
        )
    return np.where(empty, NO_UNIT, soil * _COVERS + cover).astype(np.int32)


def _without_code(codes: Codes) -> npt.NDArray[np.bool_]:
    if codes.dtype.kind not in "iu":
        raise DtypeMismatch(f"codes came as {codes.dtype}; units of productivity expect an integer type")
    empty: npt.NDArray[np.bool_] = codes <= 0
    return empty | (codes == CLASS_NODATA) if codes.dtype == np.uint8 else empty

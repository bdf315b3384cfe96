"""Stacks of annual NDVI: int16, NDVI x 10000, one band a year; -32768 where a year is missing.

Everything after this is computed in whole numbers, so that a value on a threshold falls on the same side everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.codes import NODATA
from landcover.errors import DataError

type Ndvi = npt.NDArray[np.int16]
"""(year, row, col), NDVI x 10000, -32768 = missing."""

NDVI_SCALE: Final = 10_000
NDVI_NODATA: Final = NODATA
SHORTEST: Final = 4
LONGEST: Final = 59
"""Years for which there are critical values of Kendall's S."""

_CHUNK: Final = 1 << 15  # pixels; all years of a chunk stay in cache as int64


class NdviUnfit(DataError):
    """The annual NDVI is not what the computation of productivity needs."""

    slug = "ndvi-series"


def ndvi_stack(
    values: npt.NDArray[Any],
    *,
    scale: float = 1.0,
    nodata: float | None = None,
    valid_RC: npt.NDArray[np.bool_] | None = None,
) -> Ndvi:
    """Annual NDVI of any type as int16, NDVI x 10000.

    Args:
        values: (year, row, col); floats or integers. NaN means missing, -32768 in integers too.
        scale: factor that makes the values NDVI x 10000: 10000 for NDVI in -1 to 1, 1 for NDVI x 10000.
        nodata: another value that means missing, before the scale.
        valid_RC: (row, col), False where all years are missing, whatever the values are.

    Returns:
        int16 of the same shape, rounded to whole steps of 0.0001; -32768 = missing.

    Raises:
        NdviUnfit: when the array has not three axes, the numbers are complex or not numbers, values lie beyond -1 to 1
            NDVI, or all lie so near 0 that a scale must have been forgotten.
    """
    _check(values)
    missing = _missing(values, nodata)
    if valid_RC is not None:
        missing |= ~valid_RC
    present = values[~missing]
    _check_range(present, scale)
    found = np.full(values.shape, NDVI_NODATA, np.int16)
    found[~missing] = present if scale == 1.0 and present.dtype.kind != "f" else np.rint(present * float(scale))
    return found


def check_ndvi(ndvi_YRC: Ndvi) -> None:
    """Refuse what ``ndvi_stack`` did not make.

    Raises:
        NdviUnfit: when it is not int16 of three axes with a year at least.
    """
    _check(ndvi_YRC)
    if ndvi_YRC.dtype != np.int16:
        raise NdviUnfit(f"annual NDVI came as {ndvi_YRC.dtype}: expected int16, NDVI x 10000; use ndvi_stack")


def chunks(pixels: int) -> Iterator[slice]:
    """Slices that together are all pixels, few enough at a time for the processor's cache."""
    return (slice(start, start + _CHUNK) for start in range(0, pixels, _CHUNK))


def _check(values: npt.NDArray[Any]) -> None:
    if values.ndim != 3 or not values.shape[0]:  # noqa: PLR2004 (year, row, col)
        raise NdviUnfit(f"annual NDVI of shape {values.shape}: expected (year, row, col)")
    if values.dtype.kind not in "iuf":
        raise NdviUnfit(f"annual NDVI came as {values.dtype}: expected integers or floats")


def _missing(values: npt.NDArray[Any], nodata: float | None) -> npt.NDArray[np.bool_]:
    missing: npt.NDArray[np.bool_] = np.isnan(values) if values.dtype.kind == "f" else values == NDVI_NODATA
    return missing if nodata is None or np.isnan(nodata) else missing | (values == nodata)


def _check_range(present: npt.NDArray[Any], scale: float) -> None:
    if not present.size:
        return
    low, high = float(present.min()), float(present.max())
    if not -NDVI_SCALE <= low * scale <= high * scale <= NDVI_SCALE:
        raise NdviUnfit(
            f"annual NDVI from {low:g} to {high:g} at a scale of {scale:g}: expected -10000 to 10000 then; give the "
            "scale and the value of missing years"
        )
    if present.dtype.kind == "f" and scale == 1.0 and max(-low, high) <= 1 and (low or high):
        raise NdviUnfit("annual NDVI in floats of at most 1: for NDVI of -1 to 1 give a scale of 10000")

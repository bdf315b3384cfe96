"""Digital numbers of one radiometry in terms of another, and as reflectance."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from landcover.errors import DtypeMismatch
from landcover.sensors import Radiometry

_HIGHEST: Final = 65535
_CHUNK: Final = 1 << 16  # samples; two buffers of this size stay in the cache of one core
_WHOLE: Final = 1e-6  # a shift this close to a whole number of DN is that number: offsets are written in decimals


def harmonise(dn: npt.NDArray[Any], source: Radiometry, target: Radiometry, *, nodata: int = 0) -> npt.NDArray[Any]:
    """Digital numbers of ``source`` re-expressed in ``target``, so that the reflectance stays the same.

    ``dn_target = (dn * source.scale + source.offset - target.offset) / target.scale``, rounded half to even. With equal
    scales and a whole shift (Sentinel-2 baseline 04.00 to earlier: minus 1000) this is integer arithmetic and exact.
    A valid number never becomes nodata: results are held between the lowest and the highest number that is not
    ``nodata``, and one that would land on a ``nodata`` inside the range goes one higher.

    Args:
        dn: uint16 array of any shape.
        source: radiometry of ``dn``.
        target: radiometry wanted.
        nodata: number that means "no data"; stays as it is.

    Returns:
        uint16 array of the same shape; ``dn`` itself when both radiometries are equal.

    Raises:
        DtypeMismatch: when ``dn`` is not uint16 and the radiometries differ.
    """
    if source == target:
        return dn
    if dn.dtype != np.uint16:
        raise DtypeMismatch(f"digital numbers came as {dn.dtype}; expected uint16")
    flat = np.ascontiguousarray(dn).reshape(-1)
    shift = _whole_shift(source, target)
    if shift is not None and nodata == 0:
        return _shifted(flat, shift).reshape(dn.shape)
    return _looked_up(flat, _table(source, target, nodata)).reshape(dn.shape)


def to_reflectance(dn: npt.NDArray[Any], radiometry: Radiometry) -> npt.NDArray[np.float32]:
    """Reflectance of digital numbers; nodata is not treated, mask it first.

    Args:
        dn: integer or float array of any shape.
        radiometry: scale and offset of ``dn``.

    Returns:
        float32 array of the same shape, unitless (1 = all light reflected), not clipped.
    """
    reflectance: npt.NDArray[np.float32] = np.multiply(dn, np.float32(radiometry.scale), dtype=np.float32)
    reflectance += np.float32(radiometry.offset)
    return reflectance


def _whole_shift(source: Radiometry, target: Radiometry) -> int | None:
    """DN to add, when the scales are equal and the offsets differ by a whole number of DN."""
    if source.scale != target.scale:
        return None
    shift = (source.offset - target.offset) / target.scale
    return round(shift) if abs(shift - round(shift)) < _WHOLE else None


def _shifted(flat: npt.NDArray[np.uint16], shift: int) -> npt.NDArray[np.uint16]:
    """``flat + shift`` held in 1..65535; 0 stays 0."""
    low, high = (1 - shift, _HIGHEST) if shift < 0 else (0, _HIGHEST - shift)
    if low > _HIGHEST or high < 0:  # the shift is wider than the type: every valid number ends at one limit
        return np.where(flat == 0, 0, 1 if shift < 0 else _HIGHEST).astype(np.uint16)
    out = np.empty_like(flat)
    step = np.uint16(abs(shift))
    for start in range(0, flat.size, _CHUNK):
        taken, made = flat[start : start + _CHUNK], out[start : start + _CHUNK]
        np.clip(taken, np.uint16(low), np.uint16(high), out=made)
        (np.subtract if shift < 0 else np.add)(made, step, out=made)
        np.multiply(made, taken != 0, out=made)  # nodata back to 0
    return out


@lru_cache(maxsize=8)
def _table(source: Radiometry, target: Radiometry, nodata: int) -> npt.NDArray[np.uint16]:
    """Target DN for every source DN 0..65535."""
    dn = np.arange(_HIGHEST + 1, dtype=np.float64)
    made = np.rint((dn * source.scale + (source.offset - target.offset)) / target.scale)
    low, high = int(nodata == 0), _HIGHEST - int(nodata == _HIGHEST)
    table = np.clip(made, low, high).astype(np.uint16)
    if 0 <= nodata <= _HIGHEST:
        table[table == nodata] += 1
        table[nodata] = nodata
    table.flags.writeable = False
    return table


def _looked_up(flat: npt.NDArray[np.uint16], table: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    out = np.empty_like(flat)
    for start in range(0, flat.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        np.take(table, flat[part], out=out[part], mode="wrap")
    return out

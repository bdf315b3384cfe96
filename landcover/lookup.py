"""Table lookup of integer codes: one table for every integer type, chunked so that memory stays small.

The table has one entry for each code from -32768 to 65535. Code ``c`` is at position ``c`` when it is not negative and
at ``SIZE + c`` when it is, which is how numpy counts negative positions: int16, uint16 and wider types need no shift.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from landcover.errors import DtypeMismatch, UnmappedCodes

LOWEST: Final = -32768
HIGHEST: Final = 65535
UNMAPPED: Final = 254
"""Table value of codes without an entry; nothing may be mapped to it."""

_SIZE: Final = HIGHEST + 1 - LOWEST
_CHUNK: Final = 1 << 18  # pixels; numpy widens the positions of a chunk to int64, 2 MiB that stay in cache
_SIGNED: Final = (
    "negative codes can be unsigned bytes read as signed: mend them with gdal_calc.py -A IN.tif --outfile OUT.tif "
    "--type Byte --calc \"A.astype('uint8')\" (gdal_translate would make 0 of them)"
)

_LISTED: Final = 20  # codes named in a message before it says how many more there are


def build_table(pairs: Iterable[tuple[int, int]]) -> npt.NDArray[np.uint8]:
    """A table for ``look_up`` from (code, value) pairs; codes in -32768..65535, values in 0..255 but not 254."""
    table = np.full(_SIZE, UNMAPPED, dtype=np.uint8)
    for code, value in pairs:
        table[code] = value
    table.flags.writeable = False
    return table


def look_up(table: npt.NDArray[np.uint8], codes: npt.NDArray[Any], *, owner: str) -> npt.NDArray[np.uint8]:
    """The table's value for every code.

    Args:
        table: from ``build_table``.
        codes: integer array of any shape.
        owner: what the table belongs to, for the message.

    Returns:
        uint8 array of the same shape.

    Raises:
        DtypeMismatch: when ``codes`` is not of an integer type.
        UnmappedCodes: with every code that has no entry and its pixel count.
    """
    if not np.issubdtype(codes.dtype, np.integer):
        raise DtypeMismatch(f"codes came as {codes.dtype}; {owner} expects an integer type")
    flat = np.ascontiguousarray(codes).reshape(-1)
    if _beyond(flat):
        raise unmapped_codes(flat[_strangers(table, flat)], owner=owner)
    found = np.empty(flat.shape, dtype=np.uint8)
    for start in range(0, flat.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        np.take(table, flat[part].astype(np.intp), out=found[part], mode="wrap")
    if (found == UNMAPPED).any():
        raise unmapped_codes(flat[found == UNMAPPED], owner=owner)
    return found.reshape(codes.shape)


def _beyond(flat: npt.NDArray[Any]) -> bool:
    """Whether a wide integer type holds values the table has no position for."""
    limits = np.iinfo(flat.dtype)
    if limits.min >= LOWEST and limits.max <= HIGHEST:
        return False
    return bool(flat.size) and (int(flat.min()) < LOWEST or int(flat.max()) > HIGHEST)


def _strangers(table: npt.NDArray[np.uint8], flat: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where ``flat`` holds codes without an entry, codes beyond the table included."""
    stray: npt.NDArray[np.bool_] = (flat < LOWEST) | (flat > HIGHEST)
    stray[~stray] = table[flat[~stray].astype(np.intp)] == UNMAPPED
    return stray


def unmapped_codes(codes: npt.NDArray[Any], *, owner: str) -> UnmappedCodes:
    """The error that names every distinct value of ``codes`` with its pixel count."""
    values, pixels = np.unique(codes, return_counts=True)
    return unmapped_pixels(dict(zip(values.tolist(), pixels.tolist(), strict=True)), owner=owner)


def unmapped_pixels(pixels: Mapping[int, int], *, owner: str) -> UnmappedCodes:
    """The error that names codes with their pixels, the lowest code first."""
    codes = sorted(pixels)
    listed = [f"{code}: {pixels[code]}" for code in codes[:_LISTED]]
    more = f" and {len(codes) - _LISTED} more codes" if len(codes) > _LISTED else ""
    signed = any(np.iinfo(np.int8).min <= code < 0 for code in codes)
    hint = f"; {_SIGNED}" if signed else ""
    return UnmappedCodes(f"codes that {owner} does not have (code: pixels): {', '.join(listed)}{more}{hint}")

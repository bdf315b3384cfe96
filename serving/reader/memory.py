"""Memory that a reader fills with pixels and the other process copies them from.

The process that wants the pixels makes it, of a size that nobody can change any more: a reader that cut it would end
the other process by SIGBUS.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_ALIGNMENT: Final = 64
_PAGE: Final = 1 << 20  # grows in steps, so that windows of slightly different sizes share one memory


@dataclass(frozen=True, slots=True)
class Plane:
    """One array in a shared memory.

    Attributes:
        shape: of the array.
        dtype: its sample type.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        """Bytes it takes, up to where the next one may begin."""
        size = self.dtype.itemsize
        for side in self.shape:
            size *= side
        return -(-size // _ALIGNMENT) * _ALIGNMENT


def size_of(planes: Sequence[Plane]) -> int:
    """Bytes that all planes take."""
    return sum(plane.nbytes for plane in planes)


def arrays_in(memory: mmap.mmap, planes: Sequence[Plane]) -> list[NDArray[Any]]:
    """The planes of a memory, one behind the other; they hold it open."""
    starts = [size_of(planes[:index]) for index in range(len(planes))]
    return [
        np.ndarray(plane.shape, plane.dtype, buffer=memory, offset=start)
        for plane, start in zip(planes, starts, strict=True)
    ]


def block_planes(bands: int, height: int, width: int, dtype: np.dtype[Any]) -> tuple[Plane, Plane]:
    """Pixels (band, row, col) and their validity (row, col), 0 or 1."""
    return Plane((bands, height, width), dtype), Plane((height, width), np.dtype(np.uint8))


def mask_planes(height: int, width: int) -> tuple[Plane, Plane]:
    """Quality codes (row, col), and where the mask reaches (row, col), 0 or 1."""
    plane = Plane((height, width), np.dtype(np.uint8))
    return plane, plane


class SharedMemory:
    """A memory of one process that grows as it is needed; a new one is sent to the other process."""

    def __init__(self) -> None:
        self._memory: mmap.mmap | None = None

    def room_for(self, planes: Sequence[Plane]) -> int | None:
        """Make room for planes; the descriptor to send and close where that took a new memory, else None.

        Raises:
            OSError: when there is not so much memory.
        """
        size = -(-size_of(planes) // _PAGE) * _PAGE
        if self._memory is not None and len(self._memory) >= size:
            return None
        self.close()
        descriptor = os.memfd_create("steppe-pixels", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(descriptor, size)
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
            self._memory = mmap.mmap(descriptor, size)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def copy(self, planes: Sequence[Plane]) -> list[NDArray[Any]]:
        """Copies of what lies in the memory: nobody else can change them."""
        assert self._memory is not None  # noqa: S101 - room was made for them
        return [array.copy() for array in arrays_in(self._memory, planes)]

    def close(self) -> None:
        """Give the memory back."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None

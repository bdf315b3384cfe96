"""The bytes of a foreign file, here or far, read by offset: never more than asked for, never beyond the end."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from landcover.errors import RasterCorrupt, RasterTruncated, RasterUnreadable
from landcover.raster.far import far

_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a FIFO must not make anybody wait


@dataclass(frozen=True, slots=True)
class FileBytes:
    """An open file.

    Attributes:
        name: file name for messages.
        size: bytes in it when it was opened.
    """

    name: str
    size: int
    _read: Callable[[int, int], bytes]

    @classmethod
    @contextmanager
    def of(cls, path: Path, name: str | None = None) -> Iterator[Self]:
        """Open a regular file.

        Raises:
            RasterUnreadable: when it cannot be opened or is no regular file.
        """
        name, file = name or path.name, far(path)
        if file is not None:
            yield cls(name, file.size, file.read)
            return
        try:
            descriptor = os.open(path, _FLAGS)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "no possible name"
            raise RasterUnreadable(f"{name!r} cannot be read: {reason}") from error
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise RasterUnreadable(f"{name!r} is not a file; give a TIFF or JPEG 2000 file, or a folder of bands")
            yield cls(name, found.st_size, lambda offset, count: os.pread(descriptor, count, offset))
        finally:
            os.close(descriptor)

    def head(self, count: int) -> bytes:
        """The first bytes, at most ``count``."""
        return self._at(0, min(count, self.size))

    def read(self, offset: int, count: int) -> bytes:
        """Exactly ``count`` bytes.

        Raises:
            RasterTruncated: when they are not all there.
            RasterUnreadable: when the file cannot be read.
        """
        self.check_inside(offset, count)
        content = self._at(offset, count)
        if len(content) < count:
            raise self.cut_off(offset + count)
        return content

    def check_inside(self, offset: int, count: int) -> None:
        """Refuse a place that is not in the file.

        Raises:
            RasterTruncated: when it ends behind the file.
        """
        if offset + count > self.size:
            raise self.cut_off(offset + count)

    def cut_off(self, wanted: int) -> RasterTruncated:
        """The error of a file that ends before a byte it speaks of."""
        return RasterTruncated(
            f"{self.name!r} ends after {self.size:,} bytes, but pixels or parts of its header that lie up to byte "
            f"{wanted:,} are missing; fetch the file again"
        )

    def _at(self, offset: int, count: int) -> bytes:
        try:
            return self._read(offset, count)
        except OSError as error:
            raise RasterUnreadable(f"{self.name!r} cannot be read: {error.strerror}") from error


def damaged(file: FileBytes, what: str) -> RasterCorrupt:
    """The error of a header that cannot be right."""
    return RasterCorrupt(f"{file.name!r} has a damaged header: {what}; fetch or write the file again")

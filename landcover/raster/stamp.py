"""Telling a file from another one that took its name while it was read, or from itself before it was written to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from landcover.errors import RasterChanged, RasterUnreadable


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the file system says of a file without reading it.

    Attributes:
        device: where the file lies.
        inode: which file it is there.
        size: bytes.
        modified_ns: time of the last writing.
    """

    device: int
    inode: int
    size: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> Self:
        """The stamp of a file now; of a link that of the file it leads to.

        Raises:
            RasterUnreadable: when there is no such file any more.
        """
        try:
            found = path.stat()
        except OSError as error:
            raise RasterUnreadable(f"{path.name!r} cannot be read: {error.strerror}") from error
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)

    def check(self, path: Path) -> None:
        """Refuse a file that is not the one of this stamp.

        Raises:
            RasterChanged: when it was replaced or written to.
            RasterUnreadable: when there is no such file any more.
        """
        if Stamp.of(path) != self:
            raise RasterChanged(f"{path.name!r} changed while it was read; run again when it is complete")

"""Files whose bytes do not lie on this machine: their names do, and whoever holds the bytes hands out pieces of them.

A far file has an empty file as its place holder, so that folders can be listed and names looked up as ever. What reads
by offset asks ``far`` first. The table is the context's own: threads that shall see it run in a copy of the context.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context, ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

from landcover.errors import RasterUnreadable


class FarFile(Protocol):
    """Bytes that somebody else hands out. Threads may share it."""

    @property
    def size(self) -> int:
        """Bytes in all."""

    @property
    def identity(self) -> str:
        """SHA-256, hexadecimal, of what names the content where it lies; not of the content, which nobody has read."""

    @property
    def failed(self) -> bool:
        """Whether a piece did not come; what was decoded since may be anything."""

    def read(self, offset: int, length: int) -> bytes:
        """The bytes from an offset on; fewer than asked for only at the end.

        Raises:
            OSError: when they do not come.
        """


_NONE: Final[Mapping[Path, FarFile]] = MappingProxyType({})
_FILES: Final[ContextVar[Mapping[Path, FarFile]]] = ContextVar("steppe_far_files", default=_NONE)


def far(path: Path) -> FarFile | None:
    """The bytes that a place holder stands for; None of a file that lies here."""
    files = _FILES.get()
    return files.get(path.absolute()) if files else None


@contextmanager
def far_files(files: Mapping[Path, FarFile]) -> Iterator[None]:
    """Let place holders stand for bytes within a ``with`` block.

    Args:
        files: by the absolute paths of the place holders.
    """
    token = _FILES.set(files)
    try:
        yield
    finally:
        _FILES.reset(token)


def check_far(path: Path) -> None:
    """Refuse what was read of a far file when a piece of it did not come.

    Raises:
        RasterUnreadable: naming the file.
    """
    file = far(path)
    if file is not None and file.failed:
        raise RasterUnreadable(f"{path.name!r} cannot be read any further: a piece of it did not come; try again")


def adopt(context: Context) -> None:
    """Let this thread see what the context of another one holds, files and all: for threads of a pool."""
    for variable, value in context.items():
        variable.set(value)

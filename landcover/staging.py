"""Files and folders that appear whole or not at all: a private folder beside the result, flush to disk, rename.

A process that is killed leaves at most a folder named ``.steppe-*.part``; nothing else is ever visible half-written.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final

from landcover.errors import DiskFull, OutputNotWritable

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors that mean: make room, and it works."""

_REMOVALS: Final = 3
"""A thread that was still writing when a signal came may put a file into a folder while it is being emptied."""


class StagingFolder:
    """A private folder beside a result, removed with all it holds whatever happens.

    Use as a context manager, which gives the folder. A signal may come at any step, even in the middle of a removal:
    the name is noted before the folder is made, and is forgotten after it has gone. What is then left is removed when
    nobody holds this object any more, at the latest when the process ends.

    Args:
        path: the result; its folder must exist.
        label: stands in the folder's name instead of chance, where no other process uses it at the same time; what a
            killed process left under that name is removed first.
    """

    def __init__(self, path: Path, *, label: str | None = None) -> None:
        self._result, self._named = path, label is not None
        self._folder: Final = path.parent / f".steppe-{label or secrets.token_hex(4)}.part"
        self._at_the_latest = weakref.finalize(self, _remove, self._folder)

    def __enter__(self) -> Path:
        """Make the folder, for this user alone.

        Raises:
            OutputNotWritable: when it cannot be made.
            DiskFull: when there is no room for it.
        """
        if self._named:
            _remove(self._folder)
        with os_errors(self._result):
            self._folder.mkdir(mode=0o700)
        return self._folder

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the folder, if it is there, with all it holds."""
        _remove(self._folder)
        self._at_the_latest.detach()


def _remove(folder: Path) -> None:
    for _ in range(_REMOVALS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return


def publish(staged: Path, path: Path) -> None:
    """Flush a finished file to disk and give it its name, replacing what had it.

    Raises:
        OutputNotWritable: when that fails; what had the name is untouched.
        DiskFull: when the flush finds no room.
    """
    with os_errors(path):
        flush(staged)
        staged.replace(path)
        flush(path.parent)


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def os_errors(path: Path) -> Iterator[None]:
    """Say of an operating system error while writing ``path`` what it means.

    Raises:
        DiskFull: no room.
        OutputNotWritable: any other failure to write.
    """
    try:
        yield
    except OSError as error:
        raise translated(path, error) from error


def translated(path: Path, error: OSError) -> DiskFull | OutputNotWritable:
    """The error that says what an operating system error while writing ``path`` means."""
    if error.errno in NO_ROOM:
        return DiskFull(f"no room to write {path.name!r} ({error.strerror}); make room and run again")
    return OutputNotWritable(f"{path.name!r} cannot be written: {error.strerror}")

"""Files and folders that appear whole or not at all: a private folder beside the result, flush to disk, rename.

A process that is killed leaves at most a folder named ``.steppe-*.part``; nothing else is ever visible half-written.
Each such folder is locked by the process that works in it. The kernel ends the lock with the process, however that
ends, so that a later one can tell what nobody needs any more.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import shutil
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final

from landcover.errors import DiskFailed, DiskFull, OutputNotWritable

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors that mean: make room, and it works."""

FRESH_S: Final = 600.0
"""Seconds after the last write for which a folder is left alone that nobody seems to hold: its maker may be about to
lock it, or work on another machine whose locks a shared file system does not tell."""

_REMOVALS: Final = 3
"""A thread that was still writing when a signal came may put a file into a folder while it is being emptied."""

_OURS: Final = re.compile(r"\.steppe-(?:[0-9a-f]{8}|[0-9a-f]{16})\.part")


class StagingFolder:
    """A private folder beside a result, removed with all it holds whatever happens, and locked until then.

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
        self._locks: Final[list[int]] = []
        self._at_the_latest = weakref.finalize(self, _end, self._folder, self._locks)

    def __enter__(self) -> Path:
        """Make the folder, for this user alone.

        Raises:
            OutputNotWritable: when it cannot be made.
            DiskFull: when there is no room for it.
        """
        if self._named:
            _remove_left(self._folder)
        with os_errors(self._result):
            self._folder.mkdir(mode=0o700)
            self._locks.append(_open(self._folder))
        with suppress(OSError):  # some network file systems have no locks for folders; what is left there stays
            fcntl.flock(self._locks[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
        return self._folder

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the folder, if it is there, with all it holds."""
        _end(self._folder, self._locks)
        self._at_the_latest.detach()


def sweep(folder: Path) -> None:
    """Remove the staging folders that killed processes left in a folder.

    Those of a process that lives, of another user, or written to within the last ten minutes stay; so does whatever
    only has a similar name.
    """
    for path in folder.glob(".steppe-*.part"):
        if not _OURS.fullmatch(path.name):
            continue
        with suppress(OSError), _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB) as handle:
            last_write = max(entry.stat().st_mtime for entry in (path, *path.rglob("*")))
            if os.fstat(handle).st_uid == os.geteuid() and time.time() - last_write > FRESH_S:
                # Once, not _remove(): whoever owns a name that is not left to chance may take it again at once.
                shutil.rmtree(path, ignore_errors=True)


def _remove_left(folder: Path) -> None:
    """Remove what a killed process left under a name that is ours; a sweep that has begun to ends first."""
    with suppress(OSError), _locked(folder, fcntl.LOCK_EX):
        pass
    _remove(folder)


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[int]:
    """Hold the lock of a folder; OSError when that cannot be had."""
    handle = _open(folder)
    try:
        fcntl.flock(handle, how)
        yield handle
    finally:
        os.close(handle)


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _end(folder: Path, locks: list[int]) -> None:
    """Remove a folder, then let go of it."""
    _remove(folder)
    while locks:
        os.close(locks.pop())


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


def make_folder(path: Path) -> None:
    """Make a folder for this user alone, and those above it, so that a loss of power leaves them there.

    What lies in a folder is only as durable as the folder's own name.

    Raises:
        OSError: when it cannot be made.
    """
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    with suppress(PermissionError):  # a folder above ours may be closed to us
        flush(path.parent)


@contextmanager
def os_errors(path: Path) -> Iterator[None]:
    """Say of an operating system error while writing ``path`` what it means.

    Raises:
        DiskFull: no room.
        DiskFailed: the disk has an error.
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
    if error.errno == errno.EIO:
        return DiskFailed(f"{path.name!r} cannot be written, the disk has an error ({error.strerror}); see to it")
    return OutputNotWritable(f"{path.name!r} cannot be written: {error.strerror}")

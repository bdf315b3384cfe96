"""Files and folders that appear whole or not at all: a private folder beside the result, flush to disk, rename.

A process that is killed leaves at most a folder named ``.steppe-*.part``; nothing else is ever visible half-written.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from landcover.errors import DiskFull, OutputNotWritable

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors that mean: make room, and it works."""

_REMOVALS: Final = 3
"""A thread that was still writing when a signal came may put a file into a folder while it is being emptied."""


@contextmanager
def staging_folder(path: Path) -> Iterator[Path]:
    """A private folder beside ``path``, removed with all it holds whatever happens.

    Raises:
        OutputNotWritable: when it cannot be made.
        DiskFull: when there is no room for it.
    """
    # The name is known before the folder is there, so that a signal between the two leaves nothing.
    folder = staging_name(path)
    try:
        make_staging_folder(folder, path)
        yield folder
    finally:
        remove_staging_folder(folder)


def staging_name(path: Path) -> Path:
    """Name of a hidden folder beside ``path`` that nobody has."""
    return path.parent / f".steppe-{secrets.token_hex(4)}.part"


def make_staging_folder(folder: Path, path: Path) -> None:
    """Make the folder of that name, for this user alone.

    Raises:
        OutputNotWritable: when it cannot be made.
        DiskFull: when there is no room for it.
    """
    with os_errors(path):
        folder.mkdir(mode=0o700)


def remove_staging_folder(folder: Path) -> None:
    """Remove the folder, if it is there, with all it holds."""
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

"""Files that appear whole or not at all: a private folder beside the result, flush to disk, rename.

A process that is killed leaves at most a folder named ``.steppe-*.part``; nothing else is ever visible half-written.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rasterio._err import CPLE_BaseError  # the only name of what rasterio.shutil raises
from rasterio.errors import RasterioError

from landcover.errors import DiskFull, OutputNotWritable
from landcover.raster.opening import gdal_takes

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def check_target(path: Path, *, needed_bytes: int) -> None:
    """Refuse a place that cannot take a result, before anything is computed for it.

    Raises:
        OutputNotWritable: the folder is missing, is no folder or cannot be written to, or ``path`` is a folder.
        DiskFull: fewer than ``needed_bytes`` are free, or a quota or limit allows no file of that size.
    """
    with os_errors(path):
        if not path.parent.is_dir():
            raise OutputNotWritable(f"{path.name!r} cannot be written: its folder does not exist; make it first")
        if not gdal_takes(path):
            raise OutputNotWritable(f"{path.name!r} cannot be written: a name in its path is not UTF-8; choose another")
        if path.is_dir():
            raise OutputNotWritable(f"{path.name!r} cannot be written: a folder has that name; choose another")
        with staging_folder(path):
            pass
        free = shutil.disk_usage(path.parent).free
    if free < needed_bytes:
        raise DiskFull(f"{path.name!r} needs about {needed_bytes} bytes of disk, {free} are free; make room first")
    if needed_bytes and not _has_room(path.parent, needed_bytes):
        raise _no_room(path)


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
        _flush(staged)
        staged.replace(path)
        _flush(path.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def write_errors(path: Path, folder: Path, *, needed_bytes: int) -> Iterator[None]:
    """Tell a full disk from other failures of GDAL, whose messages do not.

    Args:
        path: the result, for messages.
        folder: where GDAL writes.
        needed_bytes: what the result may take; when there is no room for as much, the disk is to blame.

    Raises:
        DiskFull: no room.
        OutputNotWritable: any other failure to write.
    """
    try:
        yield
    except (RasterioError, CPLE_BaseError, OutputNotWritable) as error:
        if not _has_room(folder, needed_bytes):
            raise _no_room(path) from error
        if isinstance(error, OutputNotWritable):  # a map that reads differently: GDAL lost the error of a write
            raise
        raise OutputNotWritable(f"{path.name!r} could not be written; check the disk it is on") from error
    except OSError as error:
        raise _translated(path, error) from error


def _no_room(path: Path) -> DiskFull:
    return DiskFull(f"no room to write {path.name!r}; make room and run again")


def _has_room(folder: Path, needed_bytes: int) -> bool:
    """Ask the file system itself, so that quotas and file size limits count too; True where it cannot be asked."""
    if not hasattr(os, "posix_fallocate"):
        return True
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            os.posix_fallocate(probe.fileno(), 0, needed_bytes)
    except OSError as error:
        return error.errno not in _NO_ROOM
    return True


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
        raise _translated(path, error) from error


def _translated(path: Path, error: OSError) -> DiskFull | OutputNotWritable:
    if error.errno in _NO_ROOM:
        return DiskFull(f"no room to write {path.name!r} ({error.strerror}); make room and run again")
    return OutputNotWritable(f"{path.name!r} cannot be written: {error.strerror}")

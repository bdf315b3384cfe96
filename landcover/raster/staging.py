"""What writing rasters adds to `landcover.staging`: room asked for beforehand, and errors of GDAL told apart."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rasterio._err import CPLE_BaseError  # the only name of what rasterio.shutil raises
from rasterio.errors import RasterioError

from landcover.errors import DiskFull, OutputNotWritable
from landcover.raster.opening import gdal_takes
from landcover.staging import NO_ROOM, StagingFolder, os_errors, translated


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
        with StagingFolder(path):
            pass
    check_room(path, needed_bytes=needed_bytes)


def check_room(path: Path, *, needed_bytes: int) -> None:
    """Refuse what has no room in the folder of ``path``.

    Raises:
        DiskFull: fewer than ``needed_bytes`` are free, or a quota or limit allows no file of that size.
        OutputNotWritable: the folder cannot be asked.
    """
    with os_errors(path):
        free = shutil.disk_usage(path.parent).free
    if free < needed_bytes:
        raise DiskFull(f"{path.name!r} needs about {needed_bytes} bytes of disk, {free} are free; make room first")
    if needed_bytes and not _has_room(path.parent, needed_bytes):
        raise _no_room(path)


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
        raise translated(path, error) from error


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
        return error.errno not in NO_ROOM
    return True

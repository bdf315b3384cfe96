"""Far files as GDAL sees them: one name each, and nothing beside it.

rasterio lets GDAL read Python objects (https://rasterio.readthedocs.io/en/stable/topics/vsi.html). It keeps the objects
that are open in a variable of the context: threads that open or close must share one, see ``far.adopt``. An exception
would be lost between Python and GDAL, so a piece that does not come is an end of file for GDAL, and the file remembers
that it failed.
"""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Final, Self

import rasterio
from rasterio.abc import FileContainer
from rasterio.io import DatasetReader

from landcover.raster.far import FarFile

_OPENING: Final = Lock()
"""GDAL's table of file systems is changed with every file that is opened this way."""


def open_far(file: FarFile, path: Path, driver: str, options: dict[str, str]) -> DatasetReader:
    """A dataset on a far file; arguments and errors are those of ``rasterio.open``.

    Args:
        file: the bytes.
        path: the name that they have.
        driver: the only driver that is tried.
        options: its open options.
    """
    name = str(path)
    with _OPENING:
        return rasterio.open(name, driver=driver, opener=_OneFile(name, file), **options)


class _OneFile(FileContainer):  # type: ignore[misc]  # rasterio has no types
    """A file system that holds one file."""

    def __init__(self, name: str, file: FarFile) -> None:
        self._name, self._file = name, file

    def open(self, path: str, mode: str = "r", **_options: object) -> _Cursor:
        self._check(path)
        if set(mode) - set("rb"):
            raise PermissionError(mode)
        return _Cursor(self._file)

    def isfile(self, path: str) -> bool:
        return path == self._name

    def isdir(self, _path: str) -> bool:
        return False

    def ls(self, _path: str) -> list[str]:
        return []

    def mtime(self, path: str) -> int:
        self._check(path)
        return 0

    def rm(self, path: str) -> None:
        raise PermissionError(path)

    def size(self, path: str) -> int:
        self._check(path)
        return self._file.size

    def _check(self, path: str) -> None:
        if path != self._name:
            raise FileNotFoundError(path)


class _Cursor:
    """A place in a far file."""

    def __init__(self, file: FarFile) -> None:
        self._file, self._at = file, 0

    def read(self, length: int) -> bytes:
        """At most so many bytes: GDAL has room for no more."""
        try:
            content = self._file.read(self._at, length)[:length]
        except OSError:
            return b""
        self._at += len(content)
        return content

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._file.size}[whence]
        self._at = max(start + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        """Nothing to give back."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

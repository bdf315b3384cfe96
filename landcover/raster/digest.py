"""SHA-256 of inputs, for provenance."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from landcover.errors import RasterUnreadable


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal; the file is streamed.

    Raises:
        RasterUnreadable: when the file cannot be read to its end.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise RasterUnreadable(f"{path.name!r} cannot be read: {error.strerror}") from error


def files_digest(paths: Iterable[Path]) -> str:
    """SHA-256 over several files, whatever order they come in: of the lines ``<sha256>  <file name>``, sorted by name.

    Raises:
        RasterUnreadable: when a file cannot be read to its end.
    """
    whole = hashlib.sha256()
    for path in sorted(paths, key=lambda path: path.name):
        whole.update(f"{file_digest(path)}  {path.name}\n".encode())
    return whole.hexdigest()

"""SHA-256 of inputs, for provenance."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from landcover.errors import RasterUnreadable

CHUNK: Final = 1 << 20
"""Bytes that are hashed before somebody who wants to leave is heard."""

type Stopped = Callable[[], bool]
"""Whether nobody waits for the digest any more."""


class DigestStopped(Exception):
    """A file was not hashed to its end because nobody waits for its digest."""


def file_digest(path: Path, stopped: Stopped = lambda: False) -> str:
    """SHA-256 of a file's bytes, hexadecimal; the file is streamed.

    Raises:
        RasterUnreadable: when the file cannot be read to its end.
        DigestStopped: when nobody waits for it any more.
    """
    digest, chunk = hashlib.sha256(), bytearray(CHUNK)
    try:
        with path.open("rb", buffering=0) as stream:
            while count := stream.readinto(chunk):
                digest.update(memoryview(chunk)[:count])
                if stopped():
                    raise DigestStopped(path.name)
    except OSError as error:
        raise RasterUnreadable(f"{path.name!r} cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def files_digest(paths: Iterable[Path], stopped: Stopped = lambda: False) -> str:
    """SHA-256 over several files, whatever order they come in: of the lines ``<sha256>  <file name>``, sorted by name.

    Raises:
        RasterUnreadable: when a file cannot be read to its end.
        DigestStopped: when nobody waits for it any more.
    """
    whole = hashlib.sha256()
    for path in sorted(paths, key=lambda path: path.name):
        whole.update(f"{file_digest(path, stopped)}  {path.name}\n".encode())
    return whole.hexdigest()

"""SHA-256 of inputs, for provenance.

A far file is not read whole, so nobody knows the digest of its bytes. What stands for it is the digest of what names
the content where it lies, behind the word ``identity:``; wherever it is written down, ``named`` says which it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from landcover.errors import RasterUnreadable
from landcover.raster.far import far

CHUNK: Final = 1 << 20
"""Bytes that are hashed before somebody who wants to leave is heard."""

IDENTITY: Final = "identity:"
"""What a digest begins with that is of names, not of bytes."""

type Stopped = Callable[[], bool]
"""Whether nobody waits for the digest any more."""


class DigestStopped(Exception):
    """A file was not hashed to its end because nobody waits for its digest."""


def file_digest(path: Path, stopped: Stopped = lambda: False) -> str:
    """SHA-256 of a file's bytes, hexadecimal; the file is streamed. Of a far file its identity.

    Raises:
        RasterUnreadable: when the file cannot be read to its end.
        DigestStopped: when nobody waits for it any more.
    """
    elsewhere = far(path)
    if elsewhere is not None:
        return IDENTITY + elsewhere.identity
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
    files = sorted(paths, key=lambda path: path.name)
    digests = [file_digest(path, stopped) for path in files]
    return digest_of([f"{digest}  {path.name}" for digest, path in zip(digests, files, strict=True)], digests)


def digest_of(lines: Iterable[str], digests: Iterable[str]) -> str:
    """SHA-256 over lines that hold digests; that of names when one of these is.

    Args:
        lines: the lines.
        digests: the digests in them.
    """
    whole = hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
    return IDENTITY + whole if any(digest.startswith(IDENTITY) for digest in digests) else whole


def named(prefix: str, digest: str) -> dict[str, str]:
    """A digest under the name of what it is: ``<prefix>sha256`` of bytes, ``<prefix>identity_sha256`` of names."""
    kind = "identity_sha256" if digest.startswith(IDENTITY) else "sha256"
    return {prefix + kind: digest.removeprefix(IDENTITY)}

"""What a fetched source is to its reader: bytes at an offset, wherever they lie."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Protocol, Self

from serving.fetch.errors import SourceChanged


class ByteSource(Protocol):
    """Bytes that can be read in any order, by any thread."""

    @property
    def size(self) -> int:
        """Bytes in all."""

    @property
    def etag(self) -> str | None:
        """The host's name for this content, or None."""

    @property
    def identity(self) -> str:
        """SHA-256, hexadecimal, of what names this content: see ``identity_of``."""

    def read(self, offset: int, length: int) -> bytes:
        """The bytes from an offset on; fewer than asked for only at the end.

        Raises:
            ValueError: when a number is negative, or the source is closed.
            Upstream: when the host fails.
            SourceTooLarge: when the budget is spent.
        """

    def close(self) -> None:
        """Give connections and files back."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class DownloadedFile:
    """A source of a host that does not answer ranges: fetched whole, removed when it is closed.

    Args:
        path: the file.
        size: its bytes.
        etag: the host's name for it.
        identity: of the content.
    """

    def __init__(self, path: Path, *, size: int, etag: str | None, identity: str) -> None:
        self.path = path
        self.size = size
        self.etag = etag
        self.identity = identity
        self._lock = Lock()
        self._file: int | None = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self, offset: int, length: int) -> bytes:
        """See ``ByteSource.read``.

        Raises:
            ValueError: when a number is negative, or the source is closed.
            SourceChanged: when the file was cut short.
        """
        check_range(offset, length)
        length = max(min(length, self.size - offset), 0)
        with self._lock:
            if self._file is None:
                raise ValueError("the source is closed")
            content = os.pread(self._file, length, offset)
        if len(content) != length:
            raise SourceChanged("a fetched file was cut short while it was read; try again")
        return content

    def close(self) -> None:
        """Close and remove the file."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None
                self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def identity_of(address: str, size: int, etag: str | None, modified: str | None) -> str:
    """What names a content without having read it: SHA-256, hexadecimal, of four lines.

    Args:
        address: as it was asked for, with its query, before redirects.
        size: bytes in all.
        etag: the host's name for the content, or None.
        modified: header Last-Modified, or None.
    """
    lines = (address, str(size), etag or "", modified or "")
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def check_range(offset: int, length: int) -> None:
    """Refuse what is no range.

    Raises:
        ValueError: when a number is negative.
    """
    if offset < 0 or length < 0:
        raise ValueError(f"offset {offset} and length {length} must not be negative")

"""Bytes that clients sent, kept until a job has used them or their time is over.

A file lies in a folder of its owner, so that nobody can name, or find out about, somebody else's.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from landcover.errors import DataError, DiskFull
from landcover.staging import flush, make_folder, os_errors
from serving.disk import Disk

_NAME: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_PART: Final = ".part"
_OWNER_DIGITS: Final = 32


class UploadNotFound(DataError):
    """There is no such upload: it never was, its time is over, or it is somebody else's."""

    slug = "no-such-upload"


class UploadsFull(DataError):
    """The owner has stored as much as one may."""

    slug = "uploads-full"


@dataclass(frozen=True, slots=True)
class Uploads:
    """The folder of uploads.

    Attributes:
        root: where it is.
        keep_s: seconds for which an upload is kept after it came or a request named it; longer while a job needs it.
        per_owner: most bytes of one owner; None = no limit.
        spare: bytes of the disk that are left for other things.
        disk: whether uploads stay.
    """

    root: Path
    keep_s: float
    per_owner: int | None = None
    spare: int = 0
    disk: Disk = field(default_factory=Disk, compare=False)

    def begin(self, owner: str, expected: int = 0) -> Path:
        """A new name to write to; :meth:`keep` makes an upload of it, or whoever asked for it removes it.

        Args:
            owner: whose it is.
            expected: how many bytes are said to come.

        Raises:
            UploadsFull: they are more than this owner may store.
            DiskFull: no room.
            DiskFailed: the disk has failed, now or before.
            OutputNotWritable: the folder cannot be written.
        """
        folder = self.root / _folder(owner)
        with self.disk.promising(), os_errors(folder):
            make_folder(folder)
            self._check_room(folder, expected)
        return folder / f"{uuid.uuid4()}{_PART}"

    def keep(self, part: Path, *, durable: bool = True) -> str:
        """Make an upload of what was written.

        Args:
            part: name from :meth:`begin`.
            durable: whether it must outlive a crash: not when whoever sent it waits for the answer.

        Returns:
            The file, as :meth:`file` says it.

        Raises:
            UploadsFull: it is more than its owner may store.
            DiskFull: no room.
            DiskFailed: it may not be on the disk, or others were not.
            OutputNotWritable: it cannot be written.
        """
        with self.disk.promising(), os_errors(part):
            self._check_room(part.parent)
            if durable:
                flush(part)
            named = part.rename(part.with_suffix(""))
            if durable:
                flush(part.parent)
        return f"{named.parent.name}/{named.name}"

    def adopt(self, owner: str, path: Path) -> str:
        """Make an upload of a file of the service's own: a further name, so that it stays when the first one goes.

        Args:
            owner: whose upload it is to be.
            path: the file, which nobody writes to any more.

        Returns:
            The file, as :meth:`file` says it.

        Raises:
            UploadNotFound: when it has gone.
            UploadsFull: it is more than its owner may store.
            DiskFull: no room.
            DiskFailed: it may not be on the disk, or others were not.
            OutputNotWritable: it cannot be written.
        """
        try:
            found = path.stat()
            os.utime(path, ns=(time.time_ns(), found.st_mtime_ns))  # its time begins now
            part = self.begin(owner, found.st_size)
            _name_again(path, part)
        except FileNotFoundError as error:
            raise UploadNotFound("a file that the request refers to has been removed meanwhile") from error
        return self.keep(part)

    def file(self, owner: str, upload: str) -> str:
        """The file of an upload, relative to ``root``; the time for which it is kept begins anew.

        Raises:
            UploadNotFound: when this owner has none of that name.
        """
        if _NAME.fullmatch(upload):
            file = f"{_folder(owner)}/{upload}"
            with suppress(OSError):
                # A job is about to need it: it must not go before the job says so. The time of writing stays:
                # by that another job, which may read it now, tells that nobody has written to it.
                os.utime(self.root / file, ns=(time.time_ns(), (self.root / file).stat().st_mtime_ns))
            if (self.root / file).is_file():
                return file
        raise UploadNotFound("there is no such upload, or its time is over; send the file again to /uploads")

    def remove(self, file: str) -> None:
        """Remove an upload by what :meth:`file` said; one that has gone is no error."""
        with suppress(OSError):
            (self.root / file).unlink(missing_ok=True)

    def over(self) -> list[str]:
        """Files, as :meth:`file` says them, whose time is over, and what was begun that long ago and not finished."""
        return [f"{path.parent.name}/{path.name}" for path in self.root.glob("*/*") if self._is_over(path)]

    def drop(self, found: Collection[str], needed: Collection[str]) -> None:
        """Remove what nobody needs any more.

        Args:
            found: files as of :meth:`over`, which comes first: one that is named after it is not over any more.
            needed: files of jobs that wait or run.
        """
        for file in found:
            if file not in needed and self._is_over(self.root / file):
                self.remove(file)

    def _check_room(self, folder: Path, expected: int = 0) -> None:
        """Refuse what an owner may not store, and what would leave too little for everybody's work."""
        held = sum(_sizes(folder)) + expected
        if self.per_owner is not None and held > self.per_owner:
            raise UploadsFull(
                f"the files sent with this key would have {held:,} bytes, the limit is {self.per_owner:,}; DELETE "
                "uploads that are not needed any more, or wait until their time is over"
            )
        if shutil.disk_usage(folder).free - expected < self.spare:
            raise DiskFull("there is no room for more uploads; try again later, or have the operator make room")

    def _is_over(self, path: Path) -> bool:
        """Whether it is long since a file came, was named by a request, or was read."""
        try:
            found = path.stat()
            return max(found.st_mtime, found.st_atime) < time.time() - self.keep_s
        except OSError:
            return False


def _sizes(folder: Path) -> Iterator[int]:
    """Bytes of every file, of those that are still coming as well."""
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another request has just removed it
            yield path.stat().st_size


def _name_again(path: Path, part: Path) -> None:
    """A further name of a file; a copy where there are no links."""
    try:
        part.hardlink_to(path)
    except FileNotFoundError:
        raise
    except OSError:
        with os_errors(part):
            shutil.copy2(path, part)


def upload_id(file: str) -> str:
    """The id that an upload has for its owner."""
    return file.rpartition("/")[2]


def _folder(owner: str) -> str:
    """Owners' names come from tokens: digits of a digest are safe in a path."""
    return hashlib.sha256(owner.encode()).hexdigest()[:_OWNER_DIGITS]

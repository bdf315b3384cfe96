"""Folders of results: private while they are made, whole when they have their name, visible when a job names them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from landcover.staging import flush, make_folder, os_errors

OUTCOME: Final = "outcome.json"
"""What was done, beside the files of the outputs."""

_NAMED: Final = re.compile(r"\.?(?P<name>[0-9a-f-]{36}\.\d+)")


@dataclass(frozen=True, slots=True)
class Results:
    """The folder of all results.

    Attributes:
        root: where it is.
    """

    root: Path

    @contextmanager
    def making(self, job: str, fence: int) -> Iterator[Path]:
        """A private folder for the files of an attempt, removed at the end with what was not kept.

        Raises:
            DiskFull: no room for it.
            OutputNotWritable: it cannot be made.
        """
        private = self.root / f".{job}.{fence}"
        with os_errors(private):
            make_folder(self.root)
            shutil.rmtree(private, ignore_errors=True)
            private.mkdir(mode=0o700)
        try:
            yield private
        finally:
            shutil.rmtree(private, ignore_errors=True)

    def keep(self, private: Path, outcome: Mapping[str, Any]) -> str:
        """Give a finished folder its name, with all that is in it on the disk; nobody sees it before a job names it.

        Args:
            private: folder of :meth:`making`, whose files are flushed.
            outcome: JSON object that goes with them.

        Returns:
            The name for the job table.

        Raises:
            DiskFull: no room.
            DiskFailed: it may not be on the disk.
            OutputNotWritable: it cannot be written.
        """
        written = private / OUTCOME
        with os_errors(written):
            written.write_text(json.dumps(outcome, allow_nan=False))
            flush(written)
            flush(private)
            named = private.rename(private.with_name(private.name.removeprefix(".")))
            flush(self.root)
        return named.name

    def outcome(self, result: str) -> dict[str, Any]:
        """What was done, by the name that the job table has."""
        document: dict[str, Any] = json.loads((self.root / result / OUTCOME).read_text())
        return document

    def remove(self, result: str) -> None:
        """Remove a result; one that has gone is no error."""
        shutil.rmtree(self.root / result, ignore_errors=True)

    def found(self) -> list[str]:
        """Entries of the folder that are attempts or results."""
        with suppress(FileNotFoundError):
            return [path.name for path in self.root.iterdir() if _NAMED.fullmatch(path.name)]
        return []

    def drop(self, found: Collection[str], needed: Collection[str]) -> None:
        """Remove what killed workers left.

        Args:
            found: entries as of :meth:`found`, which comes first: an attempt that begins after it is not among them.
            needed: names that jobs have, and ``<job>.<fence>`` of every attempt that is under way.
        """
        for name in found:
            match = _NAMED.fullmatch(name)
            if match and match["name"] not in needed:
                self.remove(name)

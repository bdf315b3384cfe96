"""Which database a state folder goes with, and the other way round; kept in both.

Rows name files, and files that no row names are removed. So two databases with one folder would remove each other's
results, and servers of one database with a folder each would accept jobs whose inputs and results the others lack.
Neither shows before something is lost; hence it is looked at before a server or a worker begins.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from landcover.errors import ConfigError
from landcover.staging import flush, os_errors
from serving.database.protocol import Database
from serving.database.schema import secret

FILE: Final = "belongs.json"
"""The mark in the state folder; to be kept, copied and restored with it."""

_ROW: Final = "folder"
"""Name in the table ``meta``."""


class StateFolderUnusable(ConfigError):
    """The state folder and the database do not belong together."""

    slug = "state-folder"


@dataclass(frozen=True, slots=True)
class _Mark:
    """What is in the file.

    Attributes:
        database: tells databases apart, and nothing else of them.
        folder: tells folders of one database apart.
    """

    database: str
    folder: str

    @classmethod
    def read(cls, file: Path) -> Self | None:
        """The mark of a folder; None where there is none.

        Raises:
            StateFolderUnusable: when it is damaged.
        """
        with os_errors(file):
            try:
                text = file.read_text()
            except FileNotFoundError:
                return None
        try:
            found = json.loads(text)
            return cls(str(found["database"]), str(found["folder"]))
        except (ValueError, KeyError, TypeError) as error:
            raise StateFolderUnusable(
                f"{FILE} in STEPPE_STATE is damaged; restore it from a backup of that folder"
            ) from error

    def write(self, file: Path) -> None:
        """Mark a folder, unless another process has just done so."""
        with os_errors(file):
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
            try:
                draft.write_text(json.dumps(asdict(self)))
                flush(draft)
                with suppress(FileExistsError):
                    os.link(draft, file)
            finally:
                draft.unlink(missing_ok=True)
            flush(file.parent)


def claim(folder: Path, database: Database) -> None:
    """Take a state folder for a database, or see that it is that database's.

    Args:
        folder: ``STEPPE_STATE``; made where it is missing.
        database: whose jobs have their files there.

    Raises:
        StateFolderUnusable: when either belongs to another one.
        StoreUnavailable: when the database cannot be reached.
        OutputNotWritable: when the folder cannot be written.
    """
    file, name = folder / FILE, hashlib.sha256(b"state folder of " + secret(database)).hexdigest()[:32]
    mark = _Mark.read(file)
    made = mark is None
    if mark is None:
        _Mark(name, secrets.token_hex(16)).write(file)
        mark = _Mark.read(file)
    if mark is None or mark.database != name:
        raise StateFolderUnusable(
            "STEPPE_STATE has uploads and results of another database, which would be removed; set it to a folder of "
            "its own, or STEPPE_DATABASE_URL to the database that goes with it"
        )
    if _agreed(database, mark.folder) != mark.folder:
        if made:
            file.unlink(missing_ok=True)
        raise StateFolderUnusable(
            "other servers of this database keep uploads and results in another folder; set STEPPE_STATE to the one "
            "that all of them share, or have the database forget it where it is lost (see docs/operations.md)"
        )


def _agreed(database: Database, folder: str) -> str:
    """The folder of a database: this one where none is known yet."""
    with database.transaction() as transaction:
        transaction.run("INSERT INTO meta VALUES (:name, :folder) ON CONFLICT DO NOTHING", name=_ROW, folder=folder)
        agreed: str = transaction.run("SELECT value FROM meta WHERE name = :name", name=_ROW)[0]["value"]
        return agreed

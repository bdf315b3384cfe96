"""API keys in the service's database, table ``api_key``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from landcover.errors import SteppeError
from serving.access.keys import Key, Minted
from serving.access.principal import Scope
from serving.access.refusals import KeyNotFound
from serving.database.protocol import Database, Row

_COLUMNS: Final = "id, name, sha256, scopes, created, expires, revoked, last_used, pixels_per_minute, max_jobs"

_log = logging.getLogger(__name__)


class KeyStore:
    """Keeps, lists and takes back keys. Rows stay when a key is over: what was done with it can still be told.

    Args:
        database: gives the database; asked when it is first needed.
    """

    def __init__(self, database: Callable[[], Database]) -> None:
        self._database = database

    def add(self, key: Key) -> None:
        """Keep a new key.

        Raises:
            StoreUnavailable: when the database cannot be written.
        """
        names = ", ".join(f":{column}" for column in _COLUMNS.split(", "))
        with self._database().transaction() as transaction:
            transaction.run(f"INSERT INTO api_key ({_COLUMNS}) VALUES ({names})", **_row(key))  # noqa: S608

    def load(self, used: Collection[str]) -> Sequence[Key]:
        """All keys, oldest first; ``used`` ones were seen just now.

        Raises:
            StoreUnavailable: when the database cannot be used.
        """
        if used:
            try:
                self._note_use(used)
            except SteppeError as error:  # a full disk, or a long writer: nobody may be kept out for a note
                _log.warning("the last use of keys is not noted: %s", error)
        with self._database().reading() as transaction:
            rows = transaction.run(f"SELECT {_COLUMNS} FROM api_key ORDER BY created, id")  # noqa: S608
        return [_key(row) for row in rows]

    def _note_use(self, used: Collection[str]) -> None:
        with self._database().transaction() as transaction:
            for key_id in used:
                transaction.run("UPDATE api_key SET last_used = :now WHERE id = :id", now=_seconds(now()), id=key_id)

    def revoke(self, key_id: str) -> Key:
        """Take a key back; running servers learn of it within two seconds. Doing so again changes nothing.

        Raises:
            KeyNotFound: when there is none of this id.
            StoreUnavailable: when the database cannot be written.
        """
        with self._database().transaction() as transaction:
            rows = transaction.run(
                f"UPDATE api_key SET revoked = coalesce(revoked, :now) WHERE id = :id RETURNING {_COLUMNS}",  # noqa: S608
                now=_seconds(now()),
                id=key_id,
            )
        if not rows:
            raise KeyNotFound("there is no API key of that id; `steppe keys list` shows the ids")
        return _key(rows[0])


def new_key(
    minted: Minted,
    name: str,
    scopes: Collection[Scope],
    *,
    expires: datetime | None = None,
    pixels_per_minute: int | None = None,
    max_jobs: int | None = None,
) -> Key:
    """What is kept of a key that was just minted.

    Args:
        minted: the key.
        name: for people.
        scopes: what it is good for.
        expires: when it ends; None = never.
        pixels_per_minute: its own limit.
        max_jobs: its own limit.
    """
    return Key(
        id=minted.id,
        name=name,
        sha256=minted.sha256,
        scopes=frozenset(scopes),
        created=now(),
        expires=expires,
        pixels_per_minute=pixels_per_minute,
        max_jobs=max_jobs,
    )


def now() -> datetime:
    """This second, UTC."""
    return datetime.now(UTC).replace(microsecond=0)


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _row(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "sha256": key.sha256,
        "scopes": " ".join(sorted(key.scopes)),
        "created": _seconds(key.created),
        "expires": _seconds(key.expires),
        "revoked": _seconds(key.revoked),
        "last_used": _seconds(key.last_used),
        "pixels_per_minute": key.pixels_per_minute,
        "max_jobs": key.max_jobs,
    }


def _key(row: Row) -> Key:
    known = {scope.value for scope in Scope}
    created = _moment(row["created"])
    assert created is not None  # noqa: S101 - the column is NOT NULL
    return Key(
        id=row["id"],
        name=row["name"],
        sha256=row["sha256"],
        # A newer version may know more scopes; here they open nothing.
        scopes=frozenset(Scope(scope) for scope in row["scopes"].split() if scope in known),
        created=created,
        expires=_moment(row["expires"]),
        revoked=_moment(row["revoked"]),
        last_used=_moment(row["last_used"]),
        pixels_per_minute=row["pixels_per_minute"],
        max_jobs=row["max_jobs"],
    )

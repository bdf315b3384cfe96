"""SQLite in one file: for a server and its workers on one host."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from landcover.errors import DiskFull
from landcover.staging import make_folder
from serving.database.filesystem import network_name
from serving.database.protocol import (
    DatabaseUnusable,
    Dialect,
    Row,
    StoreFailed,
    StoreUnavailable,
    Transaction,
)
from serving.database.statements import check_values

APPLICATION_ID: Final = 0x53544550
"""Bytes 68 to 71 of our files, ``STEP``: no other program's database is ever written to."""

OLDEST: Final = (3, 35, 0)
"""First version with RETURNING."""

WAL_LIMIT: Final = 64 * 1024**2
"""Bytes to which the log is cut after a reader who kept it long has gone."""

_ASK_AGAIN_MS: Final = 1
"""SQLite's own waiting grows to 0.1 s between two tries: a process that writes all the time would starve the others."""

_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_NOT_NOW: Final = frozenset(
    {
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_INTERRUPT,
    }
)
_UNFLUSHED: Final = frozenset({sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC})
_DAMAGE: Final = "the database file is damaged; restore it from a backup, Steppe does not repair or delete it"

_log = logging.getLogger(__name__)


class SqliteDatabase:
    """A SQLite file in WAL mode, every commit flushed to the disk before it counts.

    Writers of one process take turns by a lock of threads, which wakes the next one at once; between processes it is
    SQLite's own lock, asked for every millisecond. Readers have connections of their own and wait for nobody.

    Args:
        file: made, for this user alone, where it is missing; so is its folder.
        wait_s: seconds that a writer waits for its turn.
        verify: look through the whole file for damage first; about 1 s for 500 MB.

    Raises:
        DatabaseUnusable: when the file is damaged, not Steppe's, or on a network file system.
        StoreUnavailable: when it is locked or cannot be opened.
    """

    dialect: Dialect = "sqlite"

    def __init__(self, file: Path, *, wait_s: float, verify: bool = True) -> None:
        self._file, self._wait_s = file, wait_s
        self._turn = threading.Lock()
        self._guard = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        _make_place(file)
        try:
            with _our_errors(wait_s):
                self._writer = self._open_writer(verify=verify)
        except _Damaged as error:
            raise DatabaseUnusable(str(error)) from error

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """See ``Database``."""
        if not self._turn.acquire(timeout=self._wait_s):
            raise _locked(self._wait_s)
        try:
            self._check_open()
            with _our_errors(self._wait_s), _begun(self._writer, "BEGIN IMMEDIATE", self._wait_s):
                yield _Transaction(self._writer)
        finally:
            self._turn.release()

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """See ``Database``."""
        with _our_errors(self._wait_s):
            connection = self._take_reader()
            try:
                with _begun(connection, "BEGIN", self._wait_s):
                    yield _Transaction(connection)
            finally:
                self._return_reader(connection)

    def close(self) -> None:
        """See ``Database``."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        with self._turn:
            self._writer.close()

    def _open_writer(self, *, verify: bool) -> sqlite3.Connection:
        connection = self._connect()
        try:
            _claim(connection, verify=verify)
            _write_ahead(connection, self._wait_s)
            _set_up(
                connection,
                "synchronous = FULL",
                f"journal_size_limit = {WAL_LIMIT}",
                f"busy_timeout = {_ASK_AGAIN_MS}",
            )
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect(self) -> sqlite3.Connection:
        # Nothing is read yet, so nothing can go wrong with a connection that nobody would close.
        return sqlite3.connect(
            self._file, timeout=self._wait_s, isolation_level=None, check_same_thread=False, cached_statements=256
        )

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("the database is closed; the service is stopping")

    def _take_reader(self) -> sqlite3.Connection:
        with self._guard:
            self._check_open()
            if self._idle:
                return self._idle.pop()
        connection = self._connect()
        _set_up(connection, "query_only = ON")
        return connection

    def _return_reader(self, connection: sqlite3.Connection) -> None:
        with self._guard:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()


class _Damaged(StoreUnavailable):
    """The file is not what SQLite wrote."""


class _Transaction:
    """A transaction on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, sql: str, /, **values: Any) -> Sequence[Row]:
        """See ``Transaction``."""
        check_values(values)
        cursor = self._connection.execute(sql, values)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor]


@contextmanager
def _begun(connection: sqlite3.Connection, begin: str, wait_s: float) -> Iterator[None]:
    """Commit what is done inside, or take it back."""
    _insist(connection, begin, wait_s)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite takes some back by itself, for example when the disk is full
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


@contextmanager
def _our_errors(wait_s: float) -> Iterator[None]:
    """Raise SQLite's errors as the service's own; whatever only a mistake in our SQL causes stays as it is."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        exactly = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
        code = exactly & 0xFF
        if exactly in _UNFLUSHED:
            raise StoreFailed("the disk where STEPPE_STATE is has an error; see to it, then start anew") from error
        if code == sqlite3.SQLITE_FULL:
            raise DiskFull("the disk is full; make room where STEPPE_STATE is") from error
        if code in _BUSY:
            raise _locked(wait_s) from error
        if code in _DAMAGED:
            raise _Damaged(_DAMAGE) from error
        if code in _NOT_NOW:
            _log.warning("SQLite: %s", error)
            raise StoreUnavailable("the database file cannot be used; see to the disk where STEPPE_STATE is") from error
        raise


def _locked(wait_s: float) -> StoreUnavailable:
    return StoreUnavailable(f"the database was locked for {wait_s:g} seconds; try again later")


def _make_place(file: Path) -> None:
    """Folder and file, which nobody else may read: they hold what people asked for."""
    if sqlite3.sqlite_version_info < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise DatabaseUnusable(f"SQLite {sqlite3.sqlite_version} is too old; {wanted} or later was expected")
    try:
        make_folder(file.parent)
        network = network_name(file.parent)
        if network:
            raise DatabaseUnusable(
                f"the state folder is on a network file system ({network}), where SQLite loses data; set STEPPE_STATE "
                "to a folder on a local disk, or STEPPE_DATABASE_URL to a PostgreSQL database"
            )
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise DatabaseUnusable(
            f"the database file cannot be opened ({reason}); set STEPPE_STATE to a folder that can be written to"
        ) from error


def _claim(connection: sqlite3.Connection, *, verify: bool) -> None:
    """Make sure that the file is whole and ours before anything is written to it."""
    owner, tables = _owner_and_tables(connection)
    # Only our own file is looked through: a stranger's may be of any size.
    ours = owner == APPLICATION_ID
    damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0] if verify and ours else "ok"
    if damage != "ok":
        raise _Damaged(_DAMAGE)
    if not ours and (owner or tables):
        raise DatabaseUnusable("the database file belongs to another program; set STEPPE_STATE to a folder of its own")
    if not ours:
        _set_up(connection, f"application_id = {APPLICATION_ID}")


def _owner_and_tables(connection: sqlite3.Connection) -> tuple[int, int]:
    """Whose file it is and how many tables it has, as of one moment: another process may be claiming it right now."""
    connection.execute("BEGIN")
    try:
        (owner,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return owner, tables


def _set_up(connection: sqlite3.Connection, *pragmas: str) -> None:
    """Options of a connection; closed when it does not take them."""
    try:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise


def _write_ahead(connection: sqlite3.Connection, wait_s: float) -> None:
    """Switch to the write-ahead log, for which SQLite itself does not wait for its lock."""
    (mode,) = _insist(connection, "PRAGMA journal_mode = WAL", wait_s).fetchone()
    if mode != "wal":
        raise DatabaseUnusable("the file system cannot keep a write-ahead log; set STEPPE_STATE to a local disk")


def _insist(connection: sqlite3.Connection, sql: str, wait_s: float) -> sqlite3.Cursor:
    """Run a statement that needs a lock, again and again until it is free or the time is over."""
    end = time.monotonic() + wait_s
    while True:
        try:
            return connection.execute(sql)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _BUSY or time.monotonic() > end:
                raise
            time.sleep(_ASK_AGAIN_MS / 1000)  # SQLite does not wait before every refusal

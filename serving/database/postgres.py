"""PostgreSQL: for servers and workers on several hosts."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import psycopg
from psycopg import errors
from psycopg.rows import dict_row

from landcover.errors import ConfigError, DiskFull
from serving.database.patience import PatientConnection, Silence
from serving.database.protocol import DatabaseUnusable, Dialect, Row, StoreUnavailable, Transaction
from serving.database.statements import check_values, percent_style

IDLE_LIMIT: Final = "60s"
"""PostgreSQL ends a transaction in which nothing happened for so long: a process that was stopped holds no row for
ever."""

_SCHEMES: Final = ("postgresql://", "postgres://")
_LEAST_CONNECT_S: Final = 2
"""libpq takes no shorter time."""
_ANSWER_S: Final = 1.0
"""Seconds in which a server that has waited for a lock in vain says so."""
_ENDED_BY_SERVER: Final = (psycopg.OperationalError, psycopg.InterfaceError, errors.IdleInTransactionSessionTimeout)

_log = logging.getLogger(__name__)


class PostgresDatabase:
    """A PostgreSQL schema and a few connections to it, made when needed and made anew when they break.

    Args:
        url: ``postgresql://...``, anything libpq understands.
        schema: of our tables; the search path of every connection.
        wait_s: seconds to wait for a connection, for the server and for a lock.
        connections: most of them at the same time.

    Raises:
        ConfigError: when the address cannot be understood.
    """

    dialect: Dialect = "postgresql"

    def __init__(self, url: str, *, schema: str, wait_s: float, connections: int) -> None:
        self._url, self._schema, self._wait_s = url, schema, wait_s
        self._free = threading.BoundedSemaphore(connections)
        self._guard = threading.Lock()
        self._idle: list[PatientConnection] = []
        self._closed = False
        _check_url(url)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """See ``Database``."""
        with self._begun("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE") as connection:
            yield _Transaction(connection)

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """See ``Database``."""
        with self._begun("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as connection:
            yield _Transaction(connection)

    def close(self) -> None:
        """See ``Database``."""
        with self._guard:
            self._closed = True
        self._close_idle()

    @contextmanager
    def _begun(self, begin: str) -> Iterator[PatientConnection]:
        """A connection in a transaction, which is committed or taken back."""
        if not self._free.acquire(timeout=self._wait_s):
            raise StoreUnavailable("all connections to the database are in use; try again later")
        try:
            with _our_errors():
                connection = self._begin(begin)
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    self._take_back(connection)
                    raise
                self._keep(connection)
        finally:
            self._free.release()

    def _begin(self, begin: str) -> PatientConnection:
        """Begin on a kept connection; when that one is dead so are its sisters, and a new one is made."""
        connection = self._take_idle()
        if connection:
            try:
                connection.execute(begin)
            except Silence:  # another connection would hear nothing, either
                _close(connection)
                raise
            except (psycopg.OperationalError, psycopg.InterfaceError):
                _close(connection)
                self._close_idle()
            else:
                return connection
        connection = self._connect()
        try:
            connection.execute(begin)
        except BaseException:
            _close(connection)
            raise
        return connection

    def _connect(self) -> PatientConnection:
        connection = PatientConnection.connect(
            self._url,
            autocommit=True,
            row_factory=dict_row,
            application_name="steppe",
            connect_timeout=max(_LEAST_CONNECT_S, math.ceil(self._wait_s)),
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            tcp_user_timeout=math.ceil(self._wait_s * 1000),
        )
        # Its own limit of waiting for a lock comes first, and says more.
        connection.silence_s = self._wait_s + _ANSWER_S
        try:
            connection.execute(
                "SELECT set_config('search_path', %s, false), set_config('lock_timeout', %s, false),"
                " set_config('synchronous_commit', 'on', false),"
                " set_config('idle_in_transaction_session_timeout', %s, false)",
                (self._schema, f"{math.ceil(self._wait_s * 1000)}ms", IDLE_LIMIT),
            )
        except BaseException:
            _close(connection)
            raise
        return connection

    def _take_idle(self) -> PatientConnection | None:
        with self._guard:
            if self._closed:
                raise StoreUnavailable("the database is closed; the service is stopping")
            return self._idle.pop() if self._idle else None

    def _take_back(self, connection: PatientConnection) -> None:
        if connection.silent:  # it would not hear this, either
            _close(connection)
            return
        try:
            connection.execute("ROLLBACK")
        except psycopg.Error:
            _close(connection)
        else:
            self._keep(connection)

    def _keep(self, connection: PatientConnection) -> None:
        with self._guard:
            if not self._closed:
                self._idle.append(connection)
                return
        _close(connection)

    def _close_idle(self) -> None:
        with self._guard:
            idle, self._idle = self._idle, []
        for connection in idle:
            _close(connection)


class _Transaction:
    """A transaction on one connection."""

    def __init__(self, connection: PatientConnection) -> None:
        self._connection = connection

    def run(self, sql: str, /, **values: Any) -> Sequence[Row]:
        """See ``Transaction``."""
        check_values(values)
        cursor = self._connection.execute(percent_style(sql), values)
        return cursor.fetchall() if cursor.description else []


def _check_url(url: str) -> None:
    try:
        parts = psycopg.conninfo.conninfo_to_dict(url)
        known = url.startswith(_SCHEMES)  # libpq takes other forms, too, and an empty one for the server of this host
    except psycopg.ProgrammingError:
        parts, known = {}, False
    if not known:  # what came may hold a password
        raise ConfigError("STEPPE_DATABASE_URL cannot be understood; postgresql://user@host/name was expected")
    # A password with a slash or an at sign ends early for libpq, and the rest would be said as the name of a host.
    if any("@" in str(parts.get(part, ""))[1:] for part in ("host", "dbname")):
        raise ConfigError("STEPPE_DATABASE_URL has an @ too many; write @ as %40 and / as %2F in user and password")


def _close(connection: PatientConnection) -> None:
    with suppress(psycopg.Error):
        connection.close()


@contextmanager
def _our_errors() -> Iterator[None]:
    """Raise PostgreSQL's errors as the service's own; whatever only a mistake in our SQL causes stays as it is."""
    try:
        yield
    except errors.DiskFull as error:
        raise DiskFull("the database server's disk is full; make room there") from error
    except errors.LockNotAvailable as error:
        raise StoreUnavailable("the database was locked; try again later") from error
    except errors.InsufficientPrivilege as error:
        raise DatabaseUnusable(
            "the database user of STEPPE_DATABASE_URL lacks rights; make it the owner of the schema of "
            "STEPPE_DATABASE_SCHEMA and its tables, or let it make one (GRANT CREATE ON DATABASE)"
        ) from error
    except (*_ENDED_BY_SERVER, errors.ReadOnlySqlTransaction) as error:
        # The reason is for the operator: it may name hosts and users.
        _log.warning("PostgreSQL: %s", str(error).partition("\n")[0])
        raise StoreUnavailable("the database cannot be reached; try again later") from error

"""How the service speaks to its database: short transactions of plain SQL that both databases understand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol

from landcover.errors import ConfigError, DiskFailed, SteppeError, WrongUse

type Row = Mapping[str, Any]
type Dialect = Literal["sqlite", "postgresql"]


class StoreUnavailable(SteppeError):
    """The database cannot be reached, or somebody else keeps it locked."""

    slug = "store-unavailable"


class StoreFailed(DiskFailed, StoreUnavailable):
    """The database could not bring what was written to the disk."""


class DatabaseUnusable(ConfigError):
    """The database is damaged, of a newer version, not Steppe's, or where no database may be."""

    slug = "database-unusable"


class ValueUnstorable(WrongUse):
    """A text or number is one that a database cannot keep."""

    slug = "value-unstorable"


class Transaction(Protocol):
    """One transaction."""

    def run(self, sql: str, /, **values: Any) -> Sequence[Row]:
        """Run one statement with ``:name`` parameters; the rows it gives.

        Raises:
            ValueUnstorable: when a text has NUL or half a surrogate pair, or a number more than 64 bits.
        """


class Database(Protocol):
    """A database whose tables are those of this version of Steppe; safe from several threads, not across a fork."""

    @property
    def dialect(self) -> Dialect:
        """Which SQL it speaks."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """A transaction that may write; it is durable when its context has ended without an error.

        An error inside takes everything back. When the connection breaks at the very end nobody knows whether the
        transaction counts, so whatever is run in one must bear to be run again. Do not begin another one inside it.

        Raises:
            StoreUnavailable: when the database cannot be reached, or stays locked.
            DiskFull: when the database has no room.
            StoreFailed: when the disk has an error.
        """

    def reading(self) -> AbstractContextManager[Transaction]:
        """A transaction that only reads, what was committed before it; it waits for no writer.

        Raises:
            StoreUnavailable: when the database cannot be reached.
        """

    def close(self) -> None:
        """Give all connections back, those in use when their transaction ends; any later one is StoreUnavailable."""

"""How the service speaks to its database: short transactions of plain SQL that both databases understand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol

from landcover.errors import SteppeError

type Row = Mapping[str, Any]
type Dialect = Literal["sqlite", "postgresql"]


class StoreUnavailable(SteppeError):
    """The database cannot be reached, or somebody else keeps it locked."""

    slug = "store-unavailable"


class Transaction(Protocol):
    """One transaction that writes; it is durable when its context has ended without an error."""

    def run(self, sql: str, **values: Any) -> Sequence[Row]:
        """Run one statement with ``:name`` parameters; the rows it gives."""


class Database(Protocol):
    """A database whose tables are as this version of Steppe wants them."""

    @property
    def dialect(self) -> Dialect:
        """Which SQL it speaks."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin a transaction that may write; other writers wait. Safe to call from several threads.

        Raises:
            StoreUnavailable: when the database cannot be reached, or stays locked.
        """

    def close(self) -> None:
        """Give all connections back."""

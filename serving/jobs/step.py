"""One step of the state machine: a transaction, the time in it, and the words in which both databases differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from serving.database.protocol import Dialect, Row, Transaction
from serving.jobs.clock import Instant


@dataclass(frozen=True, slots=True)
class Step:
    """What a statement needs to be run.

    Attributes:
        transaction: runs it.
        now: one time for the whole transaction.
        dialect: of the database.
    """

    transaction: Transaction
    now: Instant
    dialect: Dialect

    def run(self, sql: str, /, **values: Any) -> Sequence[Row]:
        """Run a statement. ``{lock}`` and ``{skip}`` end a SELECT of rows that are about to be changed.

        With ``{lock}`` it waits for another one that holds them, with ``{skip}`` it leaves those out, so that no two
        steps wait for each other in a circle. SQLite has one writer at a time and needs neither.
        """
        locks = self.dialect == "postgresql"
        sql = sql.replace("{lock}", "FOR UPDATE" if locks else "")
        return self.transaction.run(sql.replace("{skip}", "FOR UPDATE SKIP LOCKED" if locks else ""), **values)

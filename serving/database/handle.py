"""The one database of a process, opened when it is first needed."""

from __future__ import annotations

import threading

from serving.database.opening import open_database
from serving.database.protocol import Database
from serving.settings import Settings


class DatabaseHandle:
    """Gives the database. After a failure the next call tries again.

    Args:
        settings: say which.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._database: Database | None = None
        self._opening = threading.Lock()

    def __call__(self) -> Database:
        """The database; raises what ``open_database`` raises."""
        with self._opening:
            if self._database is None:
                self._database = open_database(self._settings)
            return self._database

    def close(self) -> None:
        """Close it, where it was opened."""
        with self._opening:
            if self._database is not None:
                self._database.close()
                self._database = None

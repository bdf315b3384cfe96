"""Open the database that the settings name."""

from __future__ import annotations

from typing import Final

from serving.database.protocol import Database
from serving.database.schema import migrate
from serving.database.sqlite import SqliteDatabase
from serving.settings import Settings

FILE: Final = "steppe.db"


def open_database(settings: Settings, *, verify: bool = True) -> Database:
    """Open the database, and make or renew its tables.

    Args:
        settings: ``database_url``, or the ``state`` folder where that is None.
        verify: look through a SQLite file for damage; not needed by processes that a checked one starts.

    Returns:
        Close it when it is not needed any more.

    Raises:
        DatabaseUnusable: when it is damaged, newer, somebody else's or on a network file system.
        ConfigError: when the address cannot be understood.
        StoreUnavailable: when it cannot be reached.
    """
    database = _open(settings, verify=verify)
    try:
        migrate(database, settings.database_schema)
    except BaseException:
        database.close()
        raise
    return database


def _open(settings: Settings, *, verify: bool) -> Database:
    if settings.database_url is None:
        return SqliteDatabase(settings.state / FILE, wait_s=settings.database_wait_s, verify=verify)
    # Not at the top: most commands need no PostgreSQL.
    from serving.database.postgres import PostgresDatabase  # noqa: PLC0415

    return PostgresDatabase(
        settings.database_url.get_secret_value(),
        schema=settings.database_schema,
        wait_s=settings.database_wait_s,
        connections=settings.database_connections,
    )

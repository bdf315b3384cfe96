"""All tables of the service, and the steps by which an older database becomes one of today.

A step that was ever released is not edited; a new one is added at the end. Steps only add: tables, indexes, columns
with a default. So processes of the version before go on with their jobs while the new one starts; whoever opens the
database later must know it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

from serving.database.protocol import Database, DatabaseUnusable, Transaction

type Step = Sequence[str]
"""Statements that lead from one version to the next. ``{serial}`` is the type of a column that numbers its rows."""

_JOBS: Final[Step] = (
    """
    CREATE TABLE job (
        seq {serial},
        id TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        process TEXT NOT NULL,
        request TEXT NOT NULL,
        model TEXT,
        model_sha256 TEXT,
        pixels BIGINT NOT NULL,
        listed BIGINT NOT NULL,
        subscriber TEXT,
        idempotency_key TEXT,
        body_digest TEXT,
        request_id TEXT,
        deadline_s DOUBLE PRECISION,
        deadline_us BIGINT,
        deadline_epoch TEXT,
        deadline_ticks BIGINT,
        state TEXT NOT NULL,
        progress BIGINT NOT NULL,
        message TEXT NOT NULL,
        created_us BIGINT NOT NULL,
        started_us BIGINT,
        finished_us BIGINT,
        updated_us BIGINT NOT NULL,
        attempt BIGINT NOT NULL,
        fence BIGINT NOT NULL,
        worker TEXT,
        lease_epoch TEXT,
        lease_ticks BIGINT,
        problem TEXT,
        result TEXT,
        notify TEXT NOT NULL,
        notice TEXT,
        notice_epoch TEXT,
        notice_ticks BIGINT,
        gone_us BIGINT,
        UNIQUE (owner, idempotency_key)
    )
    """,
    "CREATE INDEX job_waiting ON job (owner, seq) WHERE state = 'accepted'",
    "CREATE INDEX job_running ON job (owner) WHERE state = 'running'",
    "CREATE INDEX job_deadline ON job (seq) WHERE state = 'accepted' AND deadline_us IS NOT NULL",
    "CREATE INDEX job_listed ON job (owner, seq) WHERE gone_us IS NULL AND listed = 1",
    "CREATE INDEX job_state ON job (state) WHERE gone_us IS NULL",
    "CREATE INDEX job_notice ON job (seq) WHERE notice IS NOT NULL",
    "CREATE INDEX job_ended ON job (finished_us) WHERE gone_us IS NULL AND finished_us IS NOT NULL",
    "CREATE INDEX job_gone ON job (gone_us) WHERE gone_us IS NOT NULL",
)

_KEYS: Final[Step] = (
    """
    CREATE TABLE api_key (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        scopes TEXT NOT NULL,
        created BIGINT NOT NULL,
        expires BIGINT,
        revoked BIGINT,
        last_used BIGINT,
        pixels_per_minute BIGINT,
        max_jobs BIGINT
    )
    """,
)

_EXTRAS: Final[Step] = (
    "ALTER TABLE job ADD COLUMN extra BIGINT",
    "ALTER TABLE job ADD COLUMN extra_us BIGINT",
    "CREATE INDEX job_extra ON job (owner, extra_us) WHERE extra_us IS NOT NULL",
)

STEPS: Final[Sequence[Step]] = (_JOBS, _KEYS, _EXTRAS)
"""Version 1 is the first one."""

_SERIAL: Final = {
    "sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "postgresql": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
}
_LOCK: Final = 0x53544550
"""Number of the lock that PostgreSQL keeps for us while tables are made."""


def migrate(database: Database, schema: str, steps: Sequence[Step] = STEPS) -> None:
    """Bring the tables to the newest version; several processes may do so at the same time.

    Args:
        database: whose tables.
        schema: PostgreSQL's schema of the tables, made where it is missing.
        steps: default: those of this version of Steppe.

    Raises:
        DatabaseUnusable: when a newer version of Steppe made them.
    """
    with database.transaction() as transaction:
        if database.dialect == "postgresql":
            transaction.run("SELECT pg_advisory_xact_lock(:number)", number=_LOCK)
            if not transaction.run("SELECT 1 FROM pg_namespace WHERE nspname = :name", name=schema):
                transaction.run(f'CREATE SCHEMA "{schema}"')
        version = _version(transaction)
        if version > len(steps):
            raise DatabaseUnusable(
                f"the database has version {version}, this Steppe knows {len(steps)}; start the newer one that made it"
            )
        for statement in (statement for step in steps[version:] for statement in step):
            transaction.run(statement.format(serial=_SERIAL[database.dialect]))
        if version < len(steps):
            transaction.run("UPDATE meta SET value = :version WHERE name = 'version'", version=str(len(steps)))


def _version(transaction: Transaction) -> int:
    """How many steps were taken; 0 in an empty database."""
    transaction.run("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
    transaction.run("INSERT INTO meta VALUES ('version', '0') ON CONFLICT DO NOTHING")
    # Signs what the service hands out and gets back; it must be the same for all processes.
    transaction.run("INSERT INTO meta VALUES ('secret', :new) ON CONFLICT DO NOTHING", new=secrets.token_hex(32))
    return int(transaction.run("SELECT value FROM meta WHERE name = 'version'")[0]["value"])


def secret(database: Database) -> bytes:
    """32 random bytes that every process with this database knows, and nobody else."""
    with database.reading() as transaction:
        return bytes.fromhex(transaction.run("SELECT value FROM meta WHERE name = 'secret'")[0]["value"])

"""Accept a job, once for each idempotency key."""

from __future__ import annotations

import uuid
from typing import Final

from serving.database.protocol import StoreUnavailable
from serving.jobs.listing import waiting
from serving.jobs.record import Job, NewJob
from serving.jobs.rows import COLUMNS, job_of, values_of
from serving.jobs.step import Step
from serving.jobs.store import Admit, JobGone, KeyReused

_TRIES: Final = 3
"""A key's job may be forgotten between the two statements; not three times in a row."""


_LOCK: Final = 0x53544551
"""Number of the locks that PostgreSQL keeps while jobs of an owner are counted; SQLite has one writer anyway."""


def accept(step: Step, new: NewJob, admit: Admit | None) -> tuple[Job, bool]:
    """See ``JobStore``."""
    if admit and step.dialect == "postgresql":
        step.run("SELECT pg_advisory_xact_lock(:number, hashtext(:owner))", number=_LOCK, owner=new.owner)
    for _ in range(_TRIES):
        made = _insert(step, new)
        if made:
            if admit:
                admit(waiting(step, new.owner)[0] - 1)
            return made, True
        found = recall(step, new.owner, new.idempotency_key, new.body_digest)
        if found:
            return found, False
    raise StoreUnavailable("the job could not be recorded; try again")


def _insert(step: Step, new: NewJob) -> Job | None:
    """The new job; None when its key is taken. Where another process is just taking it, this waits for the outcome."""
    values = values_of(str(uuid.uuid4()), new, step.now)
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    rows = step.run(
        f"INSERT INTO job ({names}) VALUES ({marks}) ON CONFLICT (owner, idempotency_key) DO NOTHING"
        f" RETURNING {COLUMNS}",
        **values,
    )
    return job_of(rows[0]) if rows else None


def recall(step: Step, owner: str, key: str | None, body_digest: str | None) -> Job | None:
    """See ``JobStore``."""
    rows = step.run(
        f"SELECT gone_us, {COLUMNS} FROM job WHERE owner = :owner AND idempotency_key = :key",
        owner=owner,
        key=key,
    )
    if not rows:
        return None
    if rows[0]["body_digest"] != body_digest:
        raise KeyReused("the Idempotency-Key came before with another request; send each request with a key of its own")
    if rows[0]["gone_us"] is not None:
        raise JobGone("the job of this Idempotency-Key was dismissed or removed; send a new key to begin another one")
    return job_of(rows[0])

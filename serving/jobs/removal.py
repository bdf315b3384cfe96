"""Dismiss, remove and forget jobs, and tell which results must stay."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from serving.jobs.clock import MICROS
from serving.jobs.listing import find
from serving.jobs.record import Job, State
from serving.jobs.rows import COLUMNS, job_of
from serving.jobs.step import Step
from serving.jobs.store import MOST_FORGOTTEN

_ERASED: Final = (
    "request = '{}', subscriber = NULL, request_id = NULL, message = '', problem = NULL, worker = NULL,"
    " lease_epoch = NULL, lease_ticks = NULL, notice = NULL, gone_us = :wall, updated_us = :wall"
)
"""What a tombstone keeps: whose it is, its key, and the name of a folder that is gone."""


def dismiss(step: Step, job: str, owner: str | None) -> Job:
    """See ``JobStore``. A worker hears of it when it renews: the state is not ``running`` any more."""
    left = find(step, job, owner, lock="{lock}")
    if not left.state.ended:
        rows = step.run(
            f"UPDATE job SET state = 'dismissed', finished_us = :wall, updated_us = :wall WHERE id = :id"
            f" RETURNING {COLUMNS}",
            id=job,
            wall=step.now.wall_us,
        )
        left = replace(job_of(rows[0]), state=State.DISMISSED)
    step.run(f"UPDATE job SET {_ERASED} WHERE id = :id", id=job, wall=step.now.wall_us)
    return left


def results(step: Step) -> Collection[str]:
    """Folders that must stay; see ``JobStore``."""
    named = step.run("SELECT result FROM job WHERE gone_us IS NULL AND result IS NOT NULL")
    running = step.run(f"SELECT {COLUMNS} FROM job WHERE state = 'running'")
    return frozenset(row["result"] for row in named) | {job_of(row).folder for row in running}


def requests(step: Step) -> Sequence[Mapping[str, Any]]:
    """What jobs ask for that have not ended; see ``JobStore``. One part for each index."""
    rows = step.run(
        "SELECT request FROM job WHERE state = 'accepted' UNION ALL SELECT request FROM job WHERE state = 'running'"
    )
    return [json.loads(row["request"]) for row in rows]


def forget(step: Step, older_than_s: float) -> Sequence[str]:
    """Forget old tombstones and make new ones of old jobs; see ``JobStore``."""
    before = step.now.wall_us - round(older_than_s * MICROS)
    step.run(
        "DELETE FROM job WHERE id IN"
        " (SELECT id FROM job WHERE gone_us IS NOT NULL AND gone_us <= :before LIMIT :most {skip})",
        before=before,
        most=MOST_FORGOTTEN,
    )
    rows = step.run(
        f"UPDATE job SET {_ERASED} WHERE id IN"
        " (SELECT id FROM job WHERE gone_us IS NULL AND finished_us <= :before LIMIT :most {skip}) RETURNING result",
        before=before,
        most=MOST_FORGOTTEN,
        wall=step.now.wall_us,
    )
    return [row["result"] for row in rows if row["result"] is not None]

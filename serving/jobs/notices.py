"""Which subscribers are still to be told what: kept in the job's row, so that no crash forgets one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from serving.jobs.clock import MICROS
from serving.jobs.record import Job, State
from serving.jobs.rows import COLUMNS, job_of
from serving.jobs.step import Step

_DUE: Final = (
    "notice IS NOT NULL AND notice = state"
    " AND (notice_epoch IS NULL OR notice_epoch <> :epoch OR notice_ticks <= :ticks)"
)


def any_due(step: Step) -> bool:
    """Whether there is anything to tell; only reads."""
    sql = f"SELECT EXISTS (SELECT 1 FROM job WHERE {_DUE}) AS due"
    return bool(step.run(sql, epoch=step.now.epoch, ticks=step.now.ticks)[0]["due"])


def due(step: Step, limit: int, seconds: float) -> Sequence[Job]:
    """Take what is to be told, oldest job first; see ``JobStore.due_notices``."""
    rows = step.run(
        f"UPDATE job SET notice_epoch = :epoch, notice_ticks = :until WHERE id IN"
        f" (SELECT id FROM job WHERE {_DUE} ORDER BY seq LIMIT :most {{skip}}) RETURNING {COLUMNS}",
        epoch=step.now.epoch,
        ticks=step.now.ticks,
        until=step.now.ticks + round(seconds * MICROS),
        most=limit,
    )
    return [job_of(row) for row in sorted(rows, key=lambda row: row["seq"])]


def told(step: Step, job: str, state: State) -> None:
    """Do not ask for this state again; a later one is still told."""
    step.run("UPDATE job SET notice = NULL WHERE id = :id AND notice = :state", id=job, state=state.value)

"""The part of the state machine that workers drive: lease, renew, end, give back.

Every statement that changes a running job names its fence, so that only the newest holder can.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from serving.jobs.clock import MICROS
from serving.jobs.failures import DeadlinePassed, WorkerCrashed, problem_of
from serving.jobs.record import Job, State
from serving.jobs.rows import COLUMNS, EVENTS, job_of, json_text
from serving.jobs.step import Step
from serving.sentence import sentence

_RIVALS: Final = 64
"""Owners to ask in turn; another process may take the only job of one in between."""

_ENDED: Final = "state = 'running' AND (lease_epoch <> :epoch OR lease_ticks <= :ticks)"
_LATE: Final = """deadline_us IS NOT NULL AND
    CASE WHEN deadline_epoch = :epoch THEN deadline_ticks <= :ticks ELSE deadline_us <= :wall END"""
_HELD: Final = "id = :id AND fence = :fence AND state = 'running'"
_FREE: Final = "worker = NULL, lease_epoch = NULL, lease_ticks = NULL"

_OWNERS: Final = """
    WITH RECURSIVE waiting (owner) AS (
        SELECT min(owner) FROM job WHERE state = 'accepted'
        UNION ALL
        SELECT (SELECT min(owner) FROM job WHERE state = 'accepted' AND owner > waiting.owner)
        FROM waiting WHERE owner IS NOT NULL
    )
    SELECT owner,
        (SELECT count(*) FROM job WHERE state = 'running' AND job.owner = waiting.owner) AS running,
        (SELECT min(seq) FROM job WHERE state = 'accepted' AND job.owner = waiting.owner) AS oldest
    FROM waiting WHERE owner IS NOT NULL ORDER BY running, oldest LIMIT :most
"""
"""Goes from owner to owner in the index of waiting jobs: the length of their queues does not matter."""


def _notice(state: State) -> str:
    """Assignments that make the subscriber be told of a state, if there is an address for it."""
    words = f"CASE WHEN notify LIKE '%{state}%' THEN '{state}' END" if state in EVENTS else "NULL"
    return f"notice = {words}, notice_epoch = NULL, notice_ticks = NULL"


_FAILED: Final = (
    f"state = 'failed', problem = :problem, finished_us = :wall, updated_us = :wall, message = '', {_FREE},"
    f" {_notice(State.FAILED)}"
)


def to_do(step: Step) -> tuple[bool, bool]:
    """Whether a job waits, and whether a lease or a deadline has passed; only reads."""
    row = step.run(
        f"SELECT EXISTS (SELECT 1 FROM job WHERE state = 'accepted') AS waiting,"
        f" EXISTS (SELECT 1 FROM job WHERE {_ENDED})"
        f" OR EXISTS (SELECT 1 FROM job WHERE state = 'accepted' AND {_LATE}) AS passed",
        **_times(step),
    )[0]
    return bool(row["waiting"]), bool(row["passed"])


def expire(step: Step, most: int) -> int:
    """End or free the jobs whose lease has passed, and end those past their deadline.

    Args:
        step: to run in.
        most: attempts that a job has.

    Returns:
        Jobs that were changed.
    """
    crashed = problem_of(
        WorkerCrashed(f"the worker ended unexpectedly in each of {most} attempts; the input may be why")
    )
    late = problem_of(DeadlinePassed("the job was not begun in time; try again when the service has less to do"))
    times = _times(step)
    changed = [
        step.run(
            f"UPDATE job SET {_FAILED} WHERE id IN"
            f" (SELECT id FROM job WHERE {_ENDED} AND attempt >= :most {{skip}}) RETURNING id",
            problem=json_text(crashed),
            most=most,
            **times,
        ),
        step.run(
            f"UPDATE job SET state = 'accepted', progress = 0, message = '', updated_us = :wall, {_FREE} WHERE id IN"
            f" (SELECT id FROM job WHERE {_ENDED} AND attempt < :most {{skip}}) RETURNING id",
            most=most,
            **times,
        ),
        step.run(
            f"UPDATE job SET {_FAILED} WHERE id IN"
            f" (SELECT id FROM job WHERE state = 'accepted' AND {_LATE} {{skip}}) RETURNING id",
            problem=json_text(late),
            **times,
        ),
    ]
    return len({row["id"] for rows in changed for row in rows})


def lease(step: Step, worker: str, seconds: float) -> Job | None:
    """Take the next job, if one waits."""
    for rival in step.run(_OWNERS, most=_RIVALS):
        job = _take(step, rival["owner"], worker, seconds)
        if job:
            return job
    return None


def _take(step: Step, owner: str, worker: str, seconds: float) -> Job | None:
    """The oldest waiting job of an owner. A subscriber is told of the first attempt only."""
    rows = step.run(
        f"UPDATE job SET state = 'running', attempt = attempt + 1, fence = fence + 1, worker = :worker,"
        f" lease_epoch = :epoch, lease_ticks = :until, progress = 0, message = '',"
        f" started_us = CASE WHEN attempt = 0 THEN :wall ELSE started_us END, updated_us = :wall,"
        f" notice = CASE WHEN attempt = 0 AND notify LIKE '%running%' THEN 'running' ELSE notice END"
        f" WHERE id = (SELECT id FROM job WHERE state = 'accepted' AND owner = :owner ORDER BY seq LIMIT 1 {{skip}})"
        f" RETURNING {COLUMNS}",
        owner=owner,
        worker=worker,
        until=_until(step, seconds),
        epoch=step.now.epoch,
        wall=step.now.wall_us,
    )
    return job_of(rows[0]) if rows else None


def renew(step: Step, job: str, fence: int, seconds: float, said: tuple[int | None, str]) -> bool:
    """Keep a lease; ``said`` is percent and message. False when it is lost, or lost now because of the deadline."""
    progress, message = said
    told = {"progress": max(0, min(progress or 0, 100)), "message": sentence(message), "id": job, "fence": fence}
    changed = ", updated_us = :wall" if progress is not None or told["message"] else ""
    kept = step.run(
        f"UPDATE job SET lease_epoch = :epoch, lease_ticks = :until{changed},"
        f" progress = CASE WHEN progress < :progress THEN :progress ELSE progress END,"
        f" message = CASE WHEN :message = '' THEN message ELSE :message END"
        f" WHERE {_HELD} AND NOT ({_LATE}) RETURNING id",
        until=_until(step, seconds),
        **told,
        **_times(step),
    )
    if not kept:
        late = problem_of(DeadlinePassed("the job was not done in time; ask for a smaller area, or try again later"))
        step.run(
            f"UPDATE job SET {_FAILED} WHERE {_HELD} AND {_LATE}",
            id=job,
            fence=fence,
            problem=json_text(late),
            **_times(step),
        )
    return bool(kept)


def succeed(step: Step, job: str, fence: int, result: str) -> bool:
    """Publish; False when the job is somebody else's. It was this holder's when it published the same before."""
    done = step.run(
        f"UPDATE job SET state = 'successful', result = :result, progress = 100, message = '', finished_us = :wall,"
        f" updated_us = :wall, {_FREE}, {_notice(State.SUCCESSFUL)} WHERE {_HELD} RETURNING id",
        id=job,
        fence=fence,
        result=result,
        wall=step.now.wall_us,
    )
    return bool(done) or _ended_before(step, job, fence, "state = 'successful' AND result = :outcome", result)


def fail(step: Step, job: str, fence: int, problem: Mapping[str, Any]) -> bool:
    """End with a problem; False when the job is somebody else's."""
    text = json_text(problem)
    done = step.run(
        f"UPDATE job SET {_FAILED} WHERE {_HELD} RETURNING id", id=job, fence=fence, problem=text, wall=step.now.wall_us
    )
    return bool(done) or _ended_before(step, job, fence, "state = 'failed' AND problem = :outcome", text)


def _ended_before(step: Step, job: str, fence: int, how: str, outcome: str) -> bool:
    """Whether this holder ended the job this way, but did not hear so."""
    sql = f"SELECT 1 FROM job WHERE id = :id AND fence = :fence AND gone_us IS NULL AND {how}"
    return bool(step.run(sql, id=job, fence=fence, outcome=outcome))


def give_back(step: Step, job: str, fence: int) -> None:
    """Free a job as if it had not been begun; the fence stays, so the next holder's is still a new one."""
    step.run(
        f"UPDATE job SET state = 'accepted', attempt = attempt - 1, progress = 0, message = '', updated_us = :wall,"
        f" started_us = CASE WHEN attempt = 1 THEN NULL ELSE started_us END, {_FREE} WHERE {_HELD}",
        id=job,
        fence=fence,
        wall=step.now.wall_us,
    )


def _times(step: Step) -> dict[str, Any]:
    return {"wall": step.now.wall_us, "epoch": step.now.epoch, "ticks": step.now.ticks}


def _until(step: Step, seconds: float) -> int:
    return step.now.ticks + round(seconds * MICROS)

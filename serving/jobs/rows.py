"""Rows of the job table as values, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from serving.database.protocol import Row
from serving.jobs.clock import MICROS, Instant
from serving.jobs.record import Job, NewJob, State

COLUMNS: Final = (
    "seq, id, owner, process, request, model, model_sha256, pixels, listed, subscriber, idempotency_key, body_digest,"
    " request_id, deadline_s, state, progress, message, created_us, started_us, finished_us, updated_us, attempt,"
    " fence, problem, result"
)
"""What a ``Job`` is made of, and its number in the order of acceptance."""

EVENTS: Final = {
    State.RUNNING: "inProgressUri",
    State.SUCCESSFUL: "successUri",
    State.FAILED: "failedUri",
}
"""Callback address that is told of a state (OGC 18-062r2, clause 11)."""

_1970: Final = datetime(1970, 1, 1, tzinfo=UTC)


def values_of(job: str, new: NewJob, now: Instant) -> dict[str, Any]:
    """Columns of a job that has just been accepted."""
    return {
        "id": job,
        "owner": new.owner,
        "process": new.process,
        "request": json_text(new.request),
        "model": new.model,
        "model_sha256": new.model_sha256,
        "pixels": new.pixels,
        "listed": int(new.listed),
        "subscriber": None if new.subscriber is None else json_text(new.subscriber),
        "notify": " ".join(state for state, event in EVENTS.items() if (new.subscriber or {}).get(event)),
        "idempotency_key": new.idempotency_key,
        "body_digest": new.body_digest,
        "request_id": new.request_id,
        "state": State.ACCEPTED.value,
        "progress": 0,
        "message": "",
        "created_us": now.wall_us,
        "updated_us": now.wall_us,
        "attempt": 0,
        "fence": 0,
        **_deadline(new.deadline_s, now),
    }


def _deadline(seconds: float | None, now: Instant) -> dict[str, Any]:
    """Kept on both clocks: the one that nobody sets, and the other for when that one has begun anew."""
    if seconds is None:
        return {}
    later = round(seconds * MICROS)
    return {
        "deadline_s": seconds,
        "deadline_us": now.wall_us + later,
        "deadline_epoch": now.epoch,
        "deadline_ticks": now.ticks + later,
    }


def job_of(row: Row) -> Job:
    """The job in a row of ``COLUMNS``."""
    return Job(
        id=row["id"],
        new=_new_of(row),
        state=State(row["state"]),
        progress=row["progress"],
        message=row["message"],
        created=_time(row["created_us"]),
        started=_time_or_none(row["started_us"]),
        finished=_time_or_none(row["finished_us"]),
        updated=_time(row["updated_us"]),
        attempt=row["attempt"],
        fence=row["fence"],
        problem=_json_or_none(row["problem"]),
        result=row["result"],
    )


def _new_of(row: Row) -> NewJob:
    return NewJob(
        owner=row["owner"],
        process=row["process"],
        request=json.loads(row["request"]),
        model=row["model"],
        model_sha256=row["model_sha256"],
        pixels=row["pixels"],
        listed=bool(row["listed"]),
        subscriber=_json_or_none(row["subscriber"]),
        idempotency_key=row["idempotency_key"],
        body_digest=row["body_digest"],
        request_id=row["request_id"],
        deadline_s=row["deadline_s"],
    )


def json_text(document: Mapping[str, Any]) -> str:
    """JSON in ASCII: whatever characters it has, a database can keep it."""
    return json.dumps(dict(document), allow_nan=False, separators=(",", ":"))


def _json_or_none(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def micros_of(moment: datetime) -> int:
    """A time as the table keeps it."""
    return (moment - _1970) // timedelta(microseconds=1)


def _time(micros: int) -> datetime:
    return _1970 + timedelta(microseconds=micros)


def _time_or_none(micros: int | None) -> datetime | None:
    return None if micros is None else _time(micros)

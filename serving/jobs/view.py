"""A job as people are shown it, wherever it was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol, Self

from serving.jobs.record import Job, State
from serving.jobs.store import JobGone, JobNotFound

_ID: Final = 40
"""Letters of an id that messages repeat; those that jobs have are of 36."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """What is known of a job; a service tells less than the job table has, and what it does not tell is None.

    Attributes:
        id: of the job.
        process: for example ``classify``.
        state: where it stands.
        progress: percent.
        message: one line for people.
        model: ``name@version``.
        created: when it was accepted, UTC.
        started: when it began, or None.
        finished: when it ended, or None.
        updated: last change.
        problem: RFC 9457 problem document of a failed job.
        owner: whose it is.
        pixels: what it costs, 0 = not known.
        attempt: how often it was begun.
        request: what is asked for.
    """

    id: str
    process: str
    state: State
    progress: int
    message: str
    model: str | None = None
    created: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    updated: datetime | None = None
    problem: Mapping[str, Any] | None = None
    owner: str | None = None
    pixels: int | None = None
    attempt: int | None = None
    request: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, job: Job) -> Self:
        """A row of the job table."""
        return cls(
            id=job.id,
            process=job.new.process,
            state=job.state,
            progress=job.progress,
            message=job.message,
            model=job.new.model,
            created=job.created,
            started=job.started,
            finished=job.finished,
            updated=job.updated,
            problem=job.problem,
            owner=job.new.owner,
            pixels=job.new.pixels,
            attempt=job.attempt,
            request=job.new.request,
        )

    def to_json(self, *, whole: bool = True) -> dict[str, Any]:
        """In the words of OGC API - Processes as far as it has some; without what is not known.

        Args:
            whole: with the request.
        """
        told = {
            "jobID": self.id,
            "processID": self.process,
            "status": self.state.value,
            "progress": self.progress,
            "message": self.message,
            "model": self.model,
            "created": _moment(self.created),
            "started": _moment(self.started),
            "finished": _moment(self.finished),
            "updated": _moment(self.updated),
            "owner": self.owner,
            "pixels": self.pixels or None,
            "attempt": self.attempt,
            "problem": self.problem,
            "request": self.request if whole else None,
        }
        return {key: value for key, value in told.items() if value is not None}


class Jobs(Protocol):
    """Jobs that can be looked at and stopped: those of a job table, or of a service."""

    def listed(self, *, states: Sequence[State], processes: Sequence[str], limit: int) -> Sequence[JobView]:
        """Jobs, newest first."""

    def get(self, job: str) -> JobView:
        """One job.

        Raises:
            JobNotFound: when there is none.
            JobGone: when it was dismissed or removed.
        """

    def dismiss(self, job: str) -> bool:
        """Stop a job, or remove one that has ended.

        Returns:
            Whether it was stopped.

        Raises:
            JobNotFound: when there is none.
            JobGone: when that had happened before.
        """


def not_found(job: str) -> JobNotFound:
    """There is no job of that id."""
    return JobNotFound(f"there is no job {job[:_ID]!r}; steppe jobs list shows those that there are")


def gone(job: str) -> JobGone:
    """The job of that id was dismissed or removed."""
    return JobGone(f"job {job[:_ID]} was dismissed or removed before; nothing is left of it")


def _moment(when: datetime | None) -> str | None:
    return None if when is None else when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""What the service knows of one job, and the states it goes through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final


class State(StrEnum):
    """Status codes of OGC API - Processes 1.0 (18-062r2, table 12).

    ``accepted`` becomes ``running`` by a lease and goes back when the lease ends without a result; every other step
    goes one way, and the last three are for good.
    """

    ACCEPTED = "accepted"
    RUNNING = "running"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    DISMISSED = "dismissed"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to the job."""
        return self in ENDED


ENDED: Final = frozenset({State.SUCCESSFUL, State.FAILED, State.DISMISSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """What is accepted.

    Attributes:
        owner: whose job it is: id of an API key, subject of a token, or ``anonymous``.
        process: OGC process id, for example ``classify``.
        request: the checked request, as JSON; what the worker needs and nothing else.
        model: ``name@version`` that computes it, pinned when the job is accepted.
        model_sha256: digest of that version's manifest, so that a job never runs on another model of the same name.
        pixels: what the job costs, 0 = not known before it runs.
        listed: whether it is in its owner's job list; not when somebody waits on the line for the answer of an upload.
        subscriber: OGC callback addresses by event (``successUri``, ``inProgressUri``, ``failedUri``).
        idempotency_key: the client's key, or None.
        body_digest: digest of the body that came with that key.
        request_id: of the HTTP request, for logs.
        deadline_s: seconds from acceptance after which it must not go on; None = none.
    """

    owner: str
    process: str
    request: Mapping[str, Any]
    model: str | None = None
    model_sha256: str | None = None
    pixels: int = 0
    listed: bool = True
    subscriber: Mapping[str, str] | None = None
    idempotency_key: str | None = None
    body_digest: str | None = None
    request_id: str | None = None
    deadline_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One row of the job table.

    Attributes:
        id: UUID, version 4.
        new: what was accepted.
        state: where it stands.
        progress: percent, 0 to 100; never goes back within an attempt.
        message: one line for people.
        created: when it was accepted, UTC.
        started: when its first attempt began, or None.
        finished: when it ended, or None.
        updated: last change.
        attempt: how often it was begun; 0 = never.
        fence: grows with every lease; only the newest holder can change the job.
        problem: RFC 9457 problem document of a failed job, or None.
        result: folder of the published result, relative to the folder of results, or None.
    """

    id: str
    new: NewJob
    state: State
    progress: int
    message: str
    created: datetime
    started: datetime | None
    finished: datetime | None
    updated: datetime
    attempt: int
    fence: int
    problem: Mapping[str, Any] | None
    result: str | None

    @property
    def folder(self) -> str:
        """Name of the folder that the holder of this fence publishes its result as; nobody else ever has it."""
        return f"{self.id}.{self.fence}"

"""What a table of jobs offers; see ``serving.jobs.table`` for the one there is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from landcover.errors import ConfigError, SteppeError
from serving.jobs.record import Job, NewJob, State

MAX_ATTEMPTS: Final = 3
"""Attempts after which a job that always takes its worker with it is given up."""


class JobNotFound(ConfigError):
    """There is no such job, or it is somebody else's."""

    slug = "no-such-job"


class JobGone(ConfigError):
    """The job was dismissed or removed; nothing is left of it."""

    slug = "job-gone"


class KeyReused(ConfigError):
    """The Idempotency-Key came before with another request."""

    slug = "idempotency-key-reused"


class LeaseLost(SteppeError):
    """The job is not this worker's any more: it was dismissed, or the lease ended and another one has it."""

    slug = "lease-lost"


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a job list, newest first.

    Attributes:
        jobs: the jobs.
        after: token of the next page; None = this is the last one.
    """

    jobs: Sequence[Job]
    after: str | None


class JobStore(Protocol):
    """The job table. Every method is one transaction; what a method has answered has survived a crash.

    All raise StoreUnavailable where the database cannot be reached.
    """

    def accept(self, new: NewJob) -> tuple[Job, bool]:
        """Record a job, or find the one that the same owner's idempotency key stands for.

        Returns:
            The job, and whether it is new.

        Raises:
            KeyReused: when the key came with another body.
        """

    def get(self, job: str, owner: str | None) -> Job:
        """One job; ``owner`` None sees everybody's.

        Raises:
            JobNotFound: when there is none, or it is another owner's.
            JobGone: when it was dismissed before it ended or removed after it, by this owner.
        """

    def page(
        self,
        owner: str | None,
        *,
        limit: int,
        after: str | None = None,
        states: Collection[State] = (),
        processes: Collection[str] = (),
    ) -> Page:
        """Listed jobs, newest first.

        Raises:
            WrongUse: when ``after`` is no token of this list.
        """

    def lease(self, worker: str, seconds: float) -> Job | None:
        """Take the next job to run: fair between owners, oldest first for each; one whose lease has ended counts.

        The fence grows by one. A job that was begun ``MAX_ATTEMPTS`` times fails with a problem ``worker-crashed``
        instead; one past its deadline with ``deadline``.
        """

    def renew(self, job: str, fence: int, seconds: float, *, progress: int | None = None, message: str = "") -> None:
        """Keep a lease, and say how far the work is.

        Raises:
            LeaseLost: when the job is not this holder's any more.
        """

    def succeed(self, job: str, fence: int, result: str) -> None:
        """Publish: from this call on the result is there, once.

        Raises:
            LeaseLost: when the job is not this holder's any more.
        """

    def fail(self, job: str, fence: int, problem: Mapping[str, Any]) -> None:
        """End with a problem document.

        Raises:
            LeaseLost: when the job is not this holder's any more.
        """

    def give_back(self, job: str, fence: int) -> None:
        """Let another worker take it, without counting the attempt; for a worker that is asked to stop."""

    def dismiss(self, job: str, owner: str | None) -> Job:
        """OGC dismiss: a job that has not ended becomes ``dismissed``, an ended one is removed; the job as it was left.

        Raises:
            JobNotFound: when there is none, or it is another owner's.
            JobGone: when that had happened before.
        """

    def counts(self) -> Mapping[State, int]:
        """Jobs by state, those that are gone not counted."""

    def waiting(self, owner: str) -> tuple[int, int]:
        """Jobs of an owner that are accepted or running, and their pixels."""

    def results(self) -> Collection[str]:
        """Folders of all results that a job names; any other one is an orphan."""

    def due_notices(self, limit: int) -> Sequence[Job]:
        """Jobs whose subscriber is to be told of a state it was not told of yet."""

    def told(self, job: str, state: State) -> None:
        """The subscriber has been told, or will not be: it is not asked for again."""

    def forget(self, older_than_s: float) -> Sequence[str]:
        """Remove ended jobs of that age, and what is remembered of gone ones; the folders of their results."""

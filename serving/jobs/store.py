"""What a table of jobs offers; see ``serving.jobs.table`` for the one there is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from landcover.errors import ConfigError, SteppeError, WrongUse
from serving.jobs.record import Job, NewJob, State

MAX_ATTEMPTS: Final = 3
"""Attempts after which a job that always takes its worker with it is given up."""

MOST_LISTED: Final = 1000
MOST_FORGOTTEN: Final = 1000


type Admit = Callable[[int], None]
"""Lets a job be accepted, or raises."""


class JobNotFound(ConfigError):
    """There is no such job, or it is somebody else's."""

    slug = "no-such-job"


class JobGone(ConfigError):
    """The job was dismissed or removed; nothing is left of it."""

    slug = "job-gone"


class KeyReused(ConfigError):
    """The Idempotency-Key came before with another request."""

    slug = "idempotency-key-reused"


class PageInvalid(WrongUse):
    """The token of the next page was not made for this list."""

    slug = "page-token"


class LeaseLost(SteppeError):
    """The job is not this worker's any more: it was dismissed, or the lease ended and another one has it."""

    slug = "lease-lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """When jobs of a list were accepted, and how long they ran; None = any.

    Attributes:
        since: accepted then or later.
        until: accepted then or earlier.
        shortest_s: ran at least so many seconds; one that runs has done so until now.
        longest_s: ran no longer; jobs that have not begun are in no list that asks for a duration.
    """

    since: datetime | None = None
    until: datetime | None = None
    shortest_s: int | None = None
    longest_s: int | None = None


EVERY: Final = Span()
"""Whenever, however long."""


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

    All raise StoreUnavailable where the database cannot be reached; whether the step was taken is then unknown. Each
    one may be called again: ``accept`` finds the job by its idempotency key, ``succeed`` and ``fail`` say nothing when
    the same holder has ended the job the same way before.
    """

    def accept(self, new: NewJob, *, admit: Admit | None = None) -> tuple[Job, bool]:
        """Record a job, or find the one that the same owner's idempotency key stands for.

        Args:
            new: the job.
            admit: told of a new job how many others of its owner wait or run, before it counts: what it raises takes
                the job back. However many requests come at once, each is told of all that came before it.

        Returns:
            The job, and whether it is new.

        Raises:
            KeyReused: when the key came with another body.
            JobGone: when the key's job was dismissed or removed; a late repetition must not begin it again.
        """

    def recall(self, owner: str, key: str, body_digest: str | None) -> Job | None:
        """The job that an owner's idempotency key stands for, or None; for what is to be done for new jobs only.

        Raises:
            KeyReused: when the key came with another body.
            JobGone: when its job was dismissed or removed.
        """

    def get(self, job: str, owner: str | None) -> Job:
        """One job; ``owner`` None sees everybody's. Waits for no writer.

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
        span: Span = EVERY,
    ) -> Page:
        """Listed jobs, newest first; at most ``MOST_LISTED`` of them.

        Raises:
            PageInvalid: when ``after`` is no token of this list: of this owner and all that selects jobs.
        """

    def lease(self, worker: str, seconds: float) -> Job | None:
        """Take the next job to run: fair between owners, oldest first for each; one whose lease has ended counts.

        The owner with the fewest running jobs is next, of equal ones that with the oldest job. The fence grows by one.
        A job that was begun ``MAX_ATTEMPTS`` times fails with a problem ``worker-crashed`` instead; one past its
        deadline with ``deadline``. None costs a read only, so that a worker may ask often.
        """

    def renew(self, job: str, fence: int, seconds: float, *, progress: int | None = None, message: str = "") -> None:
        """Keep a lease, and say how far the work is; an empty message leaves the last one.

        A lease that has ended can be renewed as long as nobody else has taken the job.

        Raises:
            LeaseLost: when the job is not this holder's any more, or is past its deadline, with which it then failed.
        """

    def succeed(self, job: str, fence: int, result: str) -> None:
        """Publish: from this call on the result is there, once.

        A holder removes its folder only after LeaseLost. After StoreUnavailable it asks again: the result may be
        public already.

        Raises:
            LeaseLost: when the job is not this holder's any more.
        """

    def fail(self, job: str, fence: int, problem: Mapping[str, Any]) -> None:
        """End with a problem document.

        Raises:
            LeaseLost: when the job is not this holder's any more.
        """

    def give_back(self, job: str, fence: int) -> None:
        """Let another worker take it, without counting the attempt; for a worker that is asked to stop.

        Says nothing when the job is not this holder's any more.
        """

    def expire(self) -> int:
        """Do what ``lease`` does to ended leases and passed deadlines; for times when no worker asks.

        Returns:
            Jobs that were changed.
        """

    def dismiss(self, job: str, owner: str | None) -> Job:
        """OGC dismiss: a job that has not ended becomes ``dismissed``, an ended one is removed.

        Its request, messages and addresses are erased at once; what is left answers JobGone until it is forgotten.

        Returns:
            The job as it was before it was erased, with the ``result`` whose folder is to be removed.

        Raises:
            JobNotFound: when there is none, or it is another owner's.
            JobGone: when that had happened before.
        """

    def counts(self) -> Mapping[State, int]:
        """Jobs by state, those that are gone not counted."""

    def waiting(self, owner: str) -> tuple[int, int]:
        """Jobs of an owner that are accepted or running, and their pixels."""

    def results(self) -> Collection[str]:
        """Folders that must stay: of all results that a job names, and of all running jobs (``Job.folder``).

        Whoever sweeps lists the folder first and asks then. The other way round a result that is published in between
        would look like an orphan.
        """

    def requests(self) -> Sequence[Mapping[str, Any]]:
        """What jobs ask for that wait or run: whatever they name must stay."""

    def due_notices(self, limit: int, *, seconds: float = 60.0) -> Sequence[Job]:
        """Jobs whose subscriber is to be told of the state they are in.

        Nobody else gets the same ones for so many seconds; one that is not ``told`` by then comes again. A state that
        has passed before anybody was told of it is left out.
        """

    def told(self, job: str, state: State) -> None:
        """The subscriber has been told, or will not be: it is not asked for again."""

    def forget(self, older_than_s: float) -> Sequence[str]:
        """Remove jobs that ended so long ago, and what is remembered of those that are gone as long.

        A removed job first answers JobGone, for the same time again. At most ``MOST_FORGOTTEN`` of each at a time.

        Returns:
            The folders of their results, to be removed.
        """

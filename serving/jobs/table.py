"""The job table: one row for each job, one transaction for each step, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from serving.database.protocol import Database
from serving.database.schema import secret
from serving.jobs import accepting, leasing, listing, notices, removal
from serving.jobs.clock import Clock, clock_of
from serving.jobs.listing import Filter
from serving.jobs.pagetokens import PageTokens
from serving.jobs.record import Job, NewJob, State
from serving.jobs.step import Step
from serving.jobs.store import EVERY, MAX_ATTEMPTS, Admit, LeaseLost, Page, Span

_LOST = "the job was dismissed, ended or given to another worker; stop, and remove what was made for it"


class JobTable:
    """The one implementation of ``JobStore``, whose words describe its methods. Safe from several threads.

    Args:
        database: an open one; whoever opened it closes it.
        clock: default: the one that goes with the database.
        max_attempts: attempts that a job has.

    Raises:
        StoreUnavailable: when the database cannot be reached.
    """

    def __init__(self, database: Database, *, clock: Clock | None = None, max_attempts: int = MAX_ATTEMPTS) -> None:
        self._database = database
        self._clock = clock or clock_of(database.dialect)
        self._max_attempts = max_attempts
        self._tokens = PageTokens(secret(database))

    def accept(self, new: NewJob, *, admit: Admit | None = None) -> tuple[Job, bool]:
        """See ``JobStore``."""
        with self._writing() as step:
            return accepting.accept(step, new, admit)

    def recall(self, owner: str, key: str, body_digest: str | None) -> Job | None:
        """See ``JobStore``."""
        with self._reading() as step:
            return accepting.recall(step, owner, key, body_digest)

    def get(self, job: str, owner: str | None) -> Job:
        """See ``JobStore``."""
        with self._reading() as step:
            return listing.find(step, job, owner)

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
        """See ``JobStore``."""
        wanted = Filter(owner, states, processes, span)
        with self._reading() as step:
            return listing.page(step, wanted, limit=limit, after=after, tokens=self._tokens)

    def lease(self, worker: str, seconds: float) -> Job | None:
        """See ``JobStore``."""
        with self._reading() as step:
            waiting, passed = leasing.to_do(step)
        if not waiting and not passed:
            return None
        with self._writing() as step:
            if passed:
                leasing.expire(step, self._max_attempts)
            return leasing.lease(step, worker, seconds)

    def renew(self, job: str, fence: int, seconds: float, *, progress: int | None = None, message: str = "") -> None:
        """See ``JobStore``."""
        with self._writing() as step:
            kept = leasing.renew(step, job, fence, seconds, (progress, message))
        _demand(held=kept)  # outside: a job that has just failed by its deadline stays failed

    def succeed(self, job: str, fence: int, result: str) -> None:
        """See ``JobStore``."""
        with self._writing() as step:
            _demand(held=leasing.succeed(step, job, fence, result))

    def fail(self, job: str, fence: int, problem: Mapping[str, Any]) -> None:
        """See ``JobStore``."""
        with self._writing() as step:
            _demand(held=leasing.fail(step, job, fence, problem))

    def give_back(self, job: str, fence: int) -> None:
        """See ``JobStore``."""
        with self._writing() as step:
            leasing.give_back(step, job, fence)

    def expire(self) -> int:
        """See ``JobStore``."""
        with self._writing() as step:
            return leasing.expire(step, self._max_attempts)

    def dismiss(self, job: str, owner: str | None) -> Job:
        """See ``JobStore``."""
        with self._writing() as step:
            return removal.dismiss(step, job, owner)

    def counts(self) -> Mapping[State, int]:
        """See ``JobStore``."""
        with self._reading() as step:
            return listing.counts(step)

    def waiting(self, owner: str) -> tuple[int, int]:
        """See ``JobStore``."""
        with self._reading() as step:
            return listing.waiting(step, owner)

    def results(self) -> Collection[str]:
        """See ``JobStore``."""
        with self._reading() as step:
            return removal.results(step)

    def requests(self) -> Sequence[Mapping[str, Any]]:
        """See ``JobStore``."""
        with self._reading() as step:
            return removal.requests(step)

    def due_notices(self, limit: int, *, seconds: float = 60.0) -> Sequence[Job]:
        """See ``JobStore``."""
        with self._reading() as step:
            if not notices.any_due(step):
                return []
        with self._writing() as step:
            return notices.due(step, limit, seconds)

    def told(self, job: str, state: State) -> None:
        """See ``JobStore``."""
        with self._writing() as step:
            notices.told(step, job, state)

    def forget(self, older_than_s: float) -> Sequence[str]:
        """See ``JobStore``."""
        with self._writing() as step:
            return removal.forget(step, older_than_s)

    @contextmanager
    def _writing(self) -> Iterator[Step]:
        with self._database.transaction() as transaction:
            yield Step(transaction, self._clock(transaction), self._database.dialect)

    @contextmanager
    def _reading(self) -> Iterator[Step]:
        with self._database.reading() as transaction:
            yield Step(transaction, self._clock(transaction), self._database.dialect)


def _demand(*, held: bool) -> None:
    if not held:
        raise LeaseLost(_LOST)

"""Hold the lease of a job while it is worked on, say how far it is, and notice that it is wanted no more."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

from serving.jobs.record import Job
from serving.jobs.store import JobStore, LeaseLost

_log = logging.getLogger(__name__)

BEAT_S: Final = 1.0
"""Seconds between renewals: how soon a dismissed job is noticed."""

GRACE_S: Final = 5.0
"""Seconds that work has to stop at its next step; together with the beat well below ten."""


class Heart:
    """Renews a lease on a thread of its own, whatever the work is busy with.

    Args:
        store: the job table.
        job: what was leased.
        lease_s: seconds of a lease.
        stopping: set when this process shall end: the work stops at its next step, the job is given back.
        lost: called when the work is wanted no more: ends what it may be waiting for.
        overdue: called when it does not stop then: ends the process.
    """

    def __init__(
        self,
        store: JobStore,
        job: Job,
        lease_s: float,
        *,
        stopping: threading.Event,
        lost: Callable[[], None],
        overdue: Callable[[], None],
    ) -> None:
        self._store, self._job, self._lease_s = store, job, lease_s
        self._stopping, self._let_go, self._overdue = stopping, lost, overdue
        self._ends: list[Callable[[], None]] = []
        self._progress, self._message = 0, ""
        self._lost, self._done = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._beat, name="steppe-heart", daemon=True)

    @contextmanager
    def ending(self, end: Callable[[], None]) -> Iterator[None]:
        """Have something ended, too, when the work is wanted no more within a ``with`` block.

        Args:
            end: called from another thread, perhaps twice; at once when the work is not wanted already.
        """
        self._ends.append(end)
        try:
            if self._lost.is_set():
                end()
            yield
        finally:
            self._ends.remove(end)

    @property
    def attempt(self) -> str:
        """Name of this attempt; nobody else ever has it."""
        return self._job.folder

    @property
    def lost(self) -> bool:
        """Whether the job is somebody else's, or nobody's, by now."""
        return self._lost.is_set()

    def say(self, percent: float, message: str) -> None:
        """How far the work is; written with the next beat.

        Raises:
            LeaseLost: when the work is to stop.
        """
        self._progress, self._message = max(self._progress, min(99, int(percent))), message
        self.check()

    def check(self) -> None:
        """Stop work that nobody wants any more.

        Raises:
            LeaseLost: when the job was dismissed or taken over, or this process is to end.
        """
        if self._lost.is_set() or self._stopping.is_set():
            raise LeaseLost("the job was dismissed, or another worker has it")

    def _beat(self) -> None:
        held_until = time.monotonic() + self._lease_s
        while not self._done.wait(BEAT_S) and not self._lost.is_set():
            asked = time.monotonic()
            try:
                self._store.renew(
                    self._job.id, self._job.fence, self._lease_s, progress=self._progress, message=self._message
                )
            except LeaseLost:
                self._lost.set()
            except Exception as error:  # noqa: BLE001 - a full disk, too; a heart that stops notices nothing any more
                _log.warning("the lease of job %s is not renewed: %s", self._job.id, error)
                if asked > held_until:
                    self._lost.set()
            else:
                held_until = asked + self._lease_s
        if self._lost.is_set():
            self._end_work()

    def _end_work(self) -> None:
        for end in (self._let_go, *self._ends):
            try:
                end()
            except Exception:  # noqa: BLE001 - the others, and the last resort, come all the same
                _log.exception("the work of job %s could not be stopped", self._job.id)
        if not self._done.wait(GRACE_S):
            self._overdue()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

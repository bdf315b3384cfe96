"""Hold the lease of a job while it is worked on, say how far it is, and notice that it is wanted no more."""

from __future__ import annotations

import logging
import threading
import time
from types import TracebackType
from typing import Final, Self

from serving.database.protocol import StoreUnavailable
from serving.jobs.record import Job
from serving.jobs.store import JobStore, LeaseLost

_log = logging.getLogger(__name__)

BEATS_IN_A_LEASE: Final = 10
"""Renewals that may fail, one after the other, before somebody else gets the job."""


class Heart:
    """Renews a lease on a thread of its own, whatever the work is busy with.

    Args:
        store: the job table.
        job: what was leased.
        lease_s: seconds of a lease.
        stopping: set when this process shall end: the work stops at its next step, the job is given back.
    """

    def __init__(self, store: JobStore, job: Job, lease_s: float, stopping: threading.Event) -> None:
        self._store, self._job, self._lease_s, self._stopping = store, job, lease_s, stopping
        self._progress, self._message = 0, ""
        self._lost, self._done = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._beat, name="steppe-heart", daemon=True)

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
        while not self._done.wait(self._lease_s / BEATS_IN_A_LEASE):
            try:
                asked = time.monotonic()
                self._store.renew(
                    self._job.id, self._job.fence, self._lease_s, progress=self._progress, message=self._message
                )
                held_until = asked + self._lease_s
            except LeaseLost:
                self._lost.set()
                return
            except StoreUnavailable as error:
                _log.warning("the lease of job %s is not renewed: %s", self._job.id, error)
                if time.monotonic() > held_until:
                    self._lost.set()
                    return

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

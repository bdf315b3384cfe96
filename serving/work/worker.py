"""Lease jobs, one after the other, and do them."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from landcover.errors import DiskFailed, DiskFull, ProviderLost, RasterTooLarge, SteppeError
from serving.database.protocol import StoreFailed, StoreUnavailable
from serving.jobs.failures import problem_of
from serving.jobs.record import Job
from serving.jobs.store import LeaseLost
from serving.sentence import sentence
from serving.spans import span
from serving.telemetry.context import bound
from serving.telemetry.report import WorkerReport
from serving.work.heart import Heart
from serving.work.performing import Done, perform, record_of
from serving.work.shop import Shop

POLL_S: Final = 0.1
"""Seconds between looks into the table of a worker that has nothing to do; a look takes some 50 microseconds."""

PATIENCE_S: Final = 2.0
"""Seconds before the next look when the table cannot be reached."""

HARD_STOP: Final = 75
"""Exit code of a worker whose work did not stop when it was told to (EX_TEMPFAIL of sysexits.h)."""

INSISTING_S: Final = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between tries to write how a job ended."""

_log = logging.getLogger(__name__)


class WorkFailed(SteppeError):
    """An error of the service itself."""

    slug = "internal"


def hard_stop() -> None:
    """End this process at once: the table already says that its job is not its own any more."""
    os._exit(HARD_STOP)


class Worker:
    """Does jobs until it is told to stop.

    Args:
        name: for the job table and logs.
        shop: what it works with.
        report: is told what was done for each job.
        overdue: called when work that is wanted no more does not stop.
    """

    def __init__(
        self,
        name: str,
        shop: Shop,
        *,
        report: Callable[[WorkerReport], None],
        overdue: Callable[[], None] = hard_stop,
    ) -> None:
        self._name, self._shop, self._report, self._overdue = name, shop, report, overdue
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Take no more jobs; one that is under way is given back at its next step. Safe to call from a signal."""
        self._stopping.set()

    def run(self) -> None:
        """Do jobs until :meth:`stop`, or until the machine has failed."""
        while not self._stopping.is_set():
            try:
                worked = self.step()
            except StoreFailed as error:
                _log.error("%s ends: %s", self._name, sentence(error))
                return
            except (StoreUnavailable, DiskFull) as error:
                _log.warning("%s waits for the job table: %s", self._name, sentence(error))
                self._stopping.wait(PATIENCE_S)
                continue
            if not worked:
                self._stopping.wait(POLL_S)

    def step(self) -> bool:
        """Do one job, if there is one.

        Returns:
            Whether there was.

        Raises:
            StoreUnavailable: when the job table cannot be reached; a job that was under way is somebody else's when its
                lease has ended.
            DiskFull: when the job table cannot be written; the same holds then.
        """
        job = self._shop.store.lease(self._name, self._shop.settings.lease_s)
        if job is None:
            return False
        with bound(job=job.id, request_id=job.new.request_id):
            self._attempt(job)
        return True

    def _attempt(self, job: Job) -> None:
        """Do a job that is leased; whatever goes wrong with it is how it ends."""
        _log.info("job %s: attempt %d begins", job.id, job.attempt)
        try:
            with span("job") as attempt:
                attempt.say({"steppe.process": job.new.process, "steppe.job": job.id, "steppe.attempt": job.attempt})
                self._do(job)
        except LeaseLost:
            self._let_go(job)
        except StoreUnavailable:
            raise  # whether it was published is not known: nothing else may be said of it
        except (DiskFailed, ProviderLost) as error:
            self._resign(job, error)
        except SteppeError as error:
            self._fail(job, error)
        except MemoryError:
            self._fail(job, RasterTooLarge("the work takes more memory than there is; ask for a smaller area"))
        except Exception:  # noqa: BLE001 - the job fails, the worker goes on
            _log.exception("job %s: an error of the service", job.id)
            self._fail(job, WorkFailed("an error of the service; its log has the details"))

    def _do(self, job: Job) -> None:
        """Make the files of a job and publish them."""
        shop = self._shop
        heart = Heart(
            shop.store,
            job,
            shop.settings.lease_s,
            stopping=self._stopping,
            lost=shop.stop_reading,
            overdue=self._overdue,
        )
        with heart, shop.results.making(job.id, job.fence) as folder:
            outcome = _performed(job, shop, heart, folder)
            result = shop.results.keep(folder, record_of(outcome, folder, job.new.process))
        try:
            _insist(lambda: shop.store.succeed(job.id, job.fence, result))
        except (LeaseLost, DiskFull):  # of a full disk, too, one knows that nothing was written to the table
            shop.results.remove(result)
            raise
        _log.info("job %s: done", job.id)
        self._report(WorkerReport.of(job.new.process, outcome, reader_deaths=shop.deaths.take()))

    def _let_go(self, job: Job) -> None:
        """Stop what was under way; a worker that is told to end gives it to another one."""
        _log.info("job %s: attempt %d was stopped", job.id, job.attempt)
        if self._stopping.is_set():
            self._shop.store.give_back(job.id, job.fence)

    def _resign(self, job: Job, error: SteppeError) -> None:
        """End this worker, whose machine has failed and not the job: a process that is started anew has the next try.

        The attempt counts, because the job may be what broke it.
        """
        _log.error("job %s: attempt %d is given up, and this worker: %s", job.id, job.attempt, sentence(error))
        self._stopping.set()
        with suppress(LeaseLost):
            _insist(lambda: self._shop.store.renew(job.id, job.fence, 0.0))  # its lease ends now

    def _fail(self, job: Job, error: SteppeError) -> None:
        _log.info("job %s: failed, %s: %s", job.id, error.slug, sentence(error))
        try:
            _insist(lambda: self._shop.store.fail(job.id, job.fence, problem_of(error)))
        except LeaseLost:
            _log.info("job %s: is somebody else's by now", job.id)
        else:
            deaths = self._shop.deaths.take()
            self._report(WorkerReport.of_failure(job.new.process, error, model=job.new.model, reader_deaths=deaths))


def _performed(job: Job, shop: Shop, heart: Heart, folder: Path) -> Done:
    """Make the files; what goes wrong because the work is wanted no more is not the job's fault.

    Raises:
        LeaseLost: when the job is not this worker's any more.
        SteppeError: whatever keeps it from being done.
    """
    try:
        return perform(job, shop, heart, folder)
    except Exception as error:
        if heart.lost:
            raise LeaseLost("the work was stopped, because the job is not this worker's any more") from error
        raise


def _insist(step: Callable[[], None]) -> None:
    """Take a step of a job's end again while the job table cannot be reached or written.

    It may have been taken: giving up would lose, or do twice, what is done already.

    Raises:
        LeaseLost: when the job is somebody else's.
        StoreUnavailable: when the table stays away.
        DiskFull: when it stays full.
    """
    for pause in INSISTING_S:
        try:
            step()
        except StoreFailed:
            raise  # what failed to reach the disk once may seem to have reached it the next time
        except (StoreUnavailable, DiskFull):
            time.sleep(pause)
        else:
            return
    step()

"""Stop a job, or remove one that has ended, with all that is on the disk of it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from serving.jobs.record import Job, State
from serving.jobs.store import MOST_LISTED, JobGone, JobNotFound, JobStore
from serving.jobs.view import JobView, gone, not_found
from serving.processes.orders import Request
from serving.results import Results
from serving.uploads import Uploads


@dataclass(frozen=True, slots=True)
class Dismissal:
    """Knows where everything of a job is.

    Attributes:
        store: the job table.
        results: files that were made.
        uploads: files that came.
    """

    store: JobStore
    results: Results
    uploads: Uploads

    def dismiss(self, job: str, owner: str | None) -> Job:
        """Stop a job, or remove one that has ended, with all that is left of it.

        Returns:
            The job: dismissed where it was stopped, else as it had ended.

        Raises:
            JobNotFound: when there is none, or it is another owner's.
            JobGone: when that had happened before.
            StoreUnavailable: when the job table cannot be reached.
        """
        dismissed = self.store.dismiss(job, owner)
        self.discard(dismissed)
        return dismissed

    def discard(self, job: Job) -> None:
        """Remove what is on the disk of a job that is gone; a worker removes what it is still making."""
        if job.result is not None:
            self.results.remove(job.result)
        for file in _files_of(job):
            self.uploads.remove(file)


def _files_of(job: Job) -> Sequence[str]:
    """Uploads that came with a job and go with it."""
    return [upload.file for upload in Request.model_validate(job.new.request).uploads if upload.once]


@dataclass(frozen=True, slots=True)
class TableJobs:
    """Everybody's jobs, as who runs the service sees them; see ``serving.jobs.view.Jobs``.

    Attributes:
        dismissal: knows where everything of a job is.
    """

    dismissal: Dismissal

    def listed(self, *, states: Sequence[State], processes: Sequence[str], limit: int) -> Sequence[JobView]:
        """See ``serving.jobs.view.Jobs``."""
        found: list[JobView] = []
        after: str | None = None
        while len(found) < limit:
            page = self.dismissal.store.page(
                None, limit=min(limit - len(found), MOST_LISTED), after=after, states=states, processes=processes
            )
            found += map(JobView.of, page.jobs)
            after = page.after
            if after is None:
                break
        return found

    def get(self, job: str) -> JobView:
        """See ``serving.jobs.view.Jobs``."""
        with _in_words(job):
            return JobView.of(self.dismissal.store.get(job, None))

    def dismiss(self, job: str) -> bool:
        """See ``serving.jobs.view.Jobs``."""
        with _in_words(job):
            return self.dismissal.dismiss(job, None).state is State.DISMISSED


@contextmanager
def _in_words(job: str) -> Generator[None]:
    """Say of a job that is not there which one it was; the job table speaks to callers of the service."""
    try:
        yield
    except JobNotFound as error:
        raise not_found(job) from error
    except JobGone as error:
        raise gone(job) from error

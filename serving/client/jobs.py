"""Jobs of a service."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from serving.client.answers import Status, read_as
from serving.client.errors import ServiceRefused
from serving.client.line import Line
from serving.jobs.record import State
from serving.jobs.store import JobGone, JobNotFound
from serving.jobs.view import JobView, gone, not_found

_PAGE: Final = 1000
_REMOVED: Final = "removed"
_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}")


class _Told(Status):
    """A status document with all that is shown of it."""

    processID: str
    model: str | None = None
    created: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class ServiceJobs:
    """See ``serving.jobs.view.Jobs``.

    Attributes:
        line: to the service.
    """

    line: Line

    def listed(self, *, states: Sequence[State], processes: Sequence[str], limit: int) -> Sequence[JobView]:
        """See ``serving.jobs.view.Jobs``."""
        asked: dict[str, Any] = {"status": [state.value for state in states], "processID": list(processes)}
        found: list[JobView] = []
        page: str | None = ""
        while page is not None and len(found) < limit:
            wanted = {"limit": min(limit - len(found), _PAGE)} | ({"page": page} if page else {})
            document = self.line.ask("GET", "jobs", params=asked | wanted)
            found += [_view(told) for told in document.get("jobs", ())]
            page = _next_page(document)
        return found

    def get(self, job: str) -> JobView:
        """See ``serving.jobs.view.Jobs``."""
        with _absences(job):
            view = _view(self.line.ask("GET", _path(job)))
        return replace(view, problem=self._problem(job)) if view.state is State.FAILED else view

    def dismiss(self, job: str) -> bool:
        """See ``serving.jobs.view.Jobs``."""
        with _absences(job):
            told = self.line.ask("DELETE", _path(job))
        return told.get("message") != _REMOVED

    def _problem(self, job: str) -> dict[str, Any] | None:
        """Why a job failed: its results are that."""
        try:
            self.line.ask("GET", f"{_path(job)}/results", later=False)
        except ServiceRefused as refused:
            return {"type": f"/problems/{refused.kind}", "detail": str(refused)}
        return None


def _path(job: str) -> str:
    if not _ID.fullmatch(job):
        raise not_found(job)
    return f"jobs/{job}"


def _view(told: object) -> JobView:
    status = read_as(_Told, told)
    return JobView(
        id=status.jobID,
        process=status.processID,
        state=status.status,
        progress=status.progress,
        message=status.message,
        model=status.model,
        created=status.created,
        started=status.started,
        finished=status.finished,
        updated=status.updated,
    )


def _next_page(document: dict[str, Any]) -> str | None:
    """Token of the next page, from its link; the address of the service may look otherwise from there."""
    for link in document.get("links", ()):
        if isinstance(link, dict) and link.get("rel") == "next":
            return next(iter(parse_qs(urlsplit(str(link.get("href"))).query).get("page", ())), None)
    return None


@contextmanager
def _absences(job: str) -> Generator[None]:
    """Say of a job that is not there what the job table says.

    Raises:
        JobNotFound: when there is none.
        JobGone: when it is gone.
    """
    try:
        yield
    except ServiceRefused as refused:
        if refused.kind == JobNotFound.slug:
            raise not_found(job) from refused
        if refused.kind == JobGone.slug:
            raise gone(job) from refused
        raise

"""Errors of a job as the problem document that is kept with it."""

from __future__ import annotations

from typing import Any

from landcover.errors import SteppeError
from serving.sentence import sentence


class WorkerCrashed(SteppeError):
    """The process that worked on the job ended each time it was begun."""

    slug = "worker-crashed"


class DeadlinePassed(SteppeError):
    """The job was not done by its deadline."""

    slug = "deadline"


def problem_of(error: SteppeError) -> dict[str, Any]:
    """RFC 9457 members ``type``, ``title`` and ``detail``; the HTTP status is added where HTTP is spoken."""
    title = (error.__doc__ or error.slug).splitlines()[0].rstrip(".")
    return {"type": f"/problems/{error.slug}", "title": title, "detail": sentence(error)}

"""Errors of a job as the problem document that is kept with it."""

from __future__ import annotations

from typing import Any, Final

from landcover.errors import DiskFull, OutputNotWritable, SteppeError
from serving.sentence import sentence

_ELSEWHERE: Final = {
    DiskFull.slug: "the service has no room for this now; try again later, or tell those who run it",
    OutputNotWritable.slug: "the service cannot write what this needs; tell those who run it",
}
"""What those who only use the service are told of its disk; which file it was is in its log."""


class WorkerCrashed(SteppeError):
    """The process that worked on the job ended each time it was begun."""

    slug = "worker-crashed"


class DeadlinePassed(SteppeError):
    """The job was not done by its deadline."""

    slug = "deadline"


def detail_of(slug: str, said: object) -> str:
    """The ``detail`` of a problem, for somebody who is not at the machine.

    Args:
        slug: of its type.
        said: what the error says.
    """
    return sentence(_ELSEWHERE.get(slug, str(said)))


def problem_of(error: SteppeError) -> dict[str, Any]:
    """RFC 9457 members ``type``, ``title`` and ``detail``; the HTTP status is added where HTTP is spoken."""
    title = (error.__doc__ or error.slug).splitlines()[0].rstrip(".")
    return {"type": f"/problems/{error.slug}", "title": title, "detail": detail_of(error.slug, error)}

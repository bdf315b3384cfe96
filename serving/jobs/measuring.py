"""What jobs map beyond the pixels that were counted when they were accepted: known when their images are open."""

from __future__ import annotations

from collections.abc import Sequence

from serving.jobs.clock import MICROS
from serving.jobs.step import Step
from serving.jobs.store import Extra


def measure(step: Step, job: str, fence: int, pixels: int) -> None:
    """See ``JobStore``. A later attempt maps the same, so it is kept once."""
    step.run(
        "UPDATE job SET extra = :pixels - pixels, extra_us = :wall WHERE id = :id AND fence = :fence"
        " AND state = 'running' AND extra_us IS NULL AND pixels < :pixels",
        pixels=pixels,
        wall=step.now.wall_us,
        id=job,
        fence=fence,
    )


def extras(step: Step, owner: str, seconds: float) -> Sequence[Extra]:
    """See ``JobStore``. A tombstone counts as well: who dismisses a job has had its pixels."""
    rows = step.run(
        "SELECT extra, extra_us FROM job WHERE owner = :owner AND extra_us > :since ORDER BY extra_us",
        owner=owner,
        since=step.now.wall_us - round(seconds * MICROS),
    )
    return [Extra(row["extra"], max(0.0, (step.now.wall_us - row["extra_us"]) / MICROS)) for row in rows]

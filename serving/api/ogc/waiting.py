"""Wait for the end of a job, for as long as somebody waits for the answer."""

from __future__ import annotations

from typing import Final

from anyio import move_on_after, sleep
from anyio.to_thread import run_sync

from serving.api.presence import Presence
from serving.jobs.record import Job
from serving.jobs.store import JobStore

FIRST_S: Final = 0.02
"""Seconds before the first look: small uploads take some tenths of a second."""

LONGEST_S: Final = 0.25
"""Most seconds between two looks."""


async def ended(store: JobStore, job: Job, presence: Presence, seconds: float) -> Job:
    """The job when it has ended, or as it is when the time is over.

    Args:
        store: the job table.
        job: waited for.
        presence: whether anybody still waits.
        seconds: how long.

    Raises:
        ClientGone: when nobody waits any more.
        JobGone: when somebody dismissed it.
        StoreUnavailable: when the job table cannot be read.
    """
    pause = FIRST_S
    with move_on_after(seconds):
        while not job.state.ended:
            await sleep(pause)
            presence.check()
            job = await run_sync(store.get, job.id, None)
            pause = min(LONGEST_S, pause * 1.3)
    return job

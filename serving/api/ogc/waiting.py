"""Wait for the end of a job, for as long as somebody waits for the answer."""

from __future__ import annotations

from typing import Final

from anyio import current_time, move_on_after, sleep
from anyio.to_thread import run_sync

from serving.api.presence import Presence
from serving.database.protocol import StoreUnavailable
from serving.jobs.record import Job
from serving.jobs.store import JobStore

FIRST_S: Final = 0.02
"""Seconds before the first look: small uploads take some tenths of a second."""

LONGEST_S: Final = 0.25
"""Most seconds between two looks."""

AWAY_S: Final = 30.0
"""Seconds without the job table before who waits is told so."""


async def ended(store: JobStore, job: Job, presence: Presence, seconds: float) -> Job:
    """The job when it has ended, or as it is when the time is over.

    A job table that is away for a while is waited for: the work goes on without it.

    Args:
        store: the job table.
        job: waited for.
        presence: whether anybody still waits.
        seconds: how long.

    Raises:
        ClientGone: when nobody waits any more.
        JobGone: when somebody dismissed it.
        StoreUnavailable: when the job table cannot be read for long.
    """
    pause, heard = FIRST_S, current_time()
    with move_on_after(seconds):
        while not job.state.ended:
            await sleep(pause)
            presence.check()
            try:
                job = await run_sync(store.get, job.id, None)
                heard = current_time()
            except StoreUnavailable:
                if current_time() > heard + AWAY_S:
                    raise
            pause = min(LONGEST_S, pause * 1.3)
    return job

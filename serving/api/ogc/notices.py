"""Tell subscribers what became of their jobs (OGC callback): at least once, also after a crash."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final

from landcover.errors import DataError, SteppeError
from serving.api.ogc.desk import Desk
from serving.api.ogc.documents import status_info
from serving.api.ogc.results import document, made_by
from serving.fetch.budget import Budget, Limits
from serving.fetch.fetcher import Fetcher
from serving.jobs.record import Job, State
from serving.jobs.rows import EVENTS
from serving.rounds import Rounds
from serving.sentence import sentence

LOOK_S: Final = 1.0
"""Seconds between looks for something to tell."""

AT_ONCE: Final = 4
"""Subscribers that are told at the same time: one that is slow must not hold up the others."""

AGAIN_S: Final = 60.0
"""Seconds after which a subscriber that was not reached is told again."""

GIVE_UP_S: Final = 3600.0
"""Seconds after the last change of a job for which a subscriber that fails is tried again, about once a minute."""

LIMITS: Final = Limits(max_bytes=1 << 16, seconds=10.0, idle_s=5.0, connect_s=5.0, tries=1)

_log = logging.getLogger(__name__)


class Notifier(Rounds):
    """Looks into the job table for what is to be told, and tells it.

    Args:
        desk: the job table and the results.
        fetcher: asks hosts that are allowed, and no other.
        base: address of the service, for links.
    """

    def __init__(self, desk: Desk, fetcher: Fetcher, base: str) -> None:
        super().__init__("steppe-notices", every_s=LOOK_S, trouble="subscribers wait")
        self._desk, self._fetcher, self._base = desk, fetcher, base

    def round(self) -> int:
        """Tell everything that is due.

        Returns:
            How many subscribers were asked to listen.

        Raises:
            StoreUnavailable: when the job table cannot be reached.
        """
        due = self._desk.store.due_notices(AT_ONCE * 4, seconds=AGAIN_S)
        with ThreadPoolExecutor(AT_ONCE, "steppe-notice") as pool:
            list(pool.map(self._tell, due))
        return len(due)

    def _tell(self, job: Job) -> None:
        href = (job.new.subscriber or {}).get(EVENTS.get(job.state, ""))
        if href is not None:
            try:
                self._fetcher.post_json(href, self._words(job), Budget(LIMITS))
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not come again for ever
                _log_failure(job, error)
                if not isinstance(error, DataError) and _age_s(job) < GIVE_UP_S:
                    return  # it comes again
        self._desk.store.told(job.id, job.state)

    def _words(self, job: Job) -> Mapping[str, Any]:
        """The results of a successful job, the status of any other."""
        if job.state is State.SUCCESSFUL:
            return document(made_by(job, self._desk.process(job.new.process), self._desk.results, self._base))
        return status_info(job, self._base)


def _log_failure(job: Job, error: Exception) -> None:
    if isinstance(error, SteppeError):
        _log.warning("job %s: its subscriber was not told: %s", job.id, sentence(error))
    else:
        _log.error("job %s: its subscriber was not told", job.id, exc_info=error)


def _age_s(job: Job) -> float:
    return (datetime.now(UTC) - job.updated).total_seconds()

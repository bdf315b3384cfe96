"""What a worker works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from serving.fetch.fetcher import Fetcher
from serving.jobs.store import JobStore
from serving.opener import FarOpener
from serving.reader.deaths import Deaths
from serving.registry.live import LiveModels
from serving.results import Results
from serving.settings import Settings
from serving.uploads import Uploads


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What a worker works with.

    Attributes:
        settings: the service's.
        store: the job table.
        models: the models.
        uploads: bytes that clients sent.
        results: where files of outputs go.
        scratch: folder for what a job needs and leaves nothing of.
        opener: opens rasters in a process of their own.
        stop_reading: ends the readers at work, so that nobody waits for them.
        fetcher: asks hosts that are allowed, and no other.
        deaths: of readers, to be reported.
    """

    settings: Settings
    store: JobStore
    models: LiveModels
    uploads: Uploads
    results: Results
    scratch: Path
    opener: FarOpener
    stop_reading: Callable[[], None]
    fetcher: Fetcher
    deaths: Deaths

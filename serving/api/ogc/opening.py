"""Put the desk together from the settings."""

from __future__ import annotations

from serving.access.limits import PixelLimiter
from serving.api.ogc.desk import Desk
from serving.database.protocol import Database
from serving.fetch.fetcher import Fetcher
from serving.folders import StateFolders
from serving.jobs.table import JobTable
from serving.processes.classify import Classify
from serving.processes.degradation import Degradation
from serving.processes.finding import CatalogueFinder
from serving.processes.report import Report
from serving.reader.late import LateReaders
from serving.registry.live import LiveModels
from serving.settings import Settings


def open_desk(
    settings: Settings,
    database: Database,
    models: LiveModels,
    pixels: PixelLimiter,
    fetcher: Fetcher,
    readers: LateReaders,
) -> Desk:
    """Everything the routes of jobs and processes work with.

    Raises:
        StoreUnavailable: when the job table cannot be reached.
    """
    folders = StateFolders.of(settings)
    processes = (Classify(settings), Degradation(settings), Report(settings))
    return Desk(
        settings=settings,
        store=JobTable(database),
        models=models,
        uploads=folders.uploads,
        results=folders.results,
        finder=CatalogueFinder(settings, fetcher),
        opener=readers,
        fetcher=fetcher,
        scratch=folders.scratch,
        pixels=pixels,
        processes={process.id: process for process in processes},
    )

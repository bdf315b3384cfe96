"""Open everything a worker works with, from the settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from serving.belonging import claim
from serving.database.opening import open_database
from serving.fetch.settings import fetcher_of
from serving.folders import StateFolders
from serving.jobs.table import JobTable
from serving.reader.deaths import Deaths
from serving.reader.pool import ReaderPool
from serving.reader.terms import Terms
from serving.registry.live import LiveModels
from serving.settings import Settings
from serving.work.shop import Shop


@contextmanager
def open_shop(settings: Settings) -> Iterator[Shop]:
    """Everything a worker works with; closed at the end.

    Raises:
        StoreUnavailable: when the job table cannot be reached.
        ConfigError: when the database cannot be used, or the state folder is not the one that goes with it.
    """
    folders = StateFolders.of(settings)
    with ExitStack() as stack:
        database = open_database(settings, verify=False)  # the server has looked
        stack.callback(database.close)
        claim(settings.state, database)  # a worker may run on another host than the server
        # Without background threads: a job names its version, which is proven when it is first asked for.
        models = stack.enter_context(LiveModels(settings, eager=False))
        deaths = Deaths()
        opener = stack.enter_context(ReaderPool(Terms.of(settings), died=deaths.add))
        yield Shop(
            settings=settings,
            store=JobTable(database),
            models=models,
            uploads=folders.uploads,
            results=folders.results,
            scratch=folders.scratch,
            opener=opener,
            stop_reading=opener.stop_reading,
            fetcher=fetcher_of(settings),
            deaths=deaths,
        )

"""Workers for tests of the service: the real thing on a thread of this process, with real readers."""

import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from starlette.testclient import TestClient

from serving.api.app import create_app
from serving.database.opening import open_database
from serving.fetch.settings import fetcher_of
from serving.folders import StateFolders
from serving.jobs.table import JobTable
from serving.reader.deaths import Deaths
from serving.registry.live import LiveModels
from serving.work.shop import Shop
from serving.work.worker import Worker


def no_overdue():
    """A thread cannot be ended; tests that need a hard stop start a process."""


@contextmanager
def open_test_shop(settings, opener, **changes):
    """What a worker works with, with readers that several tests share."""
    folders = StateFolders.of(settings)
    with ExitStack() as stack:
        database = open_database(settings)
        stack.callback(database.close)
        models = stack.enter_context(LiveModels(settings, eager=False))
        shop = Shop(
            settings=settings,
            store=JobTable(database),
            models=models,
            uploads=folders.uploads,
            results=folders.results,
            scratch=folders.scratch,
            opener=opener,
            stop_reading=opener.stop_reading,
            fetcher=fetcher_of(settings),
            deaths=Deaths(),
        )
        yield replace(shop, **changes)


@contextmanager
def working(shop, name="worker"):
    """A worker at work until the context ends."""
    worker = Worker(name, shop, report=lambda _report: None, overdue=no_overdue)
    thread = threading.Thread(target=worker.run, name=f"test-{name}")
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(20)
        assert not thread.is_alive()


@contextmanager
def crewed(settings, readers, **changes):
    """A worker that does the jobs of a service with these settings; ``changes`` are what it works with instead."""
    with open_test_shop(settings, readers, **changes) as shop, working(shop):
        yield shop


@contextmanager
def service(settings, readers, *, fetcher=None, app=None):
    """A client of a running service and its worker.

    Args:
        settings: of both.
        readers: a pool that tests share.
        fetcher: asks the hosts of a test, for both.
        app: the application where the test needs one of its own.
    """
    app = app or create_app(settings)
    changes = {}
    if fetcher is not None:
        app.state.fetcher = changes["fetcher"] = fetcher
    with crewed(settings, readers, **changes), TestClient(app, raise_server_exceptions=False) as client:
        yield client

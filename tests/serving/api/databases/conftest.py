"""Services of one table and one folder, and work that goes on when a test says so."""

from __future__ import annotations

import threading
import uuid
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from tests.crew import service
from tests.serving.api.ogc.conftest import House, furnish


def on_postgresql(cluster, **changes):
    """Settings of a schema of its own."""
    base = {"database_url": cluster.url, "database_schema": f"test_{uuid.uuid4().hex}", "database_wait_s": 1.0}
    return base | changes


def open_houses(stack, settings, body, readers, count):
    """Servers that share everything, each with a worker of its own."""
    clients = [stack.enter_context(service(settings, readers)) for _ in range(count)]
    return [House(client, settings, body) for client in clients]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def houses(request, tmp_path_factory, readers):
    """Two servers of one table and one folder, which the tests of a module share (F18)."""
    changes = {}
    if request.param == "postgresql":
        changes = on_postgresql(request.getfixturevalue("postgres_cluster"))
    settings, body = furnish(tmp_path_factory.mktemp("houses"), max_jobs_per_key=100, **changes)
    with ExitStack() as stack:
        yield open_houses(stack, settings, body, readers, 2)


@pytest.fixture
def paused(monkeypatch):
    """Work that begins, and waits for ``go_on`` before it is done as usual."""
    from serving.work import performing  # noqa: PLC0415 - loads the runtime

    began, go_on, usual = threading.Event(), threading.Event(), performing.classify_scene

    def wait(*args, progress, **named):
        began.set()
        while not go_on.wait(0.01):
            progress(0, 4)
        return usual(*args, progress=progress, **named)

    monkeypatch.setattr(performing, "classify_scene", wait)
    yield SimpleNamespace(began=began, go_on=go_on)
    go_on.set()


@pytest.fixture(scope="module")
def house(tmp_path_factory, postgres_cluster, readers):
    """One server on PostgreSQL."""
    settings, body = furnish(tmp_path_factory.mktemp("house"), **on_postgresql(postgres_cluster))
    with ExitStack() as stack:
        yield open_houses(stack, settings, body, readers, 1)[0]

"""The service in pieces, as its own tests have it, to break; and a PostgreSQL server for a whole one."""

from __future__ import annotations

import secrets
import signal
import uuid
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from tests.crew import open_test_shop
from tests.serving.conftest import folders, logs_end_with_their_test, readers, scene, settings
from tests.serving.work.conftest import Yard

__all__ = ["folders", "logs_end_with_their_test", "readers", "scene", "settings"]


@pytest.fixture
def body(scene):
    """A good scene as a request body."""
    return scene.read_bytes()


@pytest.fixture
def yards(readers, body):
    """Makes the workers' side of a service with these settings."""
    with ExitStack() as opened:
        yield lambda settings: Yard(opened.enter_context(open_test_shop(settings, readers)), body)


@pytest.fixture
def guarded(postgres_cluster):
    """A schema of its own in that server, whose user has to give a password."""
    password = f"pw/{secrets.token_urlsafe(12)}"
    settings = {
        "STEPPE_DATABASE_URL": postgres_cluster.guarded(password),
        "STEPPE_DATABASE_SCHEMA": f"test_{uuid.uuid4().hex}",
        "STEPPE_DATABASE_WAIT_S": "1",
    }

    def restart():
        postgres_cluster.stop(signal.SIGQUIT)
        postgres_cluster.start()

    return SimpleNamespace(settings=settings, password=password, cluster=postgres_cluster, restart=restart)

"""A PostgreSQL server for the faults of a whole service."""

from __future__ import annotations

import secrets
import signal
import uuid
from types import SimpleNamespace

import pytest

from tests.postgres import ABSENT, Cluster, find_binaries


@pytest.fixture(scope="session")
def cluster():
    binaries = find_binaries()
    if binaries is None:
        pytest.skip(ABSENT)
    made = Cluster(binaries)
    yield made
    made.remove()


@pytest.fixture
def guarded(cluster):
    """A schema of its own in that server, whose user has to give a password."""
    password = f"pw/{secrets.token_urlsafe(12)}"
    settings = {
        "STEPPE_DATABASE_URL": cluster.guarded(password),
        "STEPPE_DATABASE_SCHEMA": f"test_{uuid.uuid4().hex}",
        "STEPPE_DATABASE_WAIT_S": "1",
    }

    def restart():
        cluster.stop(signal.SIGQUIT)
        cluster.start()

    return SimpleNamespace(settings=settings, password=password, cluster=cluster, restart=restart)

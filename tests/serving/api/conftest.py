"""The service as a client sees it."""

import pytest
from starlette.testclient import TestClient

from serving.api.app import create_app
from tests.crew import crewed
from tests.service import left_in


@pytest.fixture
def app(settings):
    return create_app(settings)


@pytest.fixture
def crew(settings, readers):
    """A worker that does the jobs of the service."""
    with crewed(settings, readers) as shop:
        yield shop


@pytest.fixture
def client(app, settings, crew):  # noqa: ARG001 - does the jobs
    """A client of the running service; what came with requests and what was made for them must be gone afterwards."""
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
    left = [name for name in left_in(settings.state) if not name.startswith("steppe.db")]
    assert [name for name in left if (settings.state / name).is_file()] == []
    assert left_in(settings.scratch) == []


@pytest.fixture
def body(scene):
    """A good scene as a request body."""
    return scene.read_bytes()

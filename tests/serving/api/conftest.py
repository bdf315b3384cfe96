"""The service as a client sees it."""

import pytest
from starlette.testclient import TestClient

from serving.api.app import create_app
from tests.service import left_in


@pytest.fixture
def app(settings):
    return create_app(settings)


@pytest.fixture
def client(app, settings):
    """A client of the running service; after every test no scratch file may be left."""
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
    assert left_in(settings.scratch) == []


@pytest.fixture
def body(scene):
    """A good scene as a request body."""
    return scene.read_bytes()

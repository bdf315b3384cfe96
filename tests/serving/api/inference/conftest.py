"""Windows, and the engine they are compared with."""

from contextlib import ExitStack

import numpy as np
import pytest
from starlette.testclient import TestClient

from tests.scenes import smooth_numbers
from tests.serving.api.inference.running import running, serving


@pytest.fixture
def app(app):
    """Without the rest of the service: no worker, no life cycle."""
    with running(app):
        yield app


@pytest.fixture
def crowd(tmp_path, folders):
    """Makes services without batching, with settings of their own."""
    with ExitStack() as stack:
        yield lambda **changes: stack.enter_context(serving(tmp_path, *folders, **({"batch_windows": 1} | changes)))


@pytest.fixture
def client(app):
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def engine(app):
    return app.state.models.engine("tiny")


@pytest.fixture
def dn():
    """Two windows of 32 x 64 with pixels without data."""
    windows = smooth_numbers(64, 64, bands=4).reshape(4, 2, 32, 64).transpose(1, 0, 2, 3).copy()
    windows[0, :, 3:9, 5:20] = 0
    windows[1, 0] = 0
    return np.ascontiguousarray(windows)

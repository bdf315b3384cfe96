"""A server on this machine that nobody should reach."""

import socket

import pytest


@pytest.fixture
def loopback():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()

"""What the tests of exchanged models send."""

import pytest


@pytest.fixture
def body(scene):
    """A good scene as a request body."""
    return scene.read_bytes()

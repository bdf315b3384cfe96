"""A world of hosts for each test."""

import pytest

from tests.websites import World, authority


@pytest.fixture(scope="session")
def ca():
    return authority()


@pytest.fixture
def world(ca):
    made = World(ca)
    yield made
    made.close()

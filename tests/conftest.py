"""What holds for the tests of all rooms."""

from importlib.util import find_spec

import pytest

from tests.postgres import ABSENT, Cluster, find_binaries


def pytest_runtest_setup(item):
    """Skip tests that need a package which is not installed here."""
    for mark in item.iter_markers("needs"):
        for package in mark.args:
            if find_spec(package) is None:
                pytest.skip(f"{package} is an extra")


@pytest.fixture(scope="session")
def postgres_cluster():
    """A PostgreSQL server that all tests share; one that stops it starts it again."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip(ABSENT)
    cluster = Cluster(binaries)
    yield cluster
    cluster.remove()

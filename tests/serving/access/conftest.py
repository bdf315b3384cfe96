"""A database with the service's tables, one of each kind there is on this machine."""

import pytest

from serving.database.opening import open_database
from serving.settings import Settings
from tests.postgres import ABSENT, Cluster, find_binaries


@pytest.fixture(scope="session")
def cluster():
    binaries = find_binaries()
    if binaries is None:
        pytest.skip(ABSENT)
    cluster = Cluster(binaries)
    yield cluster
    cluster.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    settings = Settings(state=tmp_path / "state")
    if request.param == "postgresql":
        url = request.getfixturevalue("cluster").url
        settings = Settings(state=tmp_path, database_url=url, database_schema=f"access_{abs(hash(str(tmp_path)))}")
    database = open_database(settings)
    yield database
    database.close()

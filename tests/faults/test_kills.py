"""A short rampage on each database; ``python -m benchmarks.kills`` is the whole one."""

import pytest

from tests.faults.kills import rampage

pytestmark = pytest.mark.slow


def check(found, *kills):
    assert found["faults"] == []
    assert (found["worker_kills"], found["server_kills"], found["database_kills"]) == kills
    assert found["accepted"] >= 1
    assert sum(found["states"].values()) == found["accepted"]


def test_no_job_is_lost_and_none_is_published_twice(tmp_path):
    found = rampage(tmp_path, worker_kills=8, server_kills=2, seconds=10.0, clients=2)
    check(found, 8, 2, 0)


def test_two_servers_and_a_postgresql_that_is_killed_too(tmp_path, guarded):
    found = rampage(
        tmp_path,
        worker_kills=6,
        server_kills=2,
        restarts=2,
        seconds=10.0,
        clients=2,
        servers=2,
        database=guarded.settings,
        restart=guarded.restart,
    )
    check(found, 6, 2, 2)
    assert guarded.password not in "".join(path.read_text() for path in tmp_path.glob("*.log"))

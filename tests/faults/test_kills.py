"""A short rampage; ``python -m benchmarks.kills`` is the whole one."""

import pytest

from tests.faults.kills import rampage


@pytest.mark.slow
def test_no_job_is_lost_and_none_is_published_twice(tmp_path):
    found = rampage(tmp_path, worker_kills=8, server_kills=2, seconds=10.0, clients=2)
    assert found["faults"] == []
    assert (found["worker_kills"], found["server_kills"]) == (8, 2)
    assert found["accepted"] >= 1
    assert sum(found["states"].values()) == found["accepted"]

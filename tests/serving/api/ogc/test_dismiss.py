"""Conformance class Dismiss (18-062r2, annex A), and that nothing is left of what was dismissed."""

from __future__ import annotations

import base64
import time

import pytest

from tests.service import left_in
from tests.serving.api.check import check_problem
from tests.serving.api.ogc import schemas
from tests.serving.api.ogc.schemas import check


def files(house, *parts):
    """Files below the folder of state."""
    folder = house.settings.state.joinpath(*parts)
    return [path for path in left_in(folder) if (folder / path).is_file()]


@pytest.fixture
def by_value(house):
    """A scene that goes with its job."""
    return {"scene": base64.b64encode(house.body).decode()}


def check_gone(house, job):
    for path in (job, f"{job}/results", f"{job}/results/areas"):
        check_problem(house.client.get(path), 410, "job-gone")
    check_problem(house.client.delete(job), 410, "job-gone")
    assert job not in [one["links"][0]["href"] for one in house.client.get("/jobs").json()["jobs"]]


def test_a_job_that_waits(idle):
    """/req/dismiss/job-dismiss-op, /req/dismiss/job-dismiss-success; cases 121 and 122"""
    before = files(idle, "uploads")
    job = idle.begin(inputs={"scene": base64.b64encode(idle.body).decode()})
    assert len(files(idle, "uploads")) == len(before) + 1
    answer = idle.client.delete(job)
    assert answer.status_code == 200
    status = check(answer.json(), schemas.STATUS_INFO)
    assert (status["status"], status["message"]) == ("dismissed", "dismissed")
    check_gone(idle, job)
    assert files(idle, "uploads") == before


def test_a_job_that_runs_stops_and_leaves_nothing(house, held, by_value):
    """/req/dismiss/job-dismiss-success; invariant I9"""
    before = files(house)
    job = house.begin(inputs=by_value)
    assert held.began.wait(20)
    began = time.monotonic()
    assert house.client.delete(job).json()["status"] == "dismissed"
    check_gone(house, job)
    store, results = house.client.app.state.desk.store, house.settings.state / "results"
    while left_in(house.settings.scratch) or job.rpartition("/")[2] in str(left_in(results)):
        assert time.monotonic() - began < 10
        time.sleep(0.02)
    assert files(house) == before
    assert store.waiting("anonymous") == (0, 0)


def test_a_job_that_has_ended_is_removed(house, by_value):
    """/req/dismiss/job-dismiss-success; case 121"""
    job = house.begin(inputs=by_value)
    assert house.ended(job)["status"] == "successful"
    name = job.rpartition("/")[2]
    assert any(name in path for path in files(house, "results"))
    status = check(house.client.delete(job).json(), schemas.STATUS_INFO)
    assert (status["status"], status["message"]) == ("dismissed", "removed")
    check_gone(house, job)
    assert not any(name in path for path in left_in(house.settings.state / "results"))


def test_a_failed_job_is_removed(house):
    job = house.begin(inputs={"scene": house.scene, "area": {"bbox": [2, 3, 2.1, 3.1]}})
    assert house.ended(job)["status"] == "failed"
    assert house.client.delete(job).status_code == 200
    check_gone(house, job)


def test_somebody_who_waits_hears_of_it(house, held):
    """The answer of a synchronous execution whose job another client dismisses."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(house.ask, outputs={"areas": {}})
        assert held.began.wait(20)
        (job,) = house.client.get("/jobs", params={"status": "running"}).json()["jobs"]
        assert house.client.delete(job["links"][0]["href"]).status_code == 200
        check_problem(waiting.result(20), 410, "job-gone")


def test_uploads_stay_when_a_job_is_dismissed(house):
    job = house.begin()
    house.ended(job)
    house.client.delete(job)
    assert house.ask(outputs={"areas": {}}).status_code == 200

"""The ways through a service whose jobs are in PostgreSQL; all others are tested on SQLite."""

from __future__ import annotations

import time

from tests.serving.api.check import check_problem


def test_sync_async_list_results_and_removal(house):
    assert house.ask(outputs={"areas": {}}).json()["total"]["pixels"] == 6300
    job = house.begin(outputs={"map": {}, "areas": {}})
    assert house.ended(job)["status"] == "successful"
    listed = house.client.get("/jobs", params={"status": "successful"}).json()["jobs"]
    assert listed[0]["jobID"] == job.rpartition("/")[2]
    assert house.client.get(f"{job}/results/map").content.startswith(b"II*\0")
    assert house.client.get(f"{job}/outcome").json()["outputs"]["map"]["bytes"] > 0
    assert house.client.delete(job).status_code == 200
    check_problem(house.client.delete(job), 410, "job-gone")


def test_a_file_at_once(house):
    answer = house.client.post("/classify", content=house.body, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["total"]["pixels"]) == (200, 6300)


def test_dismissal(house, paused):
    job = house.begin()
    assert paused.began.wait(10)
    assert house.client.get(job).json()["status"] == "running"
    assert house.client.delete(job).json()["status"] == "dismissed"
    deadline = time.monotonic() + 10
    name = job.rpartition("/")[2]
    while any(name in entry for entry in house.client.app.state.desk.results.found()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_readiness_and_figures(house):
    assert house.client.get("/readyz").json()["checks"]["jobs"] == "answers"
    assert 'steppe_jobs{state="accepted"} 0.0' in house.client.get("/metrics").text

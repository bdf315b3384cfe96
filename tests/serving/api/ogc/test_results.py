"""Conformance class Core: job status and results (18-062r2, annex A)."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from tests.service import scene_numbers, valid_of
from tests.serving.api.check import check_problem
from tests.serving.api.ogc import schemas
from tests.serving.api.ogc.answers import FORMS, codes_of, links_of, parts_of
from tests.serving.api.ogc.schemas import check

VALID = valid_of(scene_numbers())


def test_job_status(house, done):
    """/req/core/job, /req/core/job-success"""
    answer = house.client.get(done)
    assert answer.status_code == 200
    status = check(answer.json(), schemas.STATUS_INFO)
    assert (status["status"], status["progress"], status["processID"]) == ("successful", 100, "classify")
    assert status["created"] <= status["started"] <= status["finished"] <= status["updated"]
    rel = "http://www.opengis.net/def/rel/ogc/1.0/results"
    assert [link["href"] for link in status["links"] if link["rel"] == rel] == [f"{done}/results"]


NO_JOBS = ["00000000-0000-4000-8000-000000000000", "1", "..%2F..", "%00", "x" * 300, "\u0661"]


@pytest.mark.parametrize("name", NO_JOBS)
def test_no_such_job(house, name):
    """/req/core/job-exception-no-such-job, /req/core/job-results-exception/no-such-job; case 120"""
    for path in (f"/jobs/{name}", f"/jobs/{name}/results", f"/jobs/{name}/results/map"):
        if "%2F" in path:
            assert house.client.get(path).status_code == 404
            continue
        answer = house.client.get(path)
        check_problem(answer, 404, "no-such-job", "xxxx")
        assert check(answer.json(), schemas.EXCEPTION)["type"] == (
            "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/no-such-job"
        )


def test_results_that_are_not_ready(idle):
    """/req/core/job-results-exception/results-not-ready"""
    job = idle.begin()
    for path in (f"{job}/results", f"{job}/results/areas"):
        answer = idle.client.get(path)
        check_problem(answer, 404, "result-not-ready")
        assert answer.json()["type"] == (
            "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/result-not-ready"
        )
    idle.client.delete(job)


def test_results_of_a_failed_job(house, failed):
    """/req/core/job-results-failed; case 122"""
    status = check(house.client.get(failed).json(), schemas.STATUS_INFO)
    answer = house.client.get(f"{failed}/results")
    detail = check_problem(answer, 422, "band-mapping")
    check(answer.json(), schemas.EXCEPTION)
    assert status["message"]
    assert "the input bands" in detail
    check_problem(house.client.get(f"{failed}/results/areas"), 404, "result-not-ready")


def test_results_of_a_synchronous_execution(house):
    """/req/core/job-results, /req/core/job-results-success-sync"""
    answer = house.ask(outputs={"areas": {}})
    job = links_of(answer)["monitor"][0]
    status = check(house.client.get(job).json(), schemas.STATUS_INFO)
    assert status["status"] == "successful"
    assert "monitor" not in {link["rel"] for link in status["links"]}  # there is nothing more to wait for
    again = house.client.get(f"{job}/results")
    assert (again.status_code, again.json()) == (200, answer.json())


def test_results_raw_one(house):
    """/req/core/job-results-async-raw-value-one"""
    job = house.begin(outputs={"areas": {}})
    house.ended(job)
    answer = house.client.get(f"{job}/results")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json()["total"]["pixels"] == VALID.size


def test_results_raw_several(house, done):
    """/req/core/job-results-async-raw-value-multi"""
    parts = parts_of(house.client.get(f"{done}/results"))
    np.testing.assert_array_equal(codes_of(parts["map"][1]) != 255, VALID)
    assert json.loads(parts["areas"][1])["total"]["pixels"] == VALID.size


def test_results_raw_by_reference(house):
    """/req/core/job-results-async-raw-ref"""
    job = house.begin(outputs={"map": {"transmissionMode": "reference"}})
    house.ended(job)
    answer = house.client.get(f"{job}/results")
    assert answer.status_code == 204
    assert links_of(answer)["map"][0] == f"{job}/results/map"


def test_results_raw_mixed(house):
    """/req/core/job-results-async-raw-mixed-multi"""
    job = house.begin(outputs={"map": {"transmissionMode": "reference"}, "areas": {}})
    house.ended(job)
    parts = parts_of(house.client.get(f"{job}/results"))
    assert parts["map"][0]["Content-Location"] == f"{job}/results/map"


def test_results_as_a_document(house):
    """/req/core/job-results-async-document"""
    job = house.begin(outputs={"areas": {}, "item": {"transmissionMode": "reference"}}, response="document")
    house.ended(job)
    document = check(house.client.get(f"{job}/results").json(), schemas.RESULTS)
    assert document["item"]["href"] == f"{job}/results/item"


def test_one_output_and_parts_of_it(house, done):
    whole = house.client.get(f"{done}/results/map")
    assert (whole.status_code, whole.headers["content-type"]) == (200, FORMS["map"])
    assert whole.headers["steppe-model"] == "tiny@0.1.0"
    part = house.client.get(f"{done}/results/map", headers={"Range": "bytes=0-99"})
    assert (part.status_code, part.content) == (206, whole.content[:100])
    again = house.client.get(f"{done}/results/map", headers={"If-None-Match": whole.headers["etag"]})
    assert again.status_code in {200, 304}
    for name in ("preview", "cake", "%00", "..%5C..%5Cmap"):
        check_problem(house.client.get(f"{done}/results/{name}"), 404, "no-such-output", "cake")


def test_progress_with_a_message(house, held):
    job = house.begin()
    assert held.began.wait(20)
    deadline = time.monotonic() + 10
    while (status := house.client.get(job).json())["progress"] == 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (status["status"], status["progress"]) == ("running", 32)
    assert status["message"] == "1 of 4 rows of windows are mapped"
    held.go_on.set()
    assert house.ended(job)["status"] == "failed"
    check_problem(house.client.get(f"{job}/results"), 500, "internal")


def test_addresses_are_those_that_clients_see(idle):
    """Behind a proxy the service has another name."""
    idle.client.app.state.settings = idle.settings.model_copy(update={"public_url": "https://maps.example.org/steppe/"})
    try:
        job = idle.begin()
        assert job.startswith("https://maps.example.org/steppe/jobs/")
        own = f"/jobs/{job.rpartition('/')[2]}"
        links = idle.client.get(own).json()["links"]
        assert {link["href"] for link in links} == {job}
        listed = idle.client.get("/jobs", params={"limit": 1, "status": "accepted"}).json()["links"]
        assert listed[0]["href"] == "https://maps.example.org/steppe/jobs?limit=1&status=accepted"
        idle.client.delete(own)
    finally:
        idle.client.app.state.settings = idle.settings

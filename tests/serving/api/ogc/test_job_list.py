"""Conformance class Job List (18-062r2, annex A)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from serving.access.keys import mint
from serving.access.keystore import KeyStore, new_key
from serving.access.principal import Scope
from tests.serving.api.check import check_problem
from tests.serving.api.ogc import schemas
from tests.serving.api.ogc.answers import check_parameter
from tests.serving.api.ogc.schemas import check

FIVE = 5


@pytest.fixture(scope="module")
def jobs(idle):
    """Five jobs that wait, the oldest first."""
    made = [idle.begin() for _ in range(FIVE)]
    yield made
    for job in made:
        idle.client.delete(job)


@pytest.fixture
def listed(idle, jobs):
    """Lists jobs, as their numbers in the order of acceptance."""

    def ask(**query):
        answer = idle.client.get("/jobs", params=query)
        assert answer.status_code == 200, answer.text
        document = check(answer.json(), schemas.JOB_LIST)
        return [jobs.index(job["links"][0]["href"]) for job in document["jobs"]]

    return ask


def next_page(document):
    return next((link["href"] for link in document["links"] if link["rel"] == "next"), None)


def test_the_list(idle, listed):
    """/req/job-list/job-list-op, /req/job-list/job-list-success, /req/job-list/links,
    /req/job-list/processID-mandatory"""
    assert listed() == [4, 3, 2, 1, 0]
    document = idle.client.get("/jobs").json()
    assert [link["rel"] for link in document["links"]] == ["self"]  # no alternate: JSON is the only form there is
    for job in document["jobs"]:
        assert job["processID"] == "classify"
        assert idle.client.get(job["links"][0]["href"]).json() == job


WORDS = {"type": "array", "items": {"type": "string"}}
PARAMETERS = {
    "type": WORDS,
    "processID": WORDS,
    "status": {"type": "array"},
    "datetime": {"type": "string"},
    "minDuration": {"type": "integer"},
    "maxDuration": {"type": "integer"},
    "limit": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 10},
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_defined(idle, name):
    """/req/job-list/type-definition, /req/job-list/processID-definition, /req/job-list/status-definition,
    /req/job-list/datetime-definition, /req/job-list/duration-definition, /req/job-list/limit-definition"""
    schema = check_parameter(idle, "/jobs", name)["schema"]
    schema = next((choice for choice in schema.get("anyOf", ()) if choice["type"] != "null"), schema)
    wanted = PARAMETERS[name]
    assert {key: schema[key] for key in wanted if key != "items"} == {k: v for k, v in wanted.items() if k != "items"}
    assert schema.get("items", {}).get("type", "string") == "string"


def test_limit_and_pages(idle, jobs, listed):
    """/req/job-list/limit-definition, /req/job-list/limit-response, /rec/job-list/next-1"""
    assert listed(limit=2) == [4, 3]
    seen, page = [], "/jobs?limit=2"
    while page:
        document = idle.client.get(page).json()
        assert len(document["jobs"]) <= 2
        seen += [job["links"][0]["href"] for job in document["jobs"]]
        page = next_page(document)
    assert seen == jobs[::-1]


def test_pages_keep_what_was_asked_for(idle, jobs):
    page = next_page(idle.client.get("/jobs", params={"limit": 3, "status": "accepted"}).json())
    answer = idle.client.get(page).json()
    assert [job["links"][0]["href"] for job in answer["jobs"]] == jobs[1::-1]
    forged = page.replace("status=accepted", "status=running")
    check_problem(idle.client.get(forged), 400, "page-token")


@pytest.mark.parametrize("limit", ["0", "-1", "1000000000", "x", "1.5", ""])
def test_limits_that_are_none(idle, limit):
    """Case 125 of the bad inputs."""
    check_problem(idle.client.get("/jobs", params={"limit": limit}), 422, "invalid-request")


@pytest.mark.parametrize("page", ["x", "%00", "MQ", "a" * 150])
def test_forged_pages(idle, page):
    check_problem(idle.client.get(f"/jobs?page={page}"), 400, "page-token")


def test_type(listed):
    """/req/job-list/type-definition, /req/job-list/type-response"""
    assert (
        listed(type="process") == listed(type=["other", "process"]) == listed(type="other,process") == [4, 3, 2, 1, 0]
    )
    assert listed(type="other") == []


def test_process(listed):
    """/req/job-list/processID-definition, /req/job-list/processid-response"""
    assert listed(processID="classify") == listed(processID="degradation,classify") == [4, 3, 2, 1, 0]
    assert listed(processID="degradation") == listed(processID="cake") == []


def test_status(idle, listed):
    """/req/job-list/status-definition, /req/job-list/status-response"""
    assert listed(status="accepted") == listed(status=["accepted", "failed"]) == listed(status="failed,accepted")
    assert listed(status="accepted") == [4, 3, 2, 1, 0]
    assert listed(status="successful") == []
    check_problem(idle.client.get("/jobs", params={"status": "done"}), 422, "invalid-request")


def test_datetime(idle, jobs, listed):
    """/req/job-list/datetime-definition, /req/job-list/datetime-response"""
    made = [idle.client.get(job).json()["created"] for job in jobs]
    assert listed(datetime=f"{made[2]}/..") == listed(datetime=f"{made[2]}/") == [4, 3, 2]
    assert listed(datetime=f"../{made[1]}") == listed(datetime=f"/{made[1]}") == [1, 0]
    assert listed(datetime=f"{made[1]}/{made[3]}") == [3, 2, 1]
    assert listed(datetime=made[2]) == [2]
    later = datetime.now(UTC) + timedelta(hours=1)
    assert listed(datetime=f"{later.isoformat()}/..") == []
    assert listed(datetime=f"../{later.astimezone().isoformat()}") == [4, 3, 2, 1, 0]


NO_TIMES = ["..", "/", "../..", "", "yesterday", "2020-01-01", "2020-01-01T00:00:00", "1/2/3", "17000000"]


@pytest.mark.parametrize("datetime", [*NO_TIMES, "2020-13-01T00:00:00Z", "2020-01-01T00:00:00Z/x"])
def test_times_that_are_none(idle, datetime):
    """Case 115 of the bad inputs."""
    check_problem(idle.client.get("/jobs", params={"datetime": datetime}), 422, "invalid-request", "yesterday")


def test_duration(house, done, failed):
    """/req/job-list/duration-definition, /req/job-list/duration-response"""

    def listed(**query):
        return {job["links"][0]["href"] for job in house.client.get("/jobs", params=query).json()["jobs"]}

    assert {done, failed} <= listed(maxDuration=100)
    assert {done, failed} <= listed(minDuration=0, maxDuration=100, status="successful,failed")
    assert listed(minDuration=100) == set()
    assert listed(maxDuration=100, status="failed") == {failed}
    check_problem(house.client.get("/jobs", params={"minDuration": "-1"}), 422, "invalid-request")


def test_a_job_that_runs_has_run_until_now(house, held):
    """/req/job-list/duration-response"""

    def listed(**query):
        jobs = house.client.get("/jobs", params={"status": "running", **query}).json()["jobs"]
        return [one["links"][0]["href"] for one in jobs]

    job = house.begin()
    assert held.began.wait(20)
    started = datetime.fromisoformat(house.client.get(job).json()["started"])
    assert listed(minDuration=0, maxDuration=100) == [job]
    assert listed(minDuration=100) == []
    time.sleep(max(0.0, 1.05 - (datetime.now(UTC) - started).total_seconds()))
    assert listed(minDuration=1) == [job]
    assert listed(maxDuration=1) == []
    held.go_on.set()
    house.ended(job)
    house.client.delete(job)


def test_a_job_that_has_not_begun_has_no_duration(listed):
    """/req/job-list/duration-response"""
    assert listed(minDuration=0) == listed(maxDuration=1000) == []


def test_a_misspelt_parameter_is_not_passed_over(idle):
    check_problem(idle.client.get("/jobs", params={"processId": "classify"}), 422, "invalid-request")


def test_an_upload_that_is_classified_at_once_is_in_no_list(house):
    before = house.client.get("/jobs", params={"limit": 1000}).json()["jobs"]
    assert house.client.post("/classify", content=house.body).status_code == 200
    assert house.client.get("/jobs", params={"limit": 1000}).json()["jobs"] == before


def test_jobs_of_others_look_absent(tmp_path, readers):
    """Each key sees its own jobs; one with the scope admin sees all."""
    from tests.crew import service  # noqa: PLC0415 (the only test with keys)
    from tests.serving.api.ogc.conftest import House, furnish  # noqa: PLC0415

    settings, body = furnish(tmp_path)
    with service(settings, readers) as client:
        store = KeyStore(client.app.state.database)
        keys = {}
        for name, scopes in {"one": [Scope.RUN], "two": [Scope.RUN], "admin": [Scope.RUN, Scope.ADMIN]}.items():
            minted = mint()
            store.add(new_key(minted, name, scopes))
            keys[name] = {"X-API-Key": minted.text}
        client.headers = {**client.headers, **keys["one"]}
        house = House(client, settings, body)
        job = house.begin()
        assert house.ended(job)["status"] == "successful"
        for path in (job, f"{job}/results", f"{job}/results/areas"):
            check_problem(client.get(path, headers=keys["two"]), 404, "no-such-job")
            assert client.get(path, headers=keys["admin"]).status_code == 200
        check_problem(client.delete(job, headers=keys["two"]), 404, "no-such-job")
        assert client.get("/jobs", headers=keys["two"]).json()["jobs"] == []
        assert len(client.get("/jobs", headers=keys["admin"]).json()["jobs"]) == 1
        answer = house.ask(headers=keys["two"])
        check_problem(answer, 404, "no-such-upload")
        own = client.delete(house.scene["href"], headers=keys["two"])
        check_problem(own, 404, "no-such-upload")
        assert client.delete(job, headers=keys["admin"]).status_code == 200
        check_problem(client.get(job), 410, "job-gone")

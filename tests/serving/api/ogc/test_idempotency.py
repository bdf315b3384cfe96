"""One Idempotency-Key, one job: case 123 of the bad inputs, invariant I8, fault F5."""

from __future__ import annotations

import base64
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from serving.access.keys import mint
from serving.access.keystore import KeyStore, new_key
from serving.access.principal import Scope
from serving.api.app import create_app
from serving.database.protocol import StoreUnavailable
from tests.serving.api.check import check_problem
from tests.serving.api.ogc.conftest import House, furnish

AREAS = {"outputs": {"areas": {}}}


@pytest.fixture
def key():
    return {"Idempotency-Key": str(uuid.uuid4())}


def begin(house, key, **asked):
    return house.ask(prefer="respond-async", headers=key, **(AREAS | asked))


def test_the_same_request_is_the_same_job(idle, key):
    first, second = begin(idle, key), begin(idle, key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.headers["location"] == second.headers["location"]
    assert len(idle.client.get("/jobs").json()["jobs"]) == 1
    idle.client.delete(first.headers["location"])


def test_members_may_come_in_another_order(idle, key):
    first = begin(idle, key, inputs={"scene": idle.scene, "language": "fr"})
    second = begin(idle, key, inputs={"language": "fr", "scene": idle.scene})
    assert first.headers["location"] == second.headers["location"]
    idle.client.delete(first.headers["location"])


def test_another_request(idle, key):
    job = begin(idle, key).headers["location"]
    others = [
        {"outputs": {"map": {}}},
        {"inputs": {"scene": idle.scene, "language": "fr"}},
        {"process": "degradation", "inputs": {"before": idle.scene, "after": idle.scene}},
    ]
    for other in others:
        check_problem(begin(idle, key, **other), 422, "idempotency-key-reused", key["Idempotency-Key"])
    idle.client.delete(job)


@pytest.mark.parametrize("text", ["", "x" * 256, "x" * 10_000, "two words", "\u00e9", "\x7f"])
def test_keys_that_are_none(idle, text):
    answer = begin(idle, {"Idempotency-Key": text.encode("latin-1")})
    check_problem(answer, 400, "idempotency-key", "xxxx")


def test_a_key_whose_job_is_gone(idle, key):
    job = begin(idle, key).headers["location"]
    idle.client.delete(job)
    check_problem(begin(idle, key), 410, "job-gone")


def test_while_the_first_request_is_being_answered(house, key, held):
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(house.ask, headers=key, **AREAS)
        assert held.began.wait(20)
        check_problem(house.ask(headers=key, **AREAS), 409, "idempotency-key-in-use")
        assert house.ask(headers={"Idempotency-Key": "another"}, params={"dry_run": True}).status_code == 200
        held.go_on.set()
        check_problem(first.result(20), 500, "internal")
    check_problem(house.ask(headers=key, **AREAS), 500, "internal")  # the same job, and its end


def test_a_repetition_waits_for_the_job_of_the_first(house, key):
    job = begin(house, key).headers["location"]
    answer = house.ask(headers=key, **AREAS)
    assert answer.status_code == 200
    assert f"<{job}>" in answer.headers["link"]


def test_who_goes_away_finds_the_job_again(idle, key):
    """With a key the job is not dismissed when the answer takes too long."""
    check_problem(idle.ask(headers=key, **AREAS), 504, "took-too-long")
    answer = begin(idle, key)
    assert answer.status_code == 201
    idle.client.delete(answer.headers["location"])


def test_what_came_with_a_repetition_does_not_stay(idle, key):
    inputs = {"scene": base64.b64encode(idle.body).decode()}
    job = begin(idle, key, inputs=inputs).headers["location"]
    uploads = idle.settings.state / "uploads"
    before = sorted(uploads.rglob("*"))
    begin(idle, key, inputs=inputs)
    assert sorted(uploads.rglob("*")) == before
    idle.client.delete(job)


def test_a_repetition_costs_nothing(tmp_path):
    """Neither a place among the jobs of a key nor pixels of its minute."""
    settings, body = furnish(tmp_path, max_jobs_per_key=1, pixels_per_minute=7000)
    with TestClient(create_app(settings)) as client:
        house, key = House(client, settings, body), {"Idempotency-Key": "once"}
        job = begin(house, key).headers["location"]
        for _ in range(3):
            assert begin(house, key).headers["location"] == job
        check_problem(begin(house, {"Idempotency-Key": "twice"}), 429, "too-many-jobs")
        client.delete(job)
        answer = begin(house, {"Idempotency-Key": "three"})
        check_problem(answer, 429, "quota")
        assert int(answer.headers["retry-after"]) > 0


def test_keys_of_others_are_independent(tmp_path):
    settings, body = furnish(tmp_path)
    with TestClient(create_app(settings)) as client:
        store, jobs = KeyStore(client.app.state.database), set()
        keys = {name: mint() for name in ("one", "two")}
        for name, minted in keys.items():
            store.add(new_key(minted, name, [Scope.RUN]))
        for minted in keys.values():
            client.headers["X-API-Key"] = minted.text
            jobs.add(begin(House(client, settings, body), {"Idempotency-Key": "the-same"}).headers["location"])
        assert len(jobs) == 2


class Deaf:
    """A job table that accepts a job, but whose answer gets lost (F5)."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    def accept(self, new, **named):
        self._store.accept(new, **named)
        raise StoreUnavailable("the database cannot be reached; try again later")


def test_a_request_whose_commit_nobody_heard_of_may_be_repeated(house, key):
    """Its scene is still there for the job that the repetition finds."""
    state, desk = house.client.app.state, house.client.app.state.desk
    scene = {"value": base64.b64encode(house.body).decode(), "encoding": "base64", "mediaType": "image/tiff"}
    state.desk = replace(desk, store=Deaf(desk.store))
    try:
        check_problem(begin(house, key, inputs={"scene": scene}), 503, "store-unavailable")
    finally:
        state.desk = desk
    again = begin(house, key, inputs={"scene": scene})
    assert again.status_code == 201
    assert house.ended(again.headers["location"])["status"] == "successful"
    house.client.delete(again.headers["location"])

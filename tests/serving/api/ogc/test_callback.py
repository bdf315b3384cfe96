"""Conformance class Callback (18-062r2, annex A): subscribers are told, once, whatever happens in between."""

from __future__ import annotations

import json
import time

import pytest
from starlette.testclient import TestClient

from serving.access.keys import mint
from serving.access.keystore import KeyStore, new_key
from serving.access.principal import Scope
from serving.api.app import create_app
from tests.crew import crewed, service
from tests.serving.api.check import check_problem
from tests.serving.api.ogc import schemas
from tests.serving.api.ogc.conftest import House, furnish
from tests.serving.api.ogc.schemas import check
from tests.websites import reply

AREAS = {"outputs": {"areas": {}}}
EVENTS = {"successUri": "/success", "inProgressUri": "/progress", "failedUri": "/failed"}


class Hub:
    """A host that is told of jobs."""

    def __init__(self, world):
        self.heard = []
        self.well = True
        self.site = world.site("hub.example.org", {"/*": self._hear})
        self.fetcher = world.fetcher()

    def _hear(self, handler):
        if self.well:
            self.heard.append((handler.path, json.loads(handler.body)))
        reply(status=204 if self.well else 503)(handler)

    @property
    def asked(self):
        return len(self.site.asked)

    def subscriber(self, *events):
        return {event: self.site.url(EVENTS[event]) for event in events or EVENTS}

    def wait(self, number):
        until(lambda: len(self.heard) >= number)
        return self.heard


def until(condition):
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def hub(world, monkeypatch):
    monkeypatch.setattr("serving.api.ogc.notices.LOOK_S", 0.05)
    monkeypatch.setattr("serving.api.ogc.notices.AGAIN_S", 0.3)
    return Hub(world)


@pytest.fixture
def placed(tmp_path, readers, hub):
    """A service that may call the hub."""
    settings, body = furnish(tmp_path, public_url="https://maps.example.org")
    with service(settings, readers, fetcher=hub.fetcher) as client:
        yield House(client, settings, body)


def local(job):
    """The address by which tests reach a job."""
    return f"/jobs/{job.rpartition('/')[2]}"


def test_success(placed, hub):
    """/req/callback/job-callback"""
    job = placed.begin(subscriber=hub.subscriber("successUri", "failedUri"), **AREAS)
    ((path, told),) = hub.wait(1)
    assert path == "/success"
    assert check(told, schemas.RESULTS)["areas"]["value"]["total"]["pixels"] == 6300
    assert placed.client.get(local(job)).json()["status"] == "successful"
    time.sleep(0.5)
    assert len(hub.heard) == 1


def test_links_of_results_lead_to_the_service(placed, hub):
    outputs = {"map": {"transmissionMode": "reference"}}
    job = placed.begin(subscriber=hub.subscriber("successUri"), outputs=outputs)
    ((_, told),) = hub.wait(1)
    assert told["map"]["href"] == f"{job}/results/map"
    assert job.startswith("https://maps.example.org/jobs/")


def test_progress_and_failure(placed, hub, held):
    """/req/callback/job-callback"""
    job = placed.begin(subscriber=hub.subscriber(), **AREAS)
    hub.wait(1)
    held.go_on.set()
    (first, running), (last, failed) = hub.wait(2)
    assert (first, check(running, schemas.STATUS_INFO)["status"]) == ("/progress", "running")
    assert (last, check(failed, schemas.STATUS_INFO)["status"]) == ("/failed", "failed")
    assert failed["links"][0]["href"] == job
    assert failed["message"] == "an error of the service; its log has the details"


def test_again_after_a_failure(placed, hub):
    hub.well = False
    placed.begin(subscriber=hub.subscriber("successUri"), **AREAS)
    until(lambda: hub.asked >= 2)
    assert hub.heard == []
    hub.well = True
    hub.wait(1)
    time.sleep(0.6)
    assert len(hub.heard) == 1


def test_errors_of_the_service_itself_do_not_come_for_ever(placed, hub, monkeypatch, caplog):
    asked = []

    def broken(_notifier, job):
        asked.append(job)
        raise ZeroDivisionError

    monkeypatch.setattr("serving.api.ogc.notices.Notifier._words", broken)
    placed.begin(subscriber=hub.subscriber("successUri"), **AREAS)
    until(lambda: len(asked) >= 2)
    monkeypatch.setattr("serving.api.ogc.notices.GIVE_UP_S", 0.0)
    until(lambda: caplog.text.count("ZeroDivisionError") >= len(asked) >= 3)
    told = len(asked)
    time.sleep(0.7)
    assert len(asked) == told


def test_without_an_address_of_the_service_callbacks_are_refused(tmp_path, hub):
    """0.0.0.0 is none."""
    settings, body = furnish(tmp_path, host="0.0.0.0")  # noqa: S104 - that is the point
    app = create_app(settings)
    app.state.fetcher = hub.fetcher
    with TestClient(app) as client:
        minted = mint()
        KeyStore(app.state.database).add(new_key(minted, "x", [Scope.RUN]))
        client.headers["X-API-Key"] = minted.text
        house = House(client, settings, body)
        answer = house.ask(prefer="respond-async", subscriber=hub.subscriber("successUri"), **AREAS)
        assert "STEPPE_PUBLIC_URL" in check_problem(answer, 422, "callback-unavailable")
        assert house.begin()


def test_after_a_restart(tmp_path, readers, hub):
    """What the first process could not tell, the next one tells."""
    settings, body = furnish(tmp_path)
    hub.well = False
    with service(settings, readers, fetcher=hub.fetcher) as client:
        house = House(client, settings, body)
        job = house.begin(subscriber=hub.subscriber("successUri"), **AREAS)
        house.ended(job)
        until(lambda: hub.asked)
    hub.well = True
    app = create_app(settings)
    app.state.fetcher = hub.fetcher
    with TestClient(app):
        ((path, told),) = hub.wait(1)
    assert (path, list(told)) == ("/success", ["areas"])


def test_nobody_is_told_of_a_dismissed_job(tmp_path, readers, hub):
    settings, body = furnish(tmp_path)
    app = create_app(settings)
    app.state.fetcher = hub.fetcher
    with TestClient(app) as client:
        house = House(client, settings, body)
        client.delete(house.begin(subscriber=hub.subscriber(), **AREAS))
        with crewed(settings, readers, fetcher=hub.fetcher):
            time.sleep(0.5)
    assert hub.heard == []


def test_a_host_that_refuses_for_good_is_left_alone(placed, hub, monkeypatch):
    monkeypatch.setattr("serving.api.ogc.notices.GIVE_UP_S", 0.5)
    hub.well = False
    placed.begin(subscriber=hub.subscriber("successUri"), **AREAS)
    until(lambda: hub.asked >= 2)
    store = placed.client.app.state.desk.store
    until(lambda: hub.asked >= 2 and not store.due_notices(10, seconds=0.01))
    asked = hub.asked
    time.sleep(1)
    assert hub.asked <= asked + 1


@pytest.mark.parametrize(
    ("href", "slug"),
    [
        ("http://hub.example.org/x", "url-scheme"),
        ("https://127.0.0.1/x", "url-blocked"),
        ("https://localhost/x", "url-blocked"),
        ("https://169.254.169.254/latest", "url-blocked"),
        ("https://other.example.org/x", "url-blocked"),
        ("https://hub.example.org@other.example.org/", "url-invalid"),
        ("file:///etc/passwd", "url-scheme"),
        ("", "url-invalid"),
    ],
)
def test_addresses_that_are_not_called(placed, href, slug):
    """Case 124 of the bad inputs."""
    before = placed.client.get("/jobs").json()["jobs"]
    answer = placed.ask(subscriber={"successUri": href}, prefer="respond-async", **AREAS)
    check_problem(answer, 422, slug, "169.254", "passwd")
    assert placed.client.get("/jobs").json()["jobs"] == before


def test_a_subscriber_is_checked_by_its_form(placed):
    for subscriber in ({"successUrl": "https://hub.example.org/"}, "https://hub.example.org/", {"successUri": 7}):
        check_problem(placed.ask(subscriber=subscriber, **AREAS), 422, "inputs")

"""PostgreSQL is restarted, or hangs, in the middle of traffic (F19): 503 meanwhile, and everything goes on after it."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from serving.jobs.record import State
from serving.work import worker as working
from tests.serving.api.check import check_problem
from tests.serving.api.databases.conftest import on_postgresql, open_houses
from tests.serving.api.ogc.conftest import furnish

MAP = {"map": {}}


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Workers look again soon."""
    monkeypatch.setattr(working, "PATIENCE_S", 0.1)


@pytest.fixture
def lease_s():
    return 2.0


@pytest.fixture
def house(tmp_path, postgres_cluster, readers, lease_s):
    settings, body = furnish(tmp_path, lease_s=lease_s, max_jobs_per_key=4, **on_postgresql(postgres_cluster))
    with ExitStack() as stack:
        yield open_houses(stack, settings, body, readers, 1)[0]


@contextmanager
def stopped(cluster):
    cluster.stop(signal.SIGQUIT)
    try:
        yield
    finally:
        cluster.start()


@contextmanager
def frozen(cluster):
    with cluster.frozen():
        yield


def wait_for(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def row_of(house, job):
    return house.client.app.state.desk.store.get(job.rpartition("/")[2], None)


@pytest.mark.parametrize("away", [stopped, pytest.param(frozen, marks=pytest.mark.slow)])
def test_what_the_api_says_meanwhile_and_afterwards(house, paused, postgres_cluster, away):
    job = house.begin(outputs=MAP)
    assert paused.began.wait(10)
    with away(postgres_cluster):
        began = time.monotonic()
        check_problem(house.client.get(job), 503, "store-unavailable", "PostgreSQL", str(postgres_cluster.url))
        check_problem(house.ask(prefer="respond-async", outputs=MAP), 503, "store-unavailable")
        check_problem(house.client.get("/readyz"), 503, "not-ready")
        assert time.monotonic() - began < 8  # a second and a half each, also when the server takes what it is sent
        began = time.monotonic()
        assert house.client.get("/livez").status_code == 200
        assert time.monotonic() - began < 0.5
    wait_for(lambda: house.client.get("/readyz").status_code == 200)
    paused.go_on.set()
    assert house.ended(job)["status"] == "successful"
    assert house.client.get(f"{job}/results/map").status_code == 200
    assert house.ask(outputs=MAP).status_code == 200


def test_threads_do_not_wait_for_a_server_that_hangs(house, postgres_cluster):
    """More requests than there are threads; none waits for the others."""
    with postgres_cluster.frozen(), ThreadPoolExecutor(24) as pool:
        began = time.monotonic()
        answers = list(pool.map(lambda _: house.client.get("/jobs").status_code, range(24)))
        assert set(answers) == {503}
        assert time.monotonic() - began < 8
    assert house.client.get("/jobs").status_code == 200


def test_who_waits_for_a_map_gets_it_after_a_restart(house, paused, postgres_cluster):
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: house.ask(outputs=MAP))
        assert paused.began.wait(10)
        with stopped(postgres_cluster):
            time.sleep(0.3)
            paused.go_on.set()  # the worker ends its work while nobody can be told
            time.sleep(0.3)
        answer = waiting.result(20)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "image/tiff"), answer.text


def test_away_for_longer_than_a_lease(house, paused, postgres_cluster):
    """The worker stops, because somebody else may have the job; it is begun anew, and published once."""
    job = house.begin(outputs=MAP)
    assert paused.began.wait(10)
    paused.began.clear()
    with stopped(postgres_cluster):
        time.sleep(3.2)  # a beat after the end of the lease
    assert paused.began.wait(10)
    paused.go_on.set()
    assert house.ended(job)["status"] == "successful"
    row = row_of(house, job)
    assert (row.state, row.attempt, row.result) == (State.SUCCESSFUL, 2, row.folder)
    assert house.client.app.state.desk.results.found() == [row.folder]


@pytest.mark.slow
@pytest.mark.parametrize("lease_s", [30.0])  # a job that loses its lease at every restart has failed for good
def test_restarts_again_and_again_under_traffic(house, postgres_cluster):
    """No accepted job is lost, no answer is anything but good or 503."""
    accepted, odd, ending = [], [], threading.Event()

    def ask():
        while not ending.is_set():
            answer = house.ask(prefer="respond-async", outputs={"areas": {}})
            if answer.status_code == 201:
                accepted.append(answer.headers["location"])
            elif answer.status_code not in {503, 429}:
                odd.append(answer.text)
            time.sleep(0.05)

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask) for _ in range(3)]
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            time.sleep(0.7)
            postgres_cluster.stop(how)
            time.sleep(0.3)
            postgres_cluster.start()
        time.sleep(0.5)
        ending.set()
        for one in asking:
            one.result(20)
    assert odd == []
    assert accepted
    wait_for(lambda: house.client.get("/readyz").status_code == 200)  # the last restart may take it a moment
    ended = [house.ended(job) for job in accepted]
    assert [job for job in ended if job["status"] != "successful"] == []

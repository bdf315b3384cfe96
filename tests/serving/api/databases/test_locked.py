"""Somebody else keeps the database locked (F20), and two workers that end one job at the same moment (F28)."""

from __future__ import annotations

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace

import psycopg
import pytest
from starlette.testclient import TestClient

from serving.api.app import create_app
from serving.database.opening import FILE
from serving.jobs.record import State
from serving.work.worker import Worker
from tests.crew import no_overdue, open_test_shop
from tests.serving.api.check import check_problem
from tests.serving.api.databases.conftest import open_houses
from tests.serving.api.ogc.conftest import House, furnish

MAP = {"map": {}}


@pytest.fixture
def furnished(tmp_path, database_settings):
    names = ("database_url", "database_schema")
    chosen = {name: getattr(database_settings, name) for name in names}
    return furnish(tmp_path, database_wait_s=0.3, **chosen)


@contextmanager
def locked(settings):
    """All of SQLite's file, or PostgreSQL's table of jobs."""
    if settings.database_url is None:
        with closing(sqlite3.connect(settings.state / FILE, isolation_level=None)) as stranger:
            stranger.execute("BEGIN EXCLUSIVE")
            yield
        return
    with psycopg.connect(settings.database_url.get_secret_value()) as stranger:
        stranger.execute(f"LOCK TABLE {settings.database_schema}.job IN ACCESS EXCLUSIVE MODE")
        yield


def test_refused_in_time_and_accepted_afterwards(furnished, readers, paused):
    settings, body = furnished
    with ExitStack() as stack:
        (house,) = open_houses(stack, settings, body, readers, 1)
        job = house.begin(outputs=MAP)
        assert paused.began.wait(10)
        with locked(settings):
            began = time.monotonic()
            check_problem(house.ask(prefer="respond-async", outputs=MAP), 503, "store-unavailable", FILE)
            # SQLite's readers wait for nobody.
            assert house.client.get(job).status_code == (200 if settings.database_url is None else 503)
            assert house.client.get("/livez").status_code == 200
            assert time.monotonic() - began < 4
            time.sleep(1.2)  # a renewal of the lease fails, too
        paused.go_on.set()
        assert house.ended(job)["status"] == "successful"
        assert house.ended(house.begin(outputs=MAP))["status"] == "successful"
        assert house.client.app.state.desk.store.get(job.rpartition("/")[2], None).attempt == 1


class Together:
    """A job table in which all who publish do so at the same moment."""

    def __init__(self, store, barrier):
        self._store, self._barrier = store, barrier

    def __getattr__(self, name):
        return getattr(self._store, name)

    def succeed(self, job, fence, result):
        self._barrier.wait(20)
        self._store.succeed(job, fence, result)


def test_two_workers_end_the_same_job_at_once(furnished, readers):
    settings, body = furnished
    barrier = threading.Barrier(2)
    with ExitStack() as stack:
        client = stack.enter_context(TestClient(create_app(settings), raise_server_exceptions=False))
        house = House(client, settings, body)
        job = house.begin(outputs=MAP).rpartition("/")[2]
        workers = []
        for name in ("first", "second"):
            shop = stack.enter_context(open_test_shop(settings, readers))
            shop = replace(shop, store=Together(shop.store, barrier))
            workers.append(Worker(name, shop, report=lambda _report: None, overdue=no_overdue))
        pool = stack.enter_context(ThreadPoolExecutor(2))
        store = client.app.state.desk.store
        steps = [pool.submit(workers[0].step)]
        while barrier.n_waiting == 0:
            time.sleep(0.01)
        with store._writing() as step:  # the first one's lease ends
            step.run("UPDATE job SET lease_ticks = 0 WHERE id = :id", id=job)
        steps.append(pool.submit(workers[1].step))
        assert [step.result(20) for step in steps] == [True, True]
        row = store.get(job, None)
        assert (row.state, row.attempt, row.result) == (State.SUCCESSFUL, 2, f"{job}.2")
        assert client.app.state.desk.results.found() == [row.result]
        assert house.client.get(f"/jobs/{job}/results/map").status_code == 200

"""Named checks with time limits behind ``/readyz``; ``/livez`` waits for none of them."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from serving.api.app import create_app
from serving.database.protocol import StoreUnavailable
from serving.telemetry.readiness import Readiness, Reply, disk_check, store_check, workers_check
from tests.serving.api.check import check_problem


def fails(error):
    def ask():
        raise error

    return ask


@pytest.fixture
def stuck():
    """A check that does not answer before the test ends, and how often it was asked."""
    event, asked = threading.Event(), []

    def ask():
        asked.append(1)
        event.wait(30)
        return "late"

    yield ask, asked
    event.set()


def test_all_are_asked_at_the_same_time():
    readiness = Readiness()
    barrier = threading.Barrier(3, timeout=10)
    for name in "abc":
        readiness.add(name, lambda: str(barrier.wait() >= 0))
    assert asyncio.run(readiness.replies()) == dict.fromkeys("abc", Reply(ready=True, detail="True"))


def test_nothing_to_ask():
    assert asyncio.run(Readiness().replies()) == {}


def test_errors_are_answers(caplog):
    readiness = Readiness()
    readiness.add("database", fails(StoreUnavailable("the database is locked; try again")))
    readiness.add("broken", fails(ValueError("SECRET")))
    replies = asyncio.run(readiness.replies())
    assert replies["database"] == Reply(ready=False, detail="the database is locked; try again")
    assert not replies["broken"].ready
    assert "SECRET" not in replies["broken"].detail
    assert "SECRET" in caplog.text


def test_a_part_that_hangs_holds_one_thread(stuck):
    ask, asked = stuck
    readiness = Readiness()
    readiness.add("slow", ask, limit_s=0.05)
    readiness.add("fast", lambda: "here")

    async def often():
        for _ in range(4):
            started = time.monotonic()
            replies = await readiness.replies()
            assert time.monotonic() - started < 5
            assert replies["slow"] == Reply(ready=False, detail="no answer within 0.05 s")
            assert replies["fast"].ready

    asyncio.run(often())
    assert asked == [1]


def test_a_late_answer_is_taken_by_the_next_who_asks():
    readiness, event = Readiness(), threading.Event()
    readiness.add("slow", lambda: str(event.wait(10)), limit_s=0.05)

    async def twice():
        first = await readiness.replies()
        asyncio.get_running_loop().call_later(0.01, event.set)
        readiness._checks["slow"] = type(readiness._checks["slow"])(readiness._checks["slow"].ask, 10)
        return first["slow"].ready, (await readiness.replies())["slow"].ready

    assert asyncio.run(twice()) == (False, True)


def test_a_check_that_is_added_again_takes_the_place():
    readiness = Readiness()
    readiness.add("model", fails(StoreUnavailable("x")))
    readiness.add("model", lambda: "new")
    assert asyncio.run(readiness.replies())["model"].detail == "new"


def test_disk(tmp_path):
    assert disk_check(tmp_path, 1)() == "has room"
    readiness = Readiness()
    readiness.add("full", disk_check(tmp_path, 10**18))
    readiness.add("gone", disk_check(Path("/nowhere/at/all"), 1))
    replies = asyncio.run(readiness.replies())
    assert "make room" in replies["full"].detail
    assert "nowhere" not in replies["gone"].detail
    assert not any(reply.ready for reply in replies.values())


def test_database_and_workers():
    assert store_check(lambda: {"running": 1})() == "answers"
    assert workers_check(lambda: 2)() == "alive"
    readiness = Readiness()
    readiness.add("workers", workers_check(lambda: 0))
    assert "no worker process" in asyncio.run(readiness.replies())["workers"].detail


def test_a_service_with_a_part_that_hangs_is_alive_but_not_ready(settings, stuck, tmp_path):
    app = create_app(settings)
    app.state.readiness.add("database", stuck[0], limit_s=0.05)
    app.state.readiness.add("workers", workers_check(lambda: 0))
    with TestClient(app) as client:
        detail = check_problem(client.get("/readyz"), 503, "not-ready", tmp_path)
        assert "database: no answer within 0.05 s" in detail
        assert "workers: no worker process is alive" in detail
        assert "model" not in detail
        started = time.monotonic()
        assert client.get("/livez").json() == {"status": "alive"}
        assert time.monotonic() - started < 0.05

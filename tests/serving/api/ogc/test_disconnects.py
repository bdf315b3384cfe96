"""Nobody is worked for who has gone (fault F12), unless a repetition of the request would find the job."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import asynccontextmanager

import pytest

from serving.api.app import create_app
from tests.crew import crewed
from tests.serving.api.ogc.conftest import furnish
from tests.serving.api.wire import Wire, until


@asynccontextmanager
async def running(settings):
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


async def upload(app, body):
    wire = Wire(app, path="/uploads", headers=[("content-type", "image/tiff")])
    wire.send(body, last=True)
    return json.loads((await wire.answer())[2])["href"]


def execute(app, href, *fields, whole=True):
    words = json.dumps({"inputs": {"scene": {"href": href}}, "outputs": {"areas": {}}}).encode()
    headers = [("content-type", "application/json"), *fields]
    wire = Wire(app, path="/processes/classify/execution", headers=headers)
    wire.send(words if whole else words[:20], last=whole)
    return wire


def open_jobs(app):
    return app.state.desk.store.waiting("anonymous")[0]


@pytest.fixture
def place(tmp_path):
    return furnish(tmp_path)


def test_before_the_request_is_whole(place):
    settings, body = place

    async def scenario():
        async with running(settings) as app:
            wire = execute(app, await upload(app, body), whole=False)
            wire.hang_up()
            assert await wire.problem() == (400, "/problems/client-gone")
            assert open_jobs(app) == 0

    asyncio.run(scenario())


def test_while_the_job_waits(place):
    settings, body = place

    async def scenario():
        async with running(settings) as app:
            wire = execute(app, await upload(app, body))
            await until(lambda: open_jobs(app) == 1)
            wire.hang_up()
            assert await wire.problem() == (400, "/problems/client-gone")
            assert open_jobs(app) == 0

    asyncio.run(scenario())


def test_while_the_job_runs(place, readers, held):
    settings, body = place

    async def scenario():
        async with running(settings) as app:
            wire = execute(app, await upload(app, body))
            await until(held.began.is_set)
            wire.hang_up()
            assert await wire.problem() == (400, "/problems/client-gone")
            assert open_jobs(app) == 0
            await until(lambda: not list(settings.scratch.iterdir()))

    with crewed(settings, readers):
        asyncio.run(scenario())


def test_a_job_with_a_key_goes_on(place, readers):
    settings, body = place
    key = ("idempotency-key", "k")

    async def scenario():
        async with running(settings) as app:
            href = await upload(app, body)
            wire = execute(app, href, key)
            await until(lambda: open_jobs(app) == 1)
            wire.hang_up()
            assert await wire.problem() == (400, "/problems/client-gone")
            assert open_jobs(app) == 1
            with crewed(settings, readers):
                status, _, content = await execute(app, href, key).answer()
            assert (status, json.loads(content)["total"]["pixels"]) == (200, 6300)

    asyncio.run(scenario())


def test_waiting_takes_no_thread(place):
    """Many who wait keep nobody else from being answered."""
    settings, body = place
    before = threading.active_count()

    async def scenario():
        async with running(settings) as app:
            href = await upload(app, body)
            wires = [execute(app, href) for _ in range(15)]
            await until(lambda: open_jobs(app) == 15)
            live = Wire(app, method="GET", path="/livez")
            live.send(b"", last=True)
            assert (await live.answer())[0] == 200
            for wire in wires:
                wire.hang_up()
            for wire in wires:
                await wire.problem()
            assert open_jobs(app) == 0

    asyncio.run(scenario())
    assert threading.active_count() <= before + 45

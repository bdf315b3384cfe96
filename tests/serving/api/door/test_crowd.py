"""More requests than there are places: refused at once, before a byte of a body, while /livez answers."""

from __future__ import annotations

import asyncio
import time

from fastapi import FastAPI, Request

from serving.api import problems
from serving.api.door.entrance import Door
from serving.api.door.rules import rules_of
from serving.settings import Settings
from tests.serving.api.wire import Wire, until


def crowded(requests):
    app, go_on = FastAPI(), asyncio.Event()
    app.add_middleware(Door, rules=rules_of(Settings(max_requests=requests)))
    problems.install(app)
    app.state.inside = 0

    @app.post("/work")
    async def work(request: Request):
        app.state.inside += 1
        await go_on.wait()
        return {"bytes": len(await request.body())}

    @app.get("/livez")
    async def livez():
        return {"status": "alive"}

    return app, go_on


def test_places_are_taken_and_given_back():
    async def scenario():
        app, go_on = crowded(3)
        working = [Wire(app, path="/work") for _ in range(3)]
        await until(lambda: app.state.inside == 3)
        for _ in range(5):
            refused = Wire(app, path="/work")
            refused.send(b"", last=True)
            status, headers, _ = await refused.answer()
            assert (status, headers["content-type"]) == (503, "application/problem+json")
            assert int(headers["retry-after"]) > 0
        alive = Wire(app, path="/livez", method="GET")
        assert (await alive.answer())[0] == 200
        go_on.set()
        for wire in working:
            wire.send(b"abc", last=True)
            assert (await wire.answer())[0] == 200
        again = Wire(app, path="/work")
        again.send(b"", last=True)
        assert (await again.answer())[0] == 200

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_refusing_is_quick_and_waits_for_no_body():
    async def scenario():
        app, go_on = crowded(1)
        working = Wire(app, path="/work")
        await until(lambda: app.state.inside == 1)
        took = []
        for _ in range(200):
            began = time.perf_counter()
            refused = Wire(app, path="/work")
            await until(lambda wire=refused: wire.messages)
            took.append(time.perf_counter() - began)
            assert refused.messages[0]["status"] == 503
            refused.hang_up()
            await refused.task
        go_on.set()
        working.send(b"", last=True)
        await working.answer()
        assert sorted(took)[197] < 0.1

    asyncio.run(asyncio.wait_for(scenario(), 60))

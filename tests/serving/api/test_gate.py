"""Few scenes come and wait at a time, the rest is told to come back; and nobody who has gone is worked for."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager

import pytest

from serving.api.app import create_app
from serving.api.gate import Gate
from serving.api.problems import Busy
from tests.crew import crewed
from tests.service import left_in, make_settings
from tests.serving.api.wire import Wire, until


def test_places_are_counted_and_given_back():
    async def scenario():
        gate = Gate(2)
        async with gate.place():
            async with gate.place():
                with pytest.raises(Busy, match=r"2 scenes .* the limit is 2"):
                    async with gate.place():
                        pass
            async with gate.place():
                pass
        with pytest.raises(ZeroDivisionError):
            async with gate.place():
                _ = 1 / 0
        async with gate.place(), gate.place():
            pass

    asyncio.run(scenario())


@asynccontextmanager
async def running(settings):
    """The application between its start and its end, without a server."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app
    assert files_in(settings) == []


def files_in(settings):
    """What came with requests and what was made for them."""
    folders = [settings.state / name for name in ("uploads", "results")] + [settings.scratch]
    return [path for folder in folders for path in left_in(folder) if (folder / path).is_file()]


def test_too_many_are_told_to_come_back(tmp_path, folders, body, readers):
    settings = make_settings(tmp_path, *folders, max_waiting=1)

    async def scenario():
        async with running(settings) as app:
            sending = Wire(app)
            sending.send(body[:500])
            await until(lambda: files_in(settings))
            async with app.state.gate.place():  # a scene is in work
                refused = Wire(app)  # before a byte of its body has come
                status, headers, _ = await refused.answer()
                assert (status, await refused.problem()) == (503, (503, "/problems/busy"))
                assert int(headers["retry-after"]) > 0
                sending.send(body[500:], last=True)  # came in while there was room, but was slow
                assert await sending.problem() == (503, "/problems/busy")
            welcome = Wire(app)
            welcome.send(body, last=True)
            assert (await welcome.answer())[0] == 200

    with crewed(settings, readers):
        asyncio.run(scenario())


def test_a_slow_sender_keeps_nobody_from_working(tmp_path, folders, body, readers):
    settings = make_settings(tmp_path, *folders, max_waiting=2)

    async def scenario():
        async with running(settings) as app:
            slow = Wire(app)
            slow.send(body[:100])
            await until(lambda: files_in(settings))
            quick = Wire(app)
            quick.send(body, last=True)
            assert (await quick.answer())[0] == 200
            slow.send(body[100:], last=True)
            assert (await slow.answer())[0] == 200

    with crewed(settings, readers):
        asyncio.run(scenario())


@pytest.mark.parametrize("path", ["/classify", "/uploads"])
@pytest.mark.parametrize("sent", [b"", b"II*\0"], ids=["nothing", "a little"])
def test_a_body_that_stops_coming(tmp_path, folders, sent, path):
    settings = make_settings(tmp_path, *folders, upload_grace_s=0.05)

    async def scenario():
        async with running(settings) as app:
            silent = Wire(app, path=path)
            if sent:
                silent.send(sent)
            assert await silent.problem() == (408, "/problems/upload-too-slow")

    asyncio.run(scenario())


def test_a_body_that_drips(tmp_path, folders):
    settings = make_settings(tmp_path, *folders, upload_grace_s=0.1, upload_min_rate=1000)

    async def scenario():
        async with running(settings) as app:
            slow = Wire(app)
            while not slow.task.done():
                slow.send(b"x")
                await asyncio.sleep(0.01)
            assert await slow.problem() == (408, "/problems/upload-too-slow")

    asyncio.run(asyncio.wait_for(scenario(), 60))


@pytest.mark.parametrize("path", ["/classify", "/uploads"])
def test_a_client_that_hangs_up_while_sending(tmp_path, folders, body, path):
    settings = make_settings(tmp_path, *folders)

    async def scenario():
        async with running(settings) as app:
            gone = Wire(app, path=path)
            gone.send(body[:500])
            gone.hang_up()
            assert await gone.problem() == (400, "/problems/client-gone")

    asyncio.run(scenario())


def test_a_client_that_hangs_up_while_its_scene_is_in_work(tmp_path, folders, body, monkeypatch, readers):
    settings = make_settings(tmp_path, *folders, max_waiting=1)
    started, stopped = threading.Event(), threading.Event()

    def endless(*_args, progress, **_keywords):
        started.set()
        try:
            while not stopped.wait(0.01):
                progress(1, 2)
        finally:
            stopped.set()

    async def scenario():
        async with running(settings) as app:
            with monkeypatch.context() as patch:
                patch.setattr("serving.work.performing.classify_scene", endless)
                gone = Wire(app)
                gone.send(body, last=True)
                await until(started.is_set)
                gone.hang_up()
                assert await gone.problem() == (400, "/problems/client-gone")
                await until(stopped.is_set)
            welcome = Wire(app)
            welcome.send(body, last=True)
            assert (await welcome.answer())[0] == 200

    with crewed(settings, readers):
        asyncio.run(scenario())


def test_a_client_that_hangs_up_before_its_turn(tmp_path, folders, body, monkeypatch, readers):
    settings = make_settings(tmp_path, *folders)
    started, go_on, seen = threading.Event(), threading.Event(), []

    def waiting(inputs, *_args, **_keywords):
        seen.append(inputs.source)
        started.set()
        go_on.wait(20)
        raise ZeroDivisionError

    async def scenario():
        async with running(settings) as app:
            monkeypatch.setattr("serving.work.performing.classify_scene", waiting)
            first, second = Wire(app), Wire(app)
            first.send(body, last=True)
            await until(started.is_set)
            second.send(body, last=True)
            store = app.state.desk.store
            await until(lambda: store.waiting("anonymous")[0] == 2)
            second.hang_up()
            assert await second.problem() == (400, "/problems/client-gone")
            go_on.set()
            assert await first.problem() == (500, "/problems/internal")
            assert len(seen) == 1

    with crewed(settings, readers):
        asyncio.run(scenario())

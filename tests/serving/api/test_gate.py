"""Few work, some wait, the rest is told to come back; and nobody who has gone is worked for."""

from __future__ import annotations

import asyncio
import threading

import pytest

from serving.api.app import create_app
from serving.api.gate import Gate
from serving.api.problems import Busy
from tests.service import left_in, make_settings
from tests.serving.api.wire import Wire, until


def test_places_are_counted_and_given_back():
    async def scenario():
        gate = Gate(1, 1)
        async with gate.place():
            async with gate.place():
                with pytest.raises(Busy, match=r"2 scenes .* the limit is 2"):
                    async with gate.place():
                        pass
            async with gate.place():
                pass
        with pytest.raises(ZeroDivisionError):
            async with gate.place(), gate.turn():
                _ = 1 / 0
        async with gate.place(), gate.turn():
            pass

    asyncio.run(scenario())


def test_turns_are_taken_one_after_the_other():
    async def scenario():
        gate, working, most = Gate(2, 10), 0, 0

        async def work():
            nonlocal working, most
            async with gate.place(), gate.turn():
                working += 1
                most = max(most, working)
                await asyncio.sleep(0.001)
                working -= 1

        await asyncio.gather(*(work() for _ in range(12)))
        assert (working, most) == (0, 2)

    asyncio.run(scenario())


def test_too_many_are_told_to_come_back(tmp_path, folders, body):
    settings = make_settings(tmp_path, *folders, max_waiting=0)

    async def scenario():
        app = create_app(settings)
        silent = Wire(app)
        await until(lambda: left_in(settings.scratch))
        refused = Wire(app)
        refused.send(body, last=True)
        status, headers, _ = await refused.answer()
        assert (status, await refused.problem()) == (503, (503, "/problems/busy"))
        assert int(headers["retry-after"]) > 0
        silent.hang_up()
        assert await silent.problem() == (400, "/problems/client-gone")
        welcome = Wire(app)
        welcome.send(body, last=True)
        assert (await welcome.answer())[0] == 200

    asyncio.run(scenario())
    assert left_in(settings.scratch) == []


def test_a_slow_sender_keeps_nobody_from_working(tmp_path, folders, body):
    settings = make_settings(tmp_path, *folders, max_waiting=1)

    async def scenario():
        app = create_app(settings)
        slow = Wire(app)
        slow.send(body[:100])
        await until(lambda: left_in(settings.scratch))
        quick = Wire(app)
        quick.send(body, last=True)
        assert (await quick.answer())[0] == 200
        slow.send(body[100:], last=True)
        assert (await slow.answer())[0] == 200

    asyncio.run(scenario())
    assert left_in(settings.scratch) == []


@pytest.mark.parametrize("sent", [b"", b"II*\0"], ids=["nothing", "a little"])
def test_a_body_that_stops_coming(tmp_path, folders, sent):
    settings = make_settings(tmp_path, *folders, upload_grace_s=0.05)

    async def scenario():
        silent = Wire(create_app(settings))
        if sent:
            silent.send(sent)
        assert await silent.problem() == (408, "/problems/upload-too-slow")

    asyncio.run(scenario())
    assert left_in(settings.scratch) == []


def test_a_body_that_drips(tmp_path, folders):
    settings = make_settings(tmp_path, *folders, upload_grace_s=0.1, upload_min_rate=1000)

    async def scenario():
        slow = Wire(create_app(settings))
        while not slow.task.done():
            slow.send(b"x")
            await asyncio.sleep(0.01)
        assert await slow.problem() == (408, "/problems/upload-too-slow")

    asyncio.run(asyncio.wait_for(scenario(), 60))
    assert left_in(settings.scratch) == []


def test_a_client_that_hangs_up_while_sending(tmp_path, folders, body):
    settings = make_settings(tmp_path, *folders)

    async def scenario():
        gone = Wire(create_app(settings))
        gone.send(body[:500])
        gone.hang_up()
        assert await gone.problem() == (400, "/problems/client-gone")

    asyncio.run(scenario())
    assert left_in(settings.scratch) == []


def test_a_client_that_hangs_up_while_its_scene_is_in_work(tmp_path, folders, body, monkeypatch):
    settings = make_settings(tmp_path, *folders, max_waiting=0)
    started, stopped = threading.Event(), threading.Event()

    def endless(*_args, progress):
        started.set()
        try:
            while not stopped.wait(0.01):
                progress(1, 2)
        finally:
            stopped.set()

    async def scenario():
        app = create_app(settings)
        with monkeypatch.context() as patch:
            patch.setattr("serving.api.classify.classify_scene", endless)
            gone = Wire(app)
            gone.send(body, last=True)
            await until(started.is_set)
            gone.hang_up()
            await asyncio.wait_for(gone.task, 60)
        assert stopped.is_set()
        welcome = Wire(app)
        welcome.send(body, last=True)
        assert (await welcome.answer())[0] == 200

    asyncio.run(scenario())
    assert left_in(settings.scratch) == []


def test_a_client_that_hangs_up_before_its_turn(tmp_path, folders, body, monkeypatch):
    settings = make_settings(tmp_path, *folders)
    started, go_on, scenes = threading.Event(), threading.Event(), []

    def waiting(inputs, *_args, **_keywords):
        scenes.append(inputs.source)
        started.set()
        go_on.wait(60)
        raise ZeroDivisionError

    async def scenario():
        app = create_app(settings)
        monkeypatch.setattr("serving.api.classify.classify_scene", waiting)
        first, second = Wire(app), Wire(app)
        first.send(body, last=True)
        await until(started.is_set)
        second.send(body, last=True)
        await until(lambda: len([path for path in left_in(settings.scratch) if path.endswith(".tif")]) == 2)
        second.hang_up()
        await asyncio.sleep(0.05)
        go_on.set()
        assert await second.problem() == (400, "/problems/client-gone")
        with pytest.raises(ZeroDivisionError):
            await first.task
        assert len(scenes) == 1

    asyncio.run(scenario())
    assert left_in(settings.scratch) == []

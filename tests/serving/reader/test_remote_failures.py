"""What goes wrong with a host is said as that, whatever the reader made of it; and nobody waits for ever."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest

from landcover.raster.scene import open_scene
from serving.fetch.errors import SourceChanged, SourceTooLarge, Upstream, UpstreamTimeout
from serving.reader import lanes
from serving.reader.errors import ReaderEnded, ReadingLimit
from serving.reader.pieces import BLOCK, Lanes, PiecedFile, files_of
from serving.reader.pool import ReaderPool
from serving.reader.process import Reader
from serving.reader.supply import Supply
from tests.bundles import BANDS
from tests.service import scene_numbers, write_scene
from tests.serving.reader.conftest import TERMS, channels, children
from tests.serving.reader.hosted import PATIENT, hosted, options
from tests.websites import quick, ranged, raw, reply


@pytest.fixture
def path(tmp_path):
    shape = {"compress": "deflate", "tiled": True, "blockxsize": 64, "blockysize": 64}
    return write_scene(tmp_path / "scene.tif", scene_numbers(300, 320), **shape)


class Switch:
    """A host that serves a file well until a test says what it does instead."""

    def __init__(self):
        self.instead = self.good = None

    def __call__(self, content):
        self.good = ranged(content)
        return self.answer

    def answer(self, handler):
        (self.instead or self.good)(handler)


@contextmanager
def opened(pool, world, path, folder, *, budget=None):
    """A far scene, and the switch of its host."""
    switch = Switch()
    with hosted(world, path, folder, route=switch, budget=budget) as there:
        opener = pool.with_files(there.sources)
        with opener.scene(there.place, bands_wanted=BANDS, **options()) as scene:
            yield scene, switch, there


def silent(handler):
    """Say nothing until the other end goes."""
    handler.connection.settimeout(20)
    handler.connection.recv(1)


@pytest.mark.parametrize(
    ("instead", "kind", "words"),
    [
        (reply(status=503), Upstream, "status 503"),
        (raw(b"HTTP/1.1 206 Partial Content\r\nContent-"), Upstream, "broke off"),
        (reply(b"x" * 10, status=206, headers={"Content-Range": "bytes 0-9/10"}), SourceChanged, "replaced"),
        (ranged(b"y" * 10_000, etag='"two"'), SourceChanged, "replaced"),
        (reply(b"", status=412), SourceChanged, "replaced"),
        (reply(status=404), Exception, "has nothing"),
    ],
)
def test_a_host_that_fails_is_what_is_said(pool, world, tmp_path, path, instead, kind, words):
    with opened(pool, world, path, tmp_path, budget=quick(**PATIENT | {"tries": 2})) as (scene, switch, _):
        switch.instead = instead
        for _ in range(2):
            with pytest.raises(kind, match=words):
                scene.read(scene.grid.extent)
        switch.instead = None  # too late: what was decoded since may be anything
        with pytest.raises(kind, match=words):
            scene.read(scene.grid.extent)


def test_a_spent_budget_of_bytes_is_said(pool, world, tmp_path, path):
    with (
        opened(pool, world, path, tmp_path, budget=quick(**PATIENT | {"max_bytes": 100_000})) as (scene, *_),
        pytest.raises(SourceTooLarge, match="100,000 bytes"),
    ):
        scene.read(scene.grid.extent)


def test_a_spent_budget_of_time_is_said(pool, world, tmp_path, path):
    with opened(pool, world, path, tmp_path, budget=quick(**PATIENT | {"idle_s": 0.3, "tries": 1})) as (
        scene,
        switch,
        _,
    ):
        switch.instead = silent
        with pytest.raises(UpstreamTimeout):
            scene.read(scene.grid.extent)


@pytest.mark.parametrize("kind", ["scene", "mask"])
def test_a_host_that_fails_from_the_beginning(pool, world, tmp_path, path, kind):
    switch = Switch()
    with hosted(world, path, tmp_path, route=switch, budget=quick(**PATIENT | {"tries": 1})) as there:
        switch.instead = reply(status=500)
        opener, grid = pool.with_files(there.sources), _grid(path)
        begin = {
            "scene": partial(opener.scene, there.place, bands_wanted=BANDS, **options()),
            "mask": partial(opener.mask, there.place, grid, bands=None),
        }[kind]
        with pytest.raises(Upstream, match="status 500"):
            begin()


def _grid(path):
    with open_scene(path, bands_wanted=BANDS) as scene:
        return scene.grid


def test_waiting_for_a_host_does_not_count_as_reading(pool, world, tmp_path, path):
    """The reader has a second for an answer; its host sleeps longer than that before one of the pieces."""

    def late(handler):
        time.sleep(1.2)
        switch.instead = None
        switch.good(handler)

    with opened(pool, world, path, tmp_path) as (scene, switch, _):
        scene.reader._terms = replace(TERMS, call_s=1)
        switch.instead = late
        started = time.monotonic()
        assert scene.read(scene.grid.extent).valid.any()
        assert time.monotonic() - started > 1.2


def test_a_reader_that_does_not_take_what_it_asked_for_is_ended(world, tmp_path, path):
    with (
        ReaderPool(TERMS, spare=0) as pool,
        hosted(world, path, tmp_path) as there,
        pool.with_files(there.sources).scene(there.place, bands_wanted=BANDS, **options()) as scene,
    ):
        scene.reader._terms = replace(TERMS, call_s=0.5)
        os.kill(scene.reader.pid, signal.SIGSTOP)
        with pytest.raises(ReadingLimit):
            scene.read(scene.grid.extent)


def test_nobody_waits_for_a_silent_host_when_fetching_is_stopped(pool, world, tmp_path, path):
    with opened(pool, world, path, tmp_path) as (scene, switch, there), ThreadPoolExecutor(1) as threads:
        switch.instead = silent
        block = threads.submit(scene.read, scene.grid.extent)
        time.sleep(0.3)
        started = time.monotonic()
        there.budget.stop()
        assert isinstance(block.exception(timeout=5), UpstreamTimeout)
        assert time.monotonic() - started < 2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_reader_that_dies_while_a_host_is_waited_for(world, tmp_path, path, number):
    before = children(), channels(), threading.active_count()
    with (
        ReaderPool(TERMS, spare=0) as pool,
        ThreadPoolExecutor(1) as threads,
        opened(pool, world, path, tmp_path) as (scene, switch, there),
    ):
        switch.instead = silent
        block = threads.submit(scene.read, scene.grid.extent)
        time.sleep(0.3)
        started = time.monotonic()
        os.kill(scene.reader.pid, number)
        assert isinstance(block.exception(timeout=5), ReaderEnded)
        assert time.monotonic() - started < 2
        there.budget.stop()
    world.close()
    assert (children(), channels(), threading.active_count()) == before


def test_stopping_all_reading_ends_those_who_wait_for_hosts(world, tmp_path, path):
    with (
        ReaderPool(TERMS, spare=0) as pool,
        ThreadPoolExecutor(1) as threads,
        opened(pool, world, path, tmp_path) as (scene, switch, there),
    ):
        switch.instead = silent
        block = threads.submit(scene.read, scene.grid.extent)
        time.sleep(0.3)
        pool.stop_reading()
        assert isinstance(block.exception(timeout=5), ReaderEnded)
        there.budget.stop()


class Held:
    """A source in memory."""

    identity = "0" * 64

    def __init__(self, content, error=None):
        self._content, self._error = content, error
        self.size = len(content)

    def read(self, offset, length):
        if self._error:
            raise self._error
        return self._content[offset : offset + length]


@contextmanager
def supplying(*sources):
    """A supply, what it says of nonsense, and the reader's end of a lane."""
    nonsense = []
    supply = Supply(dict(enumerate(sources)), lambda: nonsense.append(1))
    theirs = [socket.socket(fileno=os.dup(channel.fileno())) for channel in supply.theirs]
    supply.sent()
    try:
        yield supply, nonsense, theirs
    finally:
        for channel in theirs:
            channel.close()
        supply.close()
        assert not [thread for thread in threading.enumerate() if thread.name == "steppe-bytes"]


@pytest.mark.parametrize(
    "question",
    [
        (1, 0, 1),
        (2**32 - 1, 0, 1),
        (0, 0, 0),
        (0, 0, 101),
        (0, 100, 1),
        (0, 2**64 - 1, 1),
        (0, 2**64 - 1, 2**32 - 1),
        (0, 0, lanes.MAX_PIECE + 1),
    ],
)
def test_questions_that_cannot_be_are_not_answered(question):
    with supplying(Held(bytes(100))) as (_, nonsense, theirs):
        with pytest.raises(OSError, match=r"gone|reset|pipe"):
            lanes.ask(theirs[0], *question)
        assert nonsense == [1]
        assert lanes.ask(theirs[1], 0, 99, 1) == b"\0"


def test_half_a_question_is_none():
    with supplying(Held(bytes(100))) as (_, nonsense, theirs):
        theirs[0].sendall(b"\0" * 7)
        theirs[0].close()
        assert lanes.ask(theirs[1], 0, 0, 100) == bytes(100)
        assert nonsense == []


def test_after_one_failure_nothing_comes_and_the_failure_stays():
    with supplying(Held(bytes(100), Upstream("gone", retry_after_s=7, status=503)), Held(bytes(100))) as (
        supply,
        nonsense,
        theirs,
    ):
        for number in (0, 1):
            with pytest.raises(OSError, match="does not come"):
                lanes.ask(theirs[0], number, 0, 1)
        one, other = supply.failure, supply.failure
        assert one is not other
        assert (str(one), one.retry_after_s, one.status) == ("gone", 7, 503)
        assert nonsense == []


def test_a_reader_whose_host_failed_is_not_believed(pool):
    reader = pool.take()
    reader._supply = Supply({}, reader.refuse)
    reader._supply._failure = Upstream("gone")
    with pytest.raises(Upstream, match="gone"):
        reader.ask(object, {"do": "nothing"})
    reader.close()


def test_pieces_are_whole_files_again():
    content = bytes(range(256)) * 40_000
    with supplying(Held(content)) as (_, _, theirs):
        file = PiecedFile(Lanes(theirs), 0, size=len(content), identity="")
        for offset, length in (
            (0, 10),
            (BLOCK - 1, 2),
            (5, BLOCK),
            (0, len(content)),
            (len(content) - 3, 10),
            (len(content), 1),
            (7, lanes.MAX_PIECE + 3),
        ):
            assert file.read(offset, length) == content[offset : offset + length]
        assert not file.failed


def test_a_file_that_failed_asks_no_more():
    with supplying(Held(bytes(100), Upstream("gone"))) as (_, _, theirs):
        file = PiecedFile(Lanes(theirs), 0, size=100, identity="")
        for _ in range(2):
            with pytest.raises(OSError, match="not come"):
                file.read(0, 10)
        assert file.failed


def test_a_question_without_far_files_takes_no_lanes():
    assert files_of([], []) == {}


def test_no_reader_starts_with_lanes():
    reader = Reader.start(TERMS)
    assert reader._supply is None
    reader.close()


def test_a_source_that_was_closed_is_said():
    with supplying(Held(bytes(100), ValueError("closed"))) as (supply, _, theirs):
        with pytest.raises(OSError, match="does not come"):
            lanes.ask(theirs[0], 0, 0, 1)
        assert "cannot be read any more" in str(supply.failure)

"""The account of one request: several threads may wait at a time, and nobody waits for what nobody wants."""

import threading
import time

import pytest

from serving.fetch.budget import Budget, Limits
from serving.fetch.errors import Upstream, UpstreamTimeout
from serving.fetch.line import patiently
from serving.fetch.watch import Watch
from tests.websites import quick, ranged


def test_time_that_several_wait_counts_once():
    watch, ready = Watch(), threading.Barrier(4)

    def wait():
        ready.wait()
        with watch.running():
            time.sleep(0.2)

    threads = [threading.Thread(target=wait) for _ in range(4)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.2 <= watch.seconds <= time.monotonic() - started
    before = watch.seconds
    time.sleep(0.05)
    assert watch.seconds == before
    with watch.running():
        time.sleep(0.05)
        assert watch.seconds >= before + 0.05


def test_nothing_begins_once_it_is_stopped():
    budget = Budget(Limits())
    budget.stop()
    with pytest.raises(UpstreamTimeout, match="stopped"):
        patiently(budget, lambda _until: 1)


def test_stopping_ends_a_pause_and_tries_no_more():
    budget, tried = Budget(Limits(backoff_s=4)), []

    def attempt(_until):
        tried.append(1)
        threading.Timer(0.1, budget.stop).start()
        raise Upstream("busy", passing=True)

    started = time.monotonic()
    with pytest.raises(Upstream):
        patiently(budget, attempt)
    assert time.monotonic() - started < 1.5
    assert len(tried) <= 2


def test_stopping_ends_waiting_for_an_answer(world, tmp_path):
    def silent(handler):
        handler.connection.settimeout(20)
        handler.connection.recv(1)

    site = world.site(routes={"/a.tif": silent})
    budget = quick(seconds=30, idle_s=20)
    threading.Timer(0.2, budget.stop).start()
    started = time.monotonic()
    with pytest.raises(UpstreamTimeout):
        world.fetcher().open(site.url("/a.tif"), tmp_path / "whole", budget)
    assert time.monotonic() - started < 2


def test_two_threads_that_read_on_take_few_requests_each(world, tmp_path):
    content = bytes(range(256)) * 4096 * 4  # 4 MiB
    site = world.site(routes={"/a.tif": ranged(content)})
    with world.fetcher().open(site.url("/a.tif"), tmp_path / "whole", quick(seconds=20)) as source:
        half, step = len(content) // 2, 40_000
        for at in range(0, half, step):
            for start in (at, half + at):
                assert source.read(start, step) == content[start : start + step]
    assert len(site.asked) < 20

"""Requests of several tasks, joined into calls of threads."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from serving.batching.batcher import Batcher
from serving.batching.errors import DeadlinePassed, Draining, QueueFull
from serving.batching.protocol import Limits, Observer
from tests.serving.batching.runners import Clock, Costly, Gated, Runner, windows


class Recorder(Observer):
    """Remembers what it was told."""

    def __init__(self):
        self.calls, self.reasons, self.waits, self.depths = [], [], [], []

    def waiting(self, requests, pixels):
        self.depths.append((requests, pixels))

    def waited(self, seconds):
        self.waits.append(seconds)

    def ran(self, windows, filled, pixels, seconds):
        assert seconds >= 0
        self.calls.append((windows, filled, pixels))

    def refused(self, reason):
        self.reasons.append(reason)


def run(test, runner, limits=None, **options):
    """Run a test with a batcher, which is closed after it."""
    batcher = Batcher(runner, limits, **options)
    try:
        return asyncio.run(asyncio.wait_for(test(batcher), 60))
    finally:
        batcher.close()
        assert not any(thread.is_alive() for thread in batcher._threads)


async def settle():
    """Let what has been submitted be announced."""
    for _ in range(5):
        await asyncio.sleep(0)


async def blocked(batcher, runner):
    """A request that runs and does not end until the gate opens."""
    task = asyncio.create_task(batcher.submit(windows(value=900), owner="blocker"))
    await asyncio.to_thread(runner.arrived.acquire)
    return task


def test_requests_that_come_together_run_together():
    runner, recorder = Runner(), Recorder()

    async def test(batcher):
        return await asyncio.gather(*(batcher.submit(windows(value=index)) for index in range(8)))

    answers = run(test, runner, observer=recorder)
    assert [answer[0, 0, 0, 0] for answer in answers] == list(range(8))
    assert runner.calls == [list(range(8))]
    assert recorder.calls == [(8, 0, 8 * 1024)]
    assert len(recorder.waits) == 8
    assert recorder.depths[-1] == (0, 0)


def test_requests_that_come_while_the_model_is_busy_form_the_next_call():
    runner = Gated()

    async def test(batcher):
        first = await blocked(batcher, runner)
        others = [asyncio.create_task(batcher.submit(windows(value=index))) for index in range(5)]
        await settle()
        runner.gate.set()
        await asyncio.gather(first, *others)

    run(test, runner)
    assert runner.calls[0] == [900]
    assert runner.calls[1] == [0, 1, 2, 3]
    assert runner.calls[2] == [4]


def test_free_threads_share_what_waits():
    runner = Gated(parallel=2)

    async def test(batcher):
        await asyncio.to_thread(time.sleep, 0.05)  # both threads wait
        tasks = [asyncio.create_task(batcher.submit(windows(value=index))) for index in range(8)]
        for _ in range(2):
            await asyncio.to_thread(runner.arrived.acquire)
        runner.gate.set()
        await asyncio.gather(*tasks)

    run(test, runner)
    assert sorted(map(len, runner.calls)) == [4, 4]


def test_a_lone_request_never_waits():
    async def test(batcher):
        for _ in range(50):
            await batcher.submit(windows())

    started = time.monotonic()
    run(test, Runner(parallel=2), Limits(wait_s=60))
    assert time.monotonic() - started < 10


def test_waits_a_little_for_those_who_usually_come():
    runner = Runner()

    async def test(batcher):
        batcher._usual, batcher._turnaround_s = 16.0, 60.0
        first = asyncio.create_task(batcher.submit(windows(value=1)))
        await settle()
        await asyncio.to_thread(time.sleep, 0.05)
        assert runner.calls == []
        await asyncio.gather(first, *(batcher.submit(windows(value=2)) for _ in range(11)))

    run(test, runner, Limits(wait_s=60))
    assert runner.calls == [[1, *[2] * 11]]


def test_waits_no_longer_than_allowed():
    async def test(batcher):
        batcher._usual, batcher._turnaround_s = 1000.0, 60.0
        await batcher.submit(windows())

    started = time.monotonic()
    run(test, Runner(), Limits(wait_s=0.05))
    assert 0.05 <= time.monotonic() - started < 10


def test_a_request_with_many_windows_takes_several_calls():
    runner, many = Runner(parallel=2), windows(150)
    answer = run(lambda batcher: batcher.submit(many), runner)
    assert np.array_equal(answer[:, 0], many[:, 0].astype(np.float32))
    assert max(map(len, runner.calls)) <= 64
    assert sum(map(len, runner.calls)) >= 150


def test_with_batching_off_every_window_runs_alone():
    runner = Runner()

    async def test(batcher):
        await asyncio.gather(*(batcher.submit(windows(2)) for _ in range(4)))

    run(test, runner, Limits(sizes=(1,)))
    assert [len(call) for call in runner.calls] == [1] * 8


def test_windows_that_the_model_refuses_fail_their_own_request_only():
    runner = Runner()

    async def test(batcher):
        values = (1, 666, 3)
        return await asyncio.gather(*(batcher.submit(windows(value=value)) for value in values), return_exceptions=True)

    first, second, third = run(test, runner)
    assert (first[0, 0, 0, 0], third[0, 0, 0, 0]) == (1, 3)
    assert isinstance(second, ValueError)


def test_an_overview_reaches_the_model():
    answer = run(lambda batcher: batcher.submit(windows(value=1), overview_1BHW=np.ones((1, 1))), Runner())
    assert answer[0, 0, 0, 0] == 2


def test_a_full_queue_refuses_and_says_when_to_come_back():
    runner, recorder = Gated(), Recorder()

    async def test(batcher):
        batcher._rate.add(1024, 1.0)
        first = await blocked(batcher, runner)
        tasks = [asyncio.create_task(batcher.submit(windows(), owner="flood")) for _ in range(4)]
        await settle()
        batcher.check_room("other", 4096)
        for refused in (lambda: batcher.check_room("flood"), lambda: batcher.check_room("other", 8192)):
            with pytest.raises(QueueFull, match="send it again") as raised:
                refused()
        assert raised.value.retry_after_s == 12
        with pytest.raises(QueueFull):
            await batcher.submit(windows(), owner="flood")
        runner.gate.set()
        await asyncio.gather(first, *tasks)

    run(test, runner, Limits(queue_pixels=8192, queue_requests=8), observer=recorder)
    assert recorder.reasons == ["queue-full"] * 3


def test_one_owner_does_not_keep_another_waiting():
    runner = Gated()

    async def test(batcher):
        first = await blocked(batcher, runner)
        flood = [asyncio.create_task(batcher.submit(windows(value=1, side=256), owner="flood")) for _ in range(10)]
        await settle()
        other = asyncio.create_task(batcher.submit(windows(value=2, side=256), owner="other"))
        await settle()
        runner.gate.set()
        await asyncio.gather(first, *flood, other)

    run(test, runner)
    assert [2] in runner.calls[:3]


def test_what_is_too_late_does_not_run():
    runner, recorder, clock = Gated(), Recorder(), Clock()

    async def test(batcher):
        first = await blocked(batcher, runner)
        late = asyncio.create_task(batcher.submit(windows(value=1), deadline=clock.now + 100))
        kept = asyncio.create_task(batcher.submit(windows(value=2), deadline=clock.now + 300))
        await settle()
        clock.now += 200
        runner.gate.set()
        with pytest.raises(DeadlinePassed):
            await late
        await asyncio.gather(first, kept)

    run(test, runner, observer=recorder, clock=clock)
    assert runner.calls == [[900], [2]]
    assert recorder.reasons == ["inference-deadline"]


@pytest.mark.parametrize("running", [True, False])
def test_a_deadline_passes_while_the_model_is_busy(running):
    runner = Gated()

    async def test(batcher):
        first = None if running else await blocked(batcher, runner)
        with pytest.raises(DeadlinePassed, match="in time"):
            await batcher.submit(windows(), deadline=time.monotonic() + 0.05)
        runner.gate.set()
        if first:
            await first

    run(test, runner)
    assert len(runner.calls) == 1


def test_what_nobody_waits_for_does_not_run():
    runner, recorder = Gated(), Recorder()

    async def test(batcher):
        first = await blocked(batcher, runner)
        gone = asyncio.create_task(batcher.submit(windows(value=1)))
        await settle()
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert batcher._queue.requests == 0
        runner.gate.set()
        await first

    run(test, runner, observer=recorder)
    assert runner.calls == [[900]]
    assert recorder.reasons == ["cancelled"]


def test_closing_answers_what_waits_and_refuses_what_comes():
    runner = Gated()

    async def test(batcher):
        first = await blocked(batcher, runner)
        waiting = asyncio.create_task(batcher.submit(windows(value=1)))
        await settle()
        batcher.drain()
        with pytest.raises(Draining):
            await batcher.submit(windows())
        with pytest.raises(Draining):
            batcher.check_room()
        runner.gate.set()
        return [answer[0, 0, 0, 0] for answer in await asyncio.gather(first, waiting)]

    assert run(test, runner) == [900, 1]


def test_answers_for_a_loop_that_has_ended_are_dropped():
    runner = Gated()
    batcher = Batcher(runner)

    async def test():
        task = asyncio.create_task(batcher.submit(windows()))
        await asyncio.to_thread(runner.arrived.acquire)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(test())
    runner.gate.set()
    batcher.close()
    assert runner.calls == [[0]]


def test_many_clients_of_several_loops_get_their_own_answers():
    runner = Runner(parallel=3)
    batcher = Batcher(runner)

    async def client(index):
        for turn in range(10):
            value = 10 * index + turn
            answer = await batcher.submit(windows(1 + turn % 3, value=value), owner=str(index % 4))
            assert answer[:, 0, 0, 0].tolist() == list(range(value, value + 1 + turn % 3))

    async def clients(start):
        await asyncio.gather(*(client(start + index) for index in range(20)))

    async def both():
        await asyncio.gather(*(asyncio.to_thread(asyncio.run, clients(start)) for start in (0, 20)))

    asyncio.run(both())
    batcher.close()
    assert (batcher._queue.pixels, batcher._inside) == (0, 0)


@pytest.mark.parametrize(("call_s", "window_s", "beside"), [(10, 0.1, False), (0.1, 10, True)])
def test_a_call_waits_for_another_where_most_of_each_is_the_same(call_s, window_s, beside):
    clock = Clock()
    runner = Costly(clock, call_s=call_s, window_s=window_s, parallel=2)
    runner.gate.set()

    async def test(batcher):
        for count in (1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8):
            await batcher.submit(windows(count))
        runner.gate.clear()
        while runner.arrived.acquire(blocking=False):
            pass
        first = await blocked(batcher, runner)
        others = [asyncio.create_task(batcher.submit(windows(value=index))) for index in (10, 11, 12)]
        await settle()
        assert await asyncio.to_thread(runner.arrived.acquire, timeout=60 if beside else 0.2) is beside
        runner.gate.set()
        await asyncio.gather(first, *others)

    run(test, runner, Limits(wait_s=0), clock=clock)
    if not beside:
        assert runner.calls[-1] == [10, 11, 12]
    assert sorted(number for call in runner.calls[-3:] for number in call)[-4:] == [10, 11, 12, 900]


def test_one_call_alone_is_not_split_where_most_of_it_is_the_same():
    clock = Clock()
    runner = Costly(clock, call_s=10, window_s=0.1, parallel=2)
    runner.gate.set()

    async def test(batcher):
        for count in (1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8):
            await batcher.submit(windows(count))
        await batcher.submit(windows(8, value=100))

    run(test, runner, Limits(wait_s=0), clock=clock)
    assert runner.calls[-1] == list(range(100, 108))

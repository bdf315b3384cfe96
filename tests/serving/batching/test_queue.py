"""Who is next, and who may wait."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.batching.jobs import Call, Job
from serving.batching.protocol import Limits
from serving.batching.queue import FairQueue
from tests.serving.batching.runners import windows

PIXELS = 32 * 32


@pytest.fixture(scope="module")
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def job(loop, owner="a", count=1, *, side=32, overview=None):
    return Job(windows(count, side=side), owner, loop.create_future(), 10.0, 0.0, overview)


def served(queue, pixels):
    """Pixels of each owner in the next calls, until so many pixels have run."""
    found = Counter()
    while found.total() < pixels and (first := queue.first()) is not None:
        most = queue._limits.most_windows(first.window_pixels)
        for fellow in queue.fellows(first, most):
            share = queue.take(fellow, min(most, fellow.waiting))
            found[fellow.owner] += len(share) * fellow.window_pixels
            most -= len(share)
            if not most:
                break
    return found


def test_owners_share_the_model_evenly_whatever_each_sends(loop):
    queue = FairQueue(Limits(call_pixels=4 * PIXELS))
    for _ in range(100):
        queue.add(job(loop, "flood"))
    for _ in range(4):
        queue.add(job(loop, "large", side=128))
    found = served(queue, 80 * PIXELS)
    assert abs(found["flood"] - found["large"]) <= 16 * PIXELS + 4 * PIXELS


@given(
    sends=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([32, 64]), st.integers(1, 5)), min_size=1),
)
def test_everything_runs_once_and_counts_end_at_zero(loop, sends):
    queue = FairQueue(Limits(call_pixels=8 * PIXELS, queue_pixels=10**9, queue_requests=10**6))
    for owner, side, count in sends:
        queue.add(job(loop, owner, count, side=side))
    expected = Counter()
    for owner, side, count in sends:
        expected[owner] += side * side * count
    assert served(queue, 10**9) == expected
    assert (queue.pixels, queue.requests, list(queue), queue.first()) == (0, 0, [], None)


def test_a_call_that_an_owner_cannot_fill_is_filled_by_others_of_the_same_shape(loop):
    queue = FairQueue(Limits())
    first, other, small = job(loop, "a", side=64), job(loop, "b", side=32), job(loop, "c", side=64)
    for entry in (first, other, small):
        queue.add(entry)
    assert queue.first() is first
    assert queue.fellows(first, 16) == [first, small]


def test_windows_with_an_overview_of_their_own_run_alone(loop):
    overview = windows()
    queue = FairQueue(Limits())
    first, second = job(loop, "a", 2, overview=overview), job(loop, "a", overview=overview)
    queue.add(first)
    queue.add(second)
    assert queue.fellows(first, 16) == [first]


def test_who_ran_ahead_of_its_turn_owes_that_when_it_comes_back(loop):
    queue = FairQueue(Limits(call_pixels=PIXELS))
    queue.add(job(loop, "big", side=128))
    served(queue, 1)
    for _ in range(20):
        queue.add(job(loop, "small"))
    queue.add(job(loop, "big", side=128))
    assert served(queue, 8 * PIXELS) == {"small": 8 * PIXELS}


def test_one_owner_gets_half_of_the_room_and_leaves_some_for_others(loop):
    queue = FairQueue(Limits(queue_pixels=8 * PIXELS, queue_requests=100))
    while queue.has_room("a", PIXELS):
        queue.add(job(loop, "a"))
    assert queue.pixels == 4 * PIXELS
    assert queue.has_room("b", 4 * PIXELS)
    assert not queue.has_room("b", 5 * PIXELS)


def test_requests_are_bounded_however_small(loop):
    queue = FairQueue(Limits(queue_requests=4))
    for owner in "ab":
        queue.add(job(loop, owner))
    assert queue.has_room("c", PIXELS)
    assert queue.has_room("a", PIXELS)
    queue.add(job(loop, "a"))
    assert not queue.has_room("a", PIXELS)


def test_what_is_dropped_does_not_wait(loop):
    queue = FairQueue(Limits())
    gone, stays = job(loop, "a"), job(loop, "a")
    queue.add(gone)
    queue.add(stays)
    queue.drop(gone)
    queue.drop(gone)
    assert list(queue) == [stays]
    assert (queue.pixels, queue.requests) == (PIXELS, 1)


@pytest.mark.parametrize(
    ("waiting", "size"),
    [(1, 1), (5, 4), (6, 6), (7, 8), (10, 8), (11, 12), (15, 16), (29, 32), (40, 32), (60, 64), (99, 64)],
)
def test_sizes_of_calls_are_few_and_hardly_filled_up(waiting, size):
    limits = Limits(call_pixels=64 * PIXELS)
    assert limits.size_for(waiting, PIXELS) == size


def test_large_windows_run_alone():
    assert Limits().most_windows(256 * 256) == 1
    assert Limits().most_windows(1024 * 1024) == 1
    assert Limits(sizes=(1,)).most_windows(PIXELS) == 1


def test_a_filled_up_call_repeats_its_last_window(loop):
    queue = FairQueue(Limits())
    one = job(loop, "a", 3)
    queue.add(one)
    call = Call((queue.take(one, 3),), 4)
    assert call.joined()[:, 0, 0, 0].tolist() == [0, 1, 2, 2]
    assert (call.windows, call.pixels) == (3, 3 * PIXELS)


def test_windows_of_one_request_are_not_copied(loop):
    queue = FairQueue(Limits())
    one = job(loop, "a", 3)
    queue.add(one)
    assert Call((queue.take(one, 2),), 2).joined().base is one.dn_NBHW

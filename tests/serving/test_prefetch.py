"""Prefetching keeps order, bounds and errors, and never leaves a thread behind."""

import threading
import time
from contextlib import closing

import pytest

from serving.prefetch import prefetch


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "steppe-prefetch"]


def test_items_come_in_order_and_the_thread_ends():
    assert list(prefetch(range(100), depth=3)) == list(range(100))
    assert threads() == []


def test_the_producer_runs_ahead_but_only_so_far():
    made = []

    def produce():
        for index in range(20):
            made.append(index)
            yield index

    with closing(prefetch(produce(), depth=2)) as items:
        assert next(items) == 0
        deadline = time.monotonic() + 5
        while len(made) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.05)
        assert made == [0, 1, 2]  # one taken, two ahead


def test_an_error_arrives_after_the_items_before_it():
    def produce():
        yield 1
        raise ValueError("broken strip")

    items = prefetch(produce(), depth=5)
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken strip"):
        next(items)
    assert threads() == []


def test_closing_early_closes_the_producer_too():
    closed = threading.Event()

    def produce():
        try:
            yield from iter(int, 1)
        finally:
            closed.set()

    with closing(prefetch(produce(), depth=1)) as items:
        next(items)
    assert closed.is_set()
    assert threads() == []

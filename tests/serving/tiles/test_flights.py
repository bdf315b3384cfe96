"""What several ask for is computed once."""

import asyncio

import pytest

from serving.tiles.cache import ByteCache
from serving.tiles.flights import Flights


class Kitchen:
    """Computes squares when it may, and remembers what it was asked."""

    def __init__(self):
        self.asked, self.spent, self.cancelled = [], 0, 0
        self.may = asyncio.Event()
        self.error = None

    async def compute(self, keys):
        self.asked.append(tuple(keys))
        try:
            await self.may.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error
        return {key: key * key for key in keys}

    def spend(self, count):
        self.spent += count


def make(limit=100, size=2):
    return Flights(ByteCache(limit, lambda _: 1), size)


def run(work):
    return asyncio.run(work)


def test_concurrent_requests_share_what_they_have_in_common():
    async def work():
        flights, kitchen = make(), Kitchen()
        first = asyncio.create_task(flights.get([1, 2, 3], kitchen.compute, kitchen.spend))
        second = asyncio.create_task(flights.get([2, 3, 4], kitchen.compute, kitchen.spend))
        await asyncio.sleep(0)
        kitchen.may.set()
        assert await first == {1: 1, 2: 4, 3: 9}
        assert await second == {2: 4, 3: 9, 4: 16}
        assert kitchen.asked == [(1, 2), (3,), (4,)]
        assert kitchen.spent == 4
        assert await flights.get([1, 4], kitchen.compute, kitchen.spend) == {1: 1, 4: 16}
        assert kitchen.spent == 4

    run(work())


def test_who_goes_takes_nothing_away_from_others():
    async def work():
        flights, kitchen = make(), Kitchen()
        first = asyncio.create_task(flights.get([1], kitchen.compute, kitchen.spend))
        second = asyncio.create_task(flights.get([1], kitchen.compute, kitchen.spend))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        kitchen.may.set()
        assert await second == {1: 1}
        assert kitchen.cancelled == 0

    run(work())


def test_what_nobody_waits_for_is_cancelled_and_begins_anew():
    async def work():
        flights, kitchen = make(), Kitchen()
        task = asyncio.create_task(flights.get([1], kitchen.compute, kitchen.spend))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        again = asyncio.create_task(flights.get([1], kitchen.compute, kitchen.spend))  # before the first one has ended
        await asyncio.sleep(0.01)
        assert kitchen.cancelled == 1
        kitchen.may.set()
        assert await again == {1: 1}

    run(work())


def test_an_error_is_everybodys_and_is_not_kept():
    async def work():
        flights, kitchen = make(), Kitchen()
        kitchen.error = ValueError("no")
        kitchen.may.set()
        answers = await asyncio.gather(
            *(flights.get([1, 2, 3], kitchen.compute, kitchen.spend) for _ in range(2)), return_exceptions=True
        )
        assert [type(answer) for answer in answers] == [ValueError, ValueError]
        kitchen.error = None
        assert await flights.get([1], kitchen.compute, kitchen.spend) == {1: 1}

    run(work())


def test_who_may_not_ask_for_more_computes_nothing():
    async def work():
        flights, kitchen = make(), Kitchen()

        def refuse(_count):
            raise ValueError("no more")

        with pytest.raises(ValueError, match="no more"):
            await flights.get([1], kitchen.compute, refuse)
        assert kitchen.asked == []

    run(work())


def test_a_cache_holds_its_limit():
    cache = ByteCache(10, len)
    for key in "abcd":
        cache.put(key, key * 4)
    assert [cache.get(key) for key in "abcd"] == [None, None, "cccc", "dddd"]
    cache.get("c")
    cache.put("e", "e")
    cache.put("f", "ffff")
    assert cache.get("c") == "cccc"
    assert cache.get("d") is None
    assert cache.bytes == 9
    cache.put("g", "g" * 11)
    assert (len(cache), cache.bytes) == (0, 0)
    cache.put("h", "h")
    cache.clear()
    assert cache.get("h") is None

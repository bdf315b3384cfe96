"""Compute what several ask for once: whoever comes while it is on its way waits for the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from typing import Any

from serving.tiles.cache import ByteCache


class _Flight[Key: Hashable, Value]:
    """Some values on their way.

    Attributes:
        task: answers them.
        waiters: requests that wait for it.
    """

    def __init__(self, task: asyncio.Task[Mapping[Key, Value]]) -> None:
        self.task, self.waiters = task, 0


class Flights[Key: Hashable, Value]:
    """Values that are kept, on their way, or to be computed; for one event loop.

    Args:
        cache: where they are kept.
        size: how many are computed together.
    """

    def __init__(self, cache: ByteCache[Key, Value], size: int) -> None:
        self._cache, self._size = cache, size
        self._flights: dict[Key, _Flight[Key, Value]] = {}

    async def get(
        self,
        keys: Sequence[Key],
        compute: Callable[[Sequence[Key]], Coroutine[Any, Any, Mapping[Key, Value]]],
        spend: Callable[[int], None],
    ) -> dict[Key, Value]:
        """Values of some keys.

        Args:
            keys: which.
            compute: answers some; it runs on when whoever asked first goes, and is cancelled when nobody waits.
            spend: told how many are about to be computed, before any is; may refuse.

        Raises:
            Exception: whatever ``compute`` or ``spend`` raises.
        """
        found = {key: value for key in keys if (value := self._cache.get(key)) is not None}
        missing = [key for key in keys if key not in found]
        new = [key for key in missing if key not in self._flights]
        if new:
            spend(len(new))
        for first in range(0, len(new), self._size):
            self._start(new[first : first + self._size], compute)
        for flight in dict.fromkeys(self._flights[key] for key in missing):
            flight.waiters += 1
        flights = list(dict.fromkeys(self._flights[key] for key in missing))
        try:
            for flight in flights:
                # Waiting for it like this does not cancel it when this request is cancelled.
                await asyncio.wait([flight.task])
                found |= flight.task.result()
        finally:
            for flight in flights:
                flight.waiters -= 1
                if not flight.waiters and flight.task.cancel():
                    self._forget(flight)
        return {key: found[key] for key in keys}

    def _start(
        self, keys: Sequence[Key], compute: Callable[[Sequence[Key]], Coroutine[Any, Any, Mapping[Key, Value]]]
    ) -> None:
        flight = _Flight(asyncio.get_running_loop().create_task(compute(keys)))
        for key in keys:
            self._flights[key] = flight
        flight.task.add_done_callback(lambda task: self._land(flight, task))

    def _forget(self, flight: _Flight[Key, Value]) -> None:
        """Let nobody join it any more."""
        for key in [key for key, other in self._flights.items() if other is flight]:
            del self._flights[key]

    def _land(self, flight: _Flight[Key, Value], task: asyncio.Task[Mapping[Key, Value]]) -> None:
        self._forget(flight)
        if task.cancelled() or task.exception() is not None:
            return
        for key, value in task.result().items():
            self._cache.put(key, value)

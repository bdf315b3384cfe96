"""Let a few requests work, a few wait, and refuse the rest at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from serving.api.problems import Busy


class Gate:
    """A bounded queue in front of expensive work.

    A request first takes a place, sends its body, and then waits for its turn: a slow sender keeps a place, never the
    turn to work.

    Args:
        concurrent: how many may work at the same time.
        waiting: how many more may wait or still be sending.
    """

    def __init__(self, concurrent: int, waiting: int) -> None:
        self._slots = asyncio.Semaphore(concurrent)
        self._limit = concurrent + waiting
        self._inside = 0

    @asynccontextmanager
    async def place(self) -> AsyncGenerator[None]:
        """Hold a place.

        Raises:
            Busy: when all places are taken.
        """
        if self._inside >= self._limit:
            raise Busy(f"{self._inside} scenes are in work or waiting, the limit is {self._limit}; try again later")
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait for the turn to work, and hold it."""
        async with self._slots:
            yield

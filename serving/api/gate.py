"""Let a few senders wait for the map of their scene, and refuse the rest at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from serving.api.problems import Busy


class Gate:
    """A bounded number of places for scenes whose sender waits for the map.

    A scene that is still being sent has none: clients that send slowly would take all of them.

    Args:
        places: how many.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._inside = 0

    def check(self) -> None:
        """Refuse a scene before it is sent.

        Raises:
            Busy: when all places are taken.
        """
        if self._inside >= self._places:
            raise Busy(f"{self._inside} scenes are in work or waiting, the limit is {self._places}; try again later")

    @asynccontextmanager
    async def place(self) -> AsyncGenerator[None]:
        """Hold a place.

        Raises:
            Busy: when all places are taken.
        """
        self.check()
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

"""Let a few bodies come and wait for their answer, and refuse the rest at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from serving.api.problems import Busy


class Gate:
    """A bounded number of places for scenes that are being sent, or whose sender waits for the map.

    Args:
        places: how many.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._inside = 0

    @asynccontextmanager
    async def place(self) -> AsyncGenerator[None]:
        """Hold a place.

        Raises:
            Busy: when all places are taken.
        """
        if self._inside >= self._places:
            raise Busy(f"{self._inside} scenes are in work or waiting, the limit is {self._places}; try again later")
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

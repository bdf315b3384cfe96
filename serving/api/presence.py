"""Notice that nobody waits for an answer any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request

from serving.api.problems import ClientGone


class Presence:
    """Whether the client is still there; asked from the thread that works for it."""

    def __init__(self) -> None:
        self._gone = threading.Event()

    def check(self, _done: int = 0, _total: int = 0) -> None:
        """Stop the work of a client that has gone; has the form of a progress callback.

        Raises:
            ClientGone: when it has.
        """
        if self._gone.is_set():
            raise ClientGone("the connection closed before the answer was ready; the work was stopped")

    async def watch(self, request: Request) -> None:
        """Wait until the connection closes."""
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self._gone.set()


@asynccontextmanager
async def watch(request: Request) -> AsyncIterator[Presence]:
    """Watch the connection of a request whose body has been read."""
    presence = Presence()
    watcher = asyncio.create_task(presence.watch(request))
    try:
        yield presence
    finally:
        watcher.cancel()

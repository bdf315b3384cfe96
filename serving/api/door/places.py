"""How many requests may be in the service, those left out that only keep a connection."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from serving.api.problems import Busy


class Places:
    """So many of them; used by one event loop.

    Args:
        count: how many.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self.taken = 0

    def take(self) -> None:
        """Take one.

        Raises:
            Busy: when there is none.
        """
        if self.taken >= self._count:
            raise Busy(f"{self.taken} requests are in the service, the limit is {self._count}; try later")
        self.taken += 1


class Place:
    """The place of one request, held in a ``with`` block, unless it is away.

    Hundreds of clients that send or take a byte a second cost a connection each, which have a limit of their own. They
    must not keep others out, so whoever waits for such a client is away meanwhile.

    Args:
        places: where it is taken; None for a request that needs none.
    """

    def __init__(self, places: Places | None) -> None:
        self._places, self._held = places, False

    def __enter__(self) -> Self:
        self._take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    @contextmanager
    def away(self) -> Generator[None]:
        """Give the place back meanwhile.

        Raises:
            Busy: there is none to come back to.
        """
        held = self._held
        self.leave()
        yield
        if held:
            self._take()

    def leave(self) -> None:
        """Give the place back for good."""
        if self._held and self._places is not None:
            self._places.taken -= 1
        self._held = False

    def _take(self) -> None:
        if self._places is not None:
            self._places.take()
        self._held = True

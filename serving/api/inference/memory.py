"""How many bytes requests and their answers may hold together."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from serving.api.problems import InferenceTooLarge
from serving.batching.errors import QueueFull

RETRY_AFTER_S = 5


class Memory:
    """What all requests hold; used by one event loop.

    Args:
        limit: bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.held = 0

    def check(self, size: int) -> None:
        """See whether there is room for bytes.

        Raises:
            QueueFull: there is no room for them.
            InferenceTooLarge: there never will be.
        """
        if size > self._limit:
            raise InferenceTooLarge(
                f"the request and its answer take {size:,} bytes, the limit is {self._limit:,}; send fewer windows"
            )
        if self.held + size > self._limit:
            raise QueueFull(
                f"requests in work hold {self.held:,} bytes, which leaves no room for the {size:,} of yours; send it "
                f"again in {RETRY_AFTER_S} s",
                RETRY_AFTER_S,
            )

    def take(self, size: int) -> None:
        """Count bytes; raises what ``check`` raises."""
        self.check(size)
        self.held += size

    def give_back(self, size: int) -> None:
        """Count bytes no more."""
        self.held -= size


class Hold:
    """What one request holds; given back at the end of the ``with`` block."""

    def __init__(self, memory: Memory) -> None:
        self._memory, self._size = memory, 0

    def check(self, size: int) -> None:
        """See whether more could be held; raises what ``add`` raises."""
        self._memory.check(size)

    def add(self, size: int) -> None:
        """Hold more.

        Raises:
            QueueFull: there is no room for it.
        """
        self._memory.take(size)
        self._size += size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._memory.give_back(self._size)

"""Why readers ended early, kept until somebody tells it: metrics count them."""

from __future__ import annotations

from collections import deque


class Deaths:
    """Words for what ended readers: ``time``, ``processor``, ``killed``, ``nonsense`` or ``failed``.

    Threads may share it.
    """

    def __init__(self) -> None:
        self._causes: deque[str] = deque()

    def add(self, cause: str) -> None:
        """A reader has ended before it had answered."""
        self._causes.append(cause)

    def take(self) -> tuple[str, ...]:
        """Those since the last time."""
        return tuple(self._causes.popleft() for _ in range(len(self._causes)))

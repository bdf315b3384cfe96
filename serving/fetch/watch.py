"""How long something went on that several threads do at the same time: the time on the wall, not its sum."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic


class Watch:
    """Runs while anybody does it. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._doing, self._since, self._past = 0, 0.0, 0.0

    @property
    def seconds(self) -> float:
        """How long, so far."""
        with self._lock:
            return self._past + (monotonic() - self._since if self._doing else 0.0)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time of a ``with`` block."""
        with self._lock:
            if not self._doing:
                self._since = monotonic()
            self._doing += 1
        try:
            yield
        finally:
            with self._lock:
                self._doing -= 1
                if not self._doing:
                    self._past += monotonic() - self._since

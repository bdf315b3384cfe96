"""How much may be fetched, and how long it may take; the account is shared by all that belongs to one request."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from serving.fetch.errors import SourceTooLarge, UpstreamTimeout
from serving.fetch.watch import Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may spend on fetching.

    Attributes:
        max_bytes: bytes of all answers, decoded.
        seconds: time in which hosts are waited for, by one thread or by several; time between two reads does not count.
        idle_s: seconds a host may be silent, and an answer late by the pace of ``min_rate``.
        connect_s: seconds for resolving, connecting and the TLS handshake, each.
        min_rate: slowest pace of an answer, bytes per second.
        tries: how often an exchange is begun before its failure is the answer.
        backoff_s: pause before the second try; doubled before each further one.
    """

    max_bytes: int = 1024**3
    seconds: float = 300.0
    idle_s: float = 10.0
    connect_s: float = 5.0
    min_rate: float = 16 * 1024
    tries: int = 3
    backoff_s: float = 0.25


class Budget:
    """A running account. Threads may share it.

    Args:
        limits: what may be spent.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._lock = threading.Lock()
        self._bytes = 0
        self._watch = Watch()
        self._stopped = threading.Event()

    @property
    def bytes_spent(self) -> int:
        """Bytes fetched."""
        return self._bytes

    @property
    def bytes_left(self) -> int:
        """Bytes that may still be fetched."""
        return max(self.limits.max_bytes - self._bytes, 0)

    @property
    def stopped(self) -> bool:
        """Whether nobody wants the rest."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Spend nothing any more: who waits for a host gets ``UpstreamTimeout`` within a quarter of a second."""
        self._stopped.set()

    def pause(self, seconds: float) -> None:
        """Wait, but not for what nobody wants."""
        self._stopped.wait(seconds)

    def take(self, count: int) -> None:
        """Account for bytes that came.

        Raises:
            SourceTooLarge: when they are more than what is left.
        """
        with self._lock:
            self._bytes += count
            spent = self._bytes
        if spent > self.limits.max_bytes:
            raise SourceTooLarge(self._too_large())

    def check_size(self, size: int) -> None:
        """Refuse what would not fit, before it comes.

        Raises:
            SourceTooLarge: with the limit.
        """
        if size > self.bytes_left:
            raise SourceTooLarge(self._too_large())

    def _too_large(self) -> str:
        limit = self.limits.max_bytes
        return f"a request may fetch {limit:,} bytes, and this is more; give a smaller or tiled source"

    @contextmanager
    def waiting(self) -> Iterator[float]:
        """Account for the time of a ``with`` block; gives the moment (monotonic clock) at which time is up.

        Raises:
            UpstreamTimeout: when no time is left at all, or it was stopped.
        """
        if self.stopped:
            raise UpstreamTimeout("fetching was stopped, because nobody wants it any more")
        left = self.limits.seconds - self._watch.seconds
        if left <= 0:
            raise self.exhausted()
        with self._watch.running():
            yield time.monotonic() + left

    def exhausted(self) -> UpstreamTimeout:
        """The error of a budget without time."""
        return UpstreamTimeout(
            f"fetching took longer than the {self.limits.seconds:g} seconds a request may wait for other hosts; "
            "try again later, or upload the file"
        )

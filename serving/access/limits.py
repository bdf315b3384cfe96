"""How much a key may ask for: pixels per minute, and jobs that wait or run."""

from __future__ import annotations

import math
import threading
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from serving.access.principal import Principal
from serving.access.refusals import QuotaExceeded, QuotaTooSmall, TooManyJobs


class PixelLimiter:
    """Counts the pixels of every key over the last minute.

    Counted are pixels and not requests, because one request may be a window and another a whole scene. Two counters
    for each key stand for the last sixty seconds, the one before by its share of them: a list of requests would grow
    with every one, or with every pixel.

    Args:
        pixels_per_minute: limit of keys that have none of their own; None = no limit.
    """

    def __init__(self, pixels_per_minute: int | None) -> None:
        self._default = pixels_per_minute
        self._storage = MemoryStorage()
        self._counters = SlidingWindowCounterRateLimiter(self._storage)
        self._turn = threading.Lock()

    def spend(self, who: Principal, pixels: int) -> None:
        """Count pixels that are about to be computed. Takes microseconds; safe from several threads.

        Raises:
            QuotaExceeded: when they are more than what is left for now; none are counted.
            QuotaTooSmall: when they are more than a whole minute's.
        """
        limit = who.pixels_per_minute or self._default
        if limit is None or pixels <= 0:
            return
        if pixels > limit:
            raise QuotaTooSmall(
                f"the request has {pixels:,} pixels, and this key may ask for {limit:,} per minute; ask for a smaller "
                "area, or for a key with a higher limit"
            )
        item = RateLimitItemPerMinute(limit)
        with self._turn:
            if self._counters.hit(item, who.id, cost=pixels):
                return
            wait_s = self._wait_s(item, who.id, pixels)
        raise QuotaExceeded(
            f"this key may ask for {limit:,} pixels per minute, and {pixels:,} more are too many now, because what it "
            f"asked for counts less and less for up to two minutes; try again in {wait_s} s",
            wait_s,
        )

    def _wait_s(self, item: RateLimitItemPerMinute, owner: str, pixels: int) -> int:
        """Seconds until the pixels fit: the minute before counts less with every second, then this one does."""
        window_s, now = item.get_expiry(), time.time()
        previous, _, current, _ = self._storage.get_sliding_window(item.key_for(owner), window_s)
        passed_s = now % window_s
        room = item.amount - pixels
        if current <= room:  # then it is the minute before that is in the way
            return max(1, math.ceil(window_s - passed_s - window_s * (room - current) / previous))
        return math.ceil(window_s - passed_s + window_s * (1 - room / current))


def check_jobs(who: Principal, unfinished: int, default: int) -> None:
    """Check that one more job may be accepted.

    Args:
        who: asks for it.
        unfinished: how many of its jobs wait or run.
        default: limit of keys that have none of their own.

    Raises:
        TooManyJobs: when it has as many as it may.
    """
    limit = who.max_jobs or default
    if unfinished >= limit:
        raise TooManyJobs(
            f"{unfinished} jobs of this key wait or run, the limit is {limit}; wait until one has ended, or dismiss one"
        )

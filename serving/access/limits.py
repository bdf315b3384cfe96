"""How much a key may ask for: pixels per minute, and jobs that wait or run."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from typing import Final, Protocol

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from serving.access.principal import Principal
from serving.access.refusals import QuotaExceeded, QuotaTooSmall, TooManyJobs

HELD_AGAINST_S: Final = 3600.0
"""Seconds for which pixels count that were not known when they were asked for."""

_MINUTE_S: Final = 60.0


class Extra(Protocol):
    """Pixels that were mapped without having been counted."""

    @property
    def pixels(self) -> int:
        """How many."""

    @property
    def age_s(self) -> float:
        """Seconds since that is known."""


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

    def limit_of(self, who: Principal) -> int | None:
        """Pixels per minute of a key; None = no limit."""
        return who.pixels_per_minute or self._default

    def spend(self, who: Principal, pixels: int, extras: Sequence[Extra] = ()) -> None:
        """Count pixels that are about to be computed. Takes microseconds; safe from several threads.

        Args:
            who: asks for them.
            pixels: how many; 0 = not known yet, which is refused when nothing is left.
            extras: what this key has had beyond what was counted, oldest first: it is in the way until it is worked
                off at the key's limit.

        Raises:
            QuotaExceeded: when they are more than what is left for now; none are counted.
            QuotaTooSmall: when they are more than a whole minute's.
        """
        limit = self.limit_of(who)
        if limit is None:
            return
        pixels = max(pixels, 1)
        if pixels > limit:
            raise QuotaTooSmall(
                f"the request has {pixels:,} pixels, and this key may ask for {limit:,} per minute; ask for a smaller "
                "area, or for a key with a higher limit"
            )
        item = RateLimitItemPerMinute(limit)
        debt = _debt(extras, limit)
        with self._turn:
            if self._counters.test(item, who.id, cost=pixels + debt) and self._counters.hit(item, who.id, cost=pixels):
                return
            fits = self._counters.test(item, who.id, cost=pixels)
            wait_s = max(0 if fits else self._wait_s(item, who.id, pixels), math.ceil(_MINUTE_S * debt / limit))
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


def _debt(extras: Sequence[Extra], limit: int) -> int:
    """What is left of pixels that were not counted, of which a minute takes away the limit."""
    left, before_s = 0.0, math.inf
    for extra in extras:
        left = max(0.0, left - limit * (before_s - extra.age_s) / _MINUTE_S) + extra.pixels
        before_s = extra.age_s
    return math.ceil(max(0.0, left - limit * before_s / _MINUTE_S))


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

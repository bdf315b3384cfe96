"""Pixels per minute, and unfinished jobs."""

from __future__ import annotations

import pytest

from serving.access.limits import PixelLimiter, check_jobs
from serving.access.principal import Principal
from serving.access.refusals import QuotaExceeded, QuotaTooSmall, TooManyJobs
from serving.jobs.store import Extra


def somebody(name="a", **changes):
    return Principal(id=name, scopes=frozenset(), **changes)


@pytest.fixture
def clock(monkeypatch):
    """The time of day; what counts, and what asks, have one clock."""

    class Clock:
        s = 1_000_000_000.0 - 1_000_000_000.0 % 60

    clock = Clock()
    monkeypatch.setattr("time.time", lambda: clock.s)
    return clock


def test_pixels_are_counted_for_each_key(clock):
    limiter = PixelLimiter(1000)
    limiter.spend(somebody(), 600)
    limiter.spend(somebody(), 400)
    with pytest.raises(QuotaExceeded, match="1,000 pixels per minute"):
        limiter.spend(somebody(), 1)
    limiter.spend(somebody("b"), 1000)
    assert clock.s


def test_limits_of_its_own_and_none():
    limiter = PixelLimiter(10)
    limiter.spend(somebody(pixels_per_minute=1_000_000_000), 999_999_999)
    with pytest.raises(QuotaTooSmall, match="5 per minute"):
        limiter.spend(somebody("b", pixels_per_minute=5), 6)
    PixelLimiter(None).spend(somebody(), 10**12)
    limiter.spend(somebody("c"), 0)


@pytest.mark.parametrize(("first", "at_s", "more"), [(1000, 0, 1), (1000, 59, 500), (600, 30, 500), (1000, 10, 1000)])
def test_who_waits_as_long_as_told_comes_in(clock, first, at_s, more):
    limiter = PixelLimiter(1000)
    clock.s += at_s
    limiter.spend(somebody(), first)
    with pytest.raises(QuotaExceeded) as caught:
        limiter.spend(somebody(), more)
    wait_s = caught.value.retry_after_s
    assert 0 < wait_s <= 120
    clock.s += wait_s
    limiter.spend(somebody(), more)


@pytest.mark.parametrize("more", [100, 400, 1000])
def test_and_who_waits_in_the_second_minute(clock, more):
    limiter = PixelLimiter(1000)
    limiter.spend(somebody(), 1000)
    clock.s += 62
    with pytest.raises(QuotaExceeded) as caught:
        limiter.spend(somebody(), more)
    clock.s += caught.value.retry_after_s
    limiter.spend(somebody(), more)


def test_never_more_than_two_limits_in_any_minute(clock):
    limiter, spent = PixelLimiter(1000), []
    for _ in range(600):
        clock.s += 0.7
        try:
            limiter.spend(somebody(), 90)
        except QuotaExceeded:
            continue
        spent.append(clock.s)
    worst = max(sum(90 for other in spent if moment <= other < moment + 60) for moment in spent)
    assert 900 <= worst <= 1500


@pytest.mark.parametrize("pixels", [0, 400, 1000])
@pytest.mark.parametrize("counted", [0, 700])
def test_what_was_not_counted_is_worked_off_at_the_limit(clock, pixels, counted):
    """The oracle: 1500 pixels half a minute ago and 1000 now are 2000 at 1000 a minute."""
    limiter, began_s = PixelLimiter(1000), clock.s
    if counted:
        limiter.spend(somebody(), counted)

    def extras():
        return [Extra(1500, 30 + clock.s - began_s), Extra(1000, clock.s - began_s)]

    with pytest.raises(QuotaExceeded) as caught:
        limiter.spend(somebody(), pixels, extras())
    assert 120 <= caught.value.retry_after_s <= 121
    clock.s += caught.value.retry_after_s
    limiter.spend(somebody(), pixels, extras())


def test_what_was_not_counted_long_ago_is_in_nobodys_way(clock):
    limiter = PixelLimiter(1000)
    limiter.spend(somebody(), 1000, [Extra(1000, 3000.0), Extra(1500, 90.0)])
    assert clock.s


def test_unfinished_jobs():
    check_jobs(somebody(), 19, 20)
    with pytest.raises(TooManyJobs, match="the limit is 20"):
        check_jobs(somebody(), 20, 20)
    check_jobs(somebody(max_jobs=50), 20, 20)
    with pytest.raises(TooManyJobs, match="the limit is 1;"):
        check_jobs(somebody(max_jobs=1), 1, 20)

"""The heart: leases are renewed whatever the work does, and their loss is noticed."""

from __future__ import annotations

import threading
import time

import pytest

from landcover.errors import DiskFull
from serving.database.protocol import StoreUnavailable
from serving.jobs.store import LeaseLost
from serving.work import heart as module
from serving.work.heart import Heart


class Table:
    """Renewals, and what comes of them."""

    def __init__(self, *errors):
        self.renewed, self._errors = [], list(errors)

    def renew(self, job, fence, seconds, *, progress, message):
        self.renewed.append((job, fence, seconds, progress, message))
        error = self._errors.pop(0) if self._errors else None
        if error is not None:
            raise error


class Leased:
    id, fence, folder = "job", 3, "job.3"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "BEAT_S", 0.02)
    monkeypatch.setattr(module, "GRACE_S", 0.1)


@pytest.fixture
def told():
    return {"lost": threading.Event(), "overdue": threading.Event(), "stopping": threading.Event()}


def make(table, told, lease_s=30.0):
    return Heart(
        table, Leased(), lease_s, stopping=told["stopping"], lost=told["lost"].set, overdue=told["overdue"].set
    )


def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_it_beats_while_the_work_is_busy(told):
    table = Table()
    with make(table, told) as heart:
        heart.say(12.7, "mapping")
        until(lambda: len(table.renewed) >= 3)
        assert table.renewed[-1] == ("job", 3, 30.0, 12, "mapping")
        heart.check()
    after = len(table.renewed)
    time.sleep(0.1)
    assert len(table.renewed) == after
    assert not any(event.is_set() for event in told.values())


def test_progress_never_goes_back_and_is_no_100_before_the_end(told):
    table = Table()
    with make(table, told) as heart:
        for percent in (50, 20, 250):
            heart.say(percent, "x")
        until(lambda: table.renewed)
        assert table.renewed[-1][3] == 99


def test_a_lost_lease_stops_the_work(told):
    with make(Table(None, LeaseLost("gone")), told) as heart:
        assert told["lost"].wait(10)
        assert heart.lost
        for step in (heart.check, lambda: heart.say(1, "x")):
            with pytest.raises(LeaseLost):
                step()
    assert not told["overdue"].is_set()


def test_work_that_does_not_stop_is_overdue(told):
    with make(Table(LeaseLost("gone")), told):
        assert told["overdue"].wait(10)


@pytest.mark.parametrize("error", [StoreUnavailable("away"), DiskFull("full"), ZeroDivisionError("surprise")])
def test_a_table_that_is_away_is_borne_for_a_lease(told, error):
    table = Table(*[error] * 3)
    with make(table, told) as heart:
        until(lambda: len(table.renewed) >= 5)
        assert not heart.lost


@pytest.mark.parametrize("error", [StoreUnavailable("away"), DiskFull("full")])
def test_a_table_that_is_away_for_longer_is_a_lost_lease(told, error):
    with make(Table(*[error] * 1000), told, lease_s=0.1) as heart:
        assert told["lost"].wait(10)
        assert heart.lost


def test_what_cannot_be_stopped_does_not_keep_the_rest_from_it(told):
    ended = threading.Event()

    def broken():
        raise RuntimeError("cannot be stopped")

    with make(Table(None, LeaseLost("gone")), told) as heart, heart.ending(broken), heart.ending(ended.set):
        assert ended.wait(10)
        assert told["overdue"].wait(10)


def test_a_process_that_is_to_end_stops_the_work(told):
    with make(Table(), told) as heart:
        told["stopping"].set()
        with pytest.raises(LeaseLost):
            heart.check()
        assert not heart.lost
    assert not told["lost"].is_set()


def test_errors_of_the_work_pass(told):
    with pytest.raises(ZeroDivisionError), make(Table(), told):
        _ = 1 / 0

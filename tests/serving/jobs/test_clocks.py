"""Clocks that are set, systems that boot (F17)."""

import re

import pytest

from serving.jobs import clock as clocks
from serving.jobs.record import State
from serving.jobs.store import LeaseLost
from serving.jobs.table import JobTable
from tests.serving.jobs.fakes import accept

HOUR = 3600


@pytest.mark.parametrize("step", [HOUR, -HOUR, 40 * 365 * 24 * HOUR])
def test_leases_and_deadlines_do_not_mind_the_clock_on_the_wall(table, clock, step):
    job = accept(table, deadline_s=100)
    table.lease("w", 60)
    clock.set_wall(step)
    assert table.lease("x", 60) is None
    table.renew(job.id, 1, 60)
    clock.pass_by(61)
    assert table.lease("x", 60).fence == 2
    clock.pass_by(40)
    with pytest.raises(LeaseLost):
        table.renew(job.id, 2, 60)
    assert table.get(job.id, None).problem["type"] == "/problems/deadline"


def test_after_a_reboot_nobody_holds_anything(table, clock):
    job = accept(table)
    table.lease("w", 1_000_000)
    clock.reboot()
    again = table.lease("x", 60)
    assert (again.id, again.fence) == (job.id, 2)


@pytest.mark.parametrize(("seconds", "state"), [(5, State.ACCEPTED), (15, State.FAILED)])
def test_after_a_reboot_a_deadline_is_read_from_the_wall(table, clock, seconds, state):
    job = accept(table, deadline_s=10)
    clock.pass_by(seconds)
    clock.reboot()
    table.expire()
    assert table.get(job.id, None).state is state


def test_the_clock_of_a_host_runs_by_itself_and_knows_its_boot():
    first, second = clocks.boot_clock(None), clocks.boot_clock(None)
    assert first.ticks <= second.ticks
    assert first.epoch == second.epoch
    assert re.fullmatch(r"[0-9a-f-]{36}|wall", first.epoch)


def test_where_the_system_does_not_tell_its_boot_the_wall_must_do(monkeypatch):
    monkeypatch.setattr(clocks, "_boot_id", lambda: None)
    now = clocks.boot_clock(None)
    assert (now.epoch, now.ticks) == ("wall", now.wall_us)


def test_the_real_clock_ends_a_lease(database):
    table = JobTable(database)
    job = accept(table)
    table.lease("w", 0)
    assert table.lease("x", 60).fence == 2
    assert table.lease("y", 60) is None
    assert table.get(job.id, None).state is State.RUNNING


def test_postgresql_tells_the_time_of_its_own_host(database):
    with database.transaction() as transaction:
        first = clocks.clock_of(database.dialect)(transaction)
        second = clocks.clock_of(database.dialect)(transaction)
    assert first.ticks <= second.ticks  # goes on within a transaction
    assert (first.epoch == "database") == (database.dialect == "postgresql")

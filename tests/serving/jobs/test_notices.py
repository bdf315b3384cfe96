"""Who is to be told what: kept with the job, given out once, and again when nobody says that it was told."""

import pytest

from serving.jobs.record import State
from tests.serving.jobs.fakes import SUBSCRIBER, accept


def due(table, seconds=60):
    return [(job.id, job.state) for job in table.due_notices(10, seconds=seconds)]


def test_each_state_with_an_address_is_told(table):
    job = accept(table, subscriber=SUBSCRIBER)
    assert due(table) == []
    table.lease("w", 60)
    assert due(table) == [(job.id, State.RUNNING)]
    table.told(job.id, State.RUNNING)
    table.succeed(job.id, 1, "r")
    (told,) = table.due_notices(10)
    assert (told.state, told.result, told.new.subscriber) == (State.SUCCESSFUL, "r", SUBSCRIBER)
    table.told(job.id, State.SUCCESSFUL)
    assert due(table, 0) == []


@pytest.mark.parametrize(
    ("address", "states"),
    [("successUri", [State.SUCCESSFUL]), ("failedUri", []), ("inProgressUri", [State.RUNNING]), ("otherUri", [])],
)
def test_a_state_without_an_address_is_not(table, address, states):
    job = accept(table, subscriber={address: "https://hub.example"})
    table.lease("w", 60)
    found = due(table, 0)
    table.told(job.id, State.RUNNING)
    table.succeed(job.id, 1, "r")
    assert [state for _, state in found + due(table, 0)] == states


@pytest.mark.parametrize("how", ["fail", "crash", "wait past the deadline", "run past the deadline"])
def test_every_way_to_fail_is_told(table, clock, how):
    job = accept(table, subscriber={"failedUri": "https://hub.example"}, deadline_s=500)
    for _ in range({"crash": 3, "wait past the deadline": 0}.get(how, 1)):
        fence = table.lease("w", 60).fence
        clock.pass_by(61)
    if how == "fail":
        table.fail(job.id, fence, {})
    if "deadline" in how:
        clock.pass_by(500)
    if how.startswith("run"):
        with pytest.raises(Exception, match="stop"):
            table.renew(job.id, fence, 60)
    table.expire()
    assert due(table) == [(job.id, State.FAILED)]


def test_nobody_else_gets_it_until_the_time_is_over(table, clock):
    job = accept(table, subscriber=SUBSCRIBER)
    table.lease("w", 10_000)
    assert due(table, 60)
    clock.pass_by(59)
    assert due(table, 60) == []
    clock.pass_by(1)
    assert due(table, 60) == [(job.id, State.RUNNING)]
    clock.reboot()
    assert due(table, 60) == [(job.id, State.RUNNING)]


def test_a_new_state_does_not_wait_for_the_last_one(table):
    job = accept(table, subscriber=SUBSCRIBER)
    table.lease("w", 60)
    due(table, 1000)
    table.fail(job.id, 1, {})
    assert due(table) == [(job.id, State.FAILED)]
    table.told(job.id, State.RUNNING)  # the answer to the first one comes late
    assert due(table, 0) == []
    table.told(job.id, State.FAILED)


def test_a_state_that_has_passed_is_left_out(table, clock):
    accept(table, subscriber={"inProgressUri": "https://hub.example"})
    fence = table.lease("w", 60).fence
    clock.pass_by(61)
    table.expire()
    assert due(table) == []  # waits again
    job = table.lease("w", 60)
    assert due(table) == [(job.id, State.RUNNING)]
    table.succeed(job.id, fence + 1, "r")
    assert due(table, 0) == []


def test_a_further_attempt_is_no_news(table, clock):
    job = accept(table, subscriber=SUBSCRIBER)
    table.lease("w", 60)
    table.told(job.id, State.RUNNING)
    clock.pass_by(61)
    assert table.lease("w", 60).attempt == 2
    assert due(table) == []


def test_the_oldest_come_first_and_no_more_than_asked_for(table):
    jobs = [accept(table, subscriber=SUBSCRIBER).id for _ in range(5)]
    for _ in jobs:
        table.lease("w", 60)
    assert [job.id for job in table.due_notices(2)] == jobs[:2]
    assert [job.id for job in table.due_notices(2)] == jobs[2:4]
    assert [job.id for job in table.due_notices(2)] == jobs[4:]

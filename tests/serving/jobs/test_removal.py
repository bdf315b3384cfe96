"""Dismissed, removed and forgotten jobs (I9)."""

import pytest

from serving.jobs import removal
from serving.jobs.record import State
from serving.jobs.store import JobGone, JobNotFound
from tests.serving.jobs.fakes import SUBSCRIBER, accept

SECRET = "что-то личное"


def everything_in(database):
    """All that the job table holds, as text."""
    with database.reading() as transaction:
        return repr([dict(row) for row in transaction.run("SELECT * FROM job")])


def end(table, job, state):
    """Bring a job that is next in its queue to a state."""
    if state is not State.ACCEPTED:
        leased = table.lease("w", 60)
        assert leased.id == job.id
        if state is State.SUCCESSFUL:
            table.succeed(job.id, leased.fence, leased.folder)
        elif state is State.FAILED:
            table.fail(job.id, leased.fence, {"detail": SECRET})
    return table.get(job.id, None)


@pytest.mark.parametrize("state", [State.ACCEPTED, State.RUNNING, State.SUCCESSFUL, State.FAILED])
@pytest.mark.parametrize("owner", ["ann", None])
def test_a_job_is_dismissed_once_and_leaves_nothing(table, database, state, owner):
    job = accept(table, request={"words": SECRET}, subscriber=SUBSCRIBER, request_id="r-17")
    before = end(table, job, state)
    left = table.dismiss(job.id, owner)
    assert left.state is (before.state if state.ended else State.DISMISSED)
    assert left.result == before.result  # its folder is to be removed
    assert left.new.request == {"words": SECRET}
    with pytest.raises(JobGone):
        table.dismiss(job.id, owner)
    with pytest.raises(JobGone):
        table.get(job.id, "ann")
    held = everything_in(database)
    for trace in (SECRET, SECRET.encode("unicode_escape").decode(), "hub.example", "r-17"):
        assert trace not in held
    assert table.results() == frozenset()
    assert not any(table.counts().values())
    assert table.due_notices(10) == []


def test_requests_of_jobs_that_have_not_ended(table):
    for state in (State.SUCCESSFUL, State.FAILED, State.RUNNING, State.ACCEPTED):
        end(table, accept(table, request={"state": state.value}), state)
    assert sorted(request["state"] for request in table.requests()) == ["accepted", "running"]
    table.dismiss(accept(table, request={"state": "dismissed"}).id, None)
    assert len(table.requests()) == 2


def test_others_cannot_dismiss_it_nor_learn_that_it_was(table):
    job = accept(table)
    with pytest.raises(JobNotFound):
        table.dismiss(job.id, "bob")
    assert table.get(job.id, "ann").state is State.ACCEPTED
    table.dismiss(job.id, "ann")
    for ask in (table.dismiss, table.get):
        with pytest.raises(JobNotFound):
            ask(job.id, "bob")


def test_results_that_must_stay_are_those_of_rows_and_of_running_jobs(table):
    done, gone, running = accept(table), accept(table), accept(table)
    accept(table)
    for job in (done, gone):
        end(table, job, State.SUCCESSFUL)
    table.dismiss(gone.id, None)
    assert table.lease("w", 60).id == running.id
    assert table.results() == {f"{done.id}.1", f"{running.id}.1"}


def test_a_holder_that_lost_its_fence_leaves_an_orphan(table, clock):
    job = accept(table)
    table.lease("w", 60)
    clock.pass_by(61)
    table.lease("x", 60)
    assert table.results() == {f"{job.id}.2"}


def test_old_jobs_become_tombstones_and_then_nothing(table, clock):
    old, failed = accept(table), accept(table)
    end(table, old, State.SUCCESSFUL)
    end(table, failed, State.FAILED)
    waiting = accept(table)
    running = accept(table)
    assert table.lease("w", 10**6).id == waiting.id
    clock.pass_by(50)
    young = accept(table, "bob")
    end(table, young, State.SUCCESSFUL)
    clock.pass_by(50)
    assert table.forget(100) == [f"{old.id}.1"]
    for job in (old, failed):
        with pytest.raises(JobGone):
            table.get(job.id, "ann")
    clock.pass_by(99)
    assert table.forget(100) == [f"{young.id}.1"]
    with pytest.raises(JobGone):
        table.get(old.id, "ann")
    clock.pass_by(1)
    assert table.forget(100) == []
    with pytest.raises(JobNotFound):
        table.get(old.id, "ann")
    for job in (waiting, running):
        assert not table.get(job.id, "ann").state.ended


def test_a_dismissed_job_is_forgotten_too(table, clock):
    job = accept(table)
    table.dismiss(job.id, None)
    clock.pass_by(10)
    assert table.forget(10) == []
    with pytest.raises(JobNotFound):
        table.get(job.id, None)


def test_much_is_forgotten_in_pieces(table, clock, monkeypatch):
    monkeypatch.setattr(removal, "MOST_FORGOTTEN", 3)
    folders = set()
    for _ in range(7):
        job = accept(table)
        folders.add(end(table, job, State.SUCCESSFUL).result)
    clock.pass_by(10)
    pieces = [table.forget(10) for _ in range(4)]
    assert [len(piece) for piece in pieces] == [3, 3, 1, 0]
    assert set().union(*pieces) == folders

"""Leases, fences, attempts and deadlines (I2, F2, F3, F23, F28)."""

import pytest

from serving.jobs.record import State
from serving.jobs.store import JobGone, LeaseLost
from serving.jobs.table import JobTable
from tests.serving.jobs.fakes import accept

PROBLEM = {"type": "/problems/no-valid-data", "title": "Nothing to see", "detail": "Every pixel is nodata."}


def test_a_lease_makes_the_job_run(table, clock):
    job = accept(table)
    clock.pass_by(2)
    leased = table.lease("w", 60)
    assert leased.id == job.id
    assert leased == table.get(job.id, None)
    assert (leased.state, leased.attempt, leased.fence) == (State.RUNNING, 1, 1)
    assert (leased.started - leased.created).total_seconds() == 2
    assert leased.folder == f"{job.id}.1"
    assert table.lease("other", 60) is None


def test_an_empty_table_has_nothing_to_lease(table):
    assert table.lease("w", 60) is None


def test_owners_take_turns_whatever_the_length_of_their_queues(table):
    for _ in range(5):
        accept(table, "ann")
    for owner in ("bob", "bob", "cid"):
        accept(table, owner)
    order = [table.lease("w", 60).new.owner for _ in range(8)]
    assert order == ["ann", "bob", "cid", "ann", "bob", "ann", "ann", "ann"]


def test_the_owner_with_the_fewest_running_jobs_is_next(table):
    jobs = [accept(table, "ann") for _ in range(3)]
    first = table.lease("w", 60)
    accept(table, "bob")
    accept(table, "bob")
    assert [table.lease("w", 60).new.owner for _ in range(2)] == ["bob", "ann"]
    table.succeed(first.id, first.fence, "r")  # one running job each: the older queue goes on
    assert table.lease("w", 60).id == jobs[2].id


def test_each_owner_is_served_in_order_of_acceptance_even_when_the_clock_goes_back(table, clock):
    jobs = []
    for _ in range(4):
        jobs.append(accept(table).id)
        clock.set_wall(-3600)
    assert [table.lease("w", 60).id for _ in jobs] == jobs


def test_progress_grows_within_an_attempt_and_the_message_stays(table, clock):
    job = accept(table)
    table.lease("w", 60)
    for progress, message in ((10, "reading"), (40, ""), (20, "again"), (None, ""), (400, "\0late\nr")):
        clock.pass_by(1)
        table.renew(job.id, 1, 60, progress=progress, message=message)
    now = table.get(job.id, None)
    assert (now.progress, now.message) == (100, "late r")


def test_a_heartbeat_alone_is_no_change(table, clock):
    job = accept(table)
    leased = table.lease("w", 60)
    clock.pass_by(30)
    table.renew(job.id, 1, 60)
    assert table.get(job.id, None).updated == leased.updated
    clock.pass_by(59)
    assert table.lease("w", 60) is None  # but it kept the lease


def test_an_ended_lease_gives_the_job_to_the_next_worker(table, clock):
    job = accept(table)
    table.lease("w", 60)
    table.renew(job.id, 1, 60, progress=50, message="half")
    clock.pass_by(61)
    again = table.lease("x", 60)
    assert (again.id, again.attempt, again.fence, again.progress, again.message) == (job.id, 2, 2, 0, "")
    for late in (
        lambda: table.renew(job.id, 1, 60, progress=99),
        lambda: table.succeed(job.id, 1, "late"),
        lambda: table.fail(job.id, 1, PROBLEM),
    ):
        with pytest.raises(LeaseLost):
            late()
    table.give_back(job.id, 1)  # says nothing, does nothing
    assert table.get(job.id, None) == again


def test_who_was_away_goes_on_when_nobody_took_the_job(table, clock):
    job = accept(table)
    table.lease("w", 60)
    clock.pass_by(1000)
    table.renew(job.id, 1, 60)
    assert table.lease("x", 60) is None
    table.succeed(job.id, 1, "r")
    assert table.get(job.id, None).state is State.SUCCESSFUL


def test_a_job_goes_back_to_the_head_of_its_queue(table, clock):
    jobs = [accept(table) for _ in range(2)]
    table.lease("w", 60)
    clock.pass_by(61)
    assert [table.lease("w", 60).id for _ in range(2)] == [job.id for job in jobs]


def test_a_result_is_published_once(table, clock):
    job = accept(table)
    table.lease("w", 60)
    table.renew(job.id, 1, 60, message="nearly")
    clock.pass_by(3)
    table.succeed(job.id, 1, "one")
    done = table.get(job.id, None)
    assert (done.state, done.result, done.progress, done.message) == (State.SUCCESSFUL, "one", 100, "")
    assert (done.finished - done.started).total_seconds() == 3
    with pytest.raises(LeaseLost):
        table.succeed(job.id, 1, "another")
    with pytest.raises(LeaseLost):
        table.fail(job.id, 1, PROBLEM)
    with pytest.raises(LeaseLost):
        table.renew(job.id, 1, 60)
    table.give_back(job.id, 1)
    assert table.get(job.id, None) == done


def test_a_holder_that_did_not_hear_the_answer_may_ask_again(table, clock):
    """Otherwise it would take LeaseLost for the loss of its result, and remove what is public."""
    first, second = accept(table), accept(table)
    table.lease("w", 60)
    table.lease("w", 60)
    table.succeed(first.id, 1, "r")
    table.fail(second.id, 1, PROBLEM)
    before = table.get(first.id, None), table.get(second.id, None)
    clock.pass_by(1)
    table.succeed(first.id, 1, "r")
    table.fail(second.id, 1, PROBLEM)
    assert (table.get(first.id, None), table.get(second.id, None)) == before
    table.dismiss(first.id, None)
    with pytest.raises(LeaseLost):
        table.succeed(first.id, 1, "r")


def test_a_failed_job_has_its_problem(table):
    job = accept(table)
    table.lease("w", 60)
    table.fail(job.id, 1, PROBLEM)
    failed = table.get(job.id, None)
    assert (failed.state, failed.problem, failed.result) == (State.FAILED, PROBLEM, None)
    assert failed.finished


@pytest.mark.parametrize("most", [1, 3])
def test_a_job_that_takes_every_worker_with_it_is_given_up(database, clock, most):
    table = JobTable(database, clock=clock, max_attempts=most)
    poison = accept(table, "ann")
    for attempt in range(1, most + 1):
        assert table.lease("w", 60).attempt == attempt
        clock.pass_by(61)
    good = accept(table, "ann")
    assert table.lease("w", 60).id == good.id
    given_up = table.get(poison.id, None)
    assert given_up.state is State.FAILED
    assert given_up.problem["type"] == "/problems/worker-crashed"
    assert given_up.attempt == given_up.fence == most
    with pytest.raises(LeaseLost):
        table.succeed(poison.id, most, "late")


def test_what_is_given_back_does_not_count_as_an_attempt(table, clock):
    job = accept(table)
    for fence in range(1, 10):
        leased = table.lease("w", 60)
        assert (leased.attempt, leased.fence) == (1, fence)
        table.renew(job.id, fence, 60, progress=5, message="on it")
        clock.pass_by(1)
        table.give_back(job.id, fence)
        back = table.get(job.id, None)
        assert (back.state, back.attempt, back.progress, back.message) == (State.ACCEPTED, 0, 0, "")
        assert back.started is None
        with pytest.raises(LeaseLost):
            table.succeed(job.id, fence, "late")


def test_the_start_of_the_first_attempt_is_kept(table, clock):
    job = accept(table)
    first = table.lease("w", 60)
    clock.pass_by(61)
    table.lease("w", 60)
    table.give_back(job.id, 2)
    assert table.get(job.id, None).started == first.started
    assert table.lease("w", 60).started == first.started


def test_a_job_that_waits_past_its_deadline_fails(table, clock):
    job, other = accept(table, deadline_s=10), accept(table)
    clock.pass_by(9.9)
    assert table.expire() == 0
    clock.pass_by(0.1)
    assert table.lease("w", 60).id == other.id
    late = table.get(job.id, None)
    assert (late.state, late.problem["type"]) == (State.FAILED, "/problems/deadline")
    assert late.attempt == 0


def test_a_job_that_runs_past_its_deadline_is_stopped_at_the_next_heartbeat(table, clock):
    job = accept(table, deadline_s=10)
    table.lease("w", 60)
    clock.pass_by(9)
    table.renew(job.id, 1, 60)
    clock.pass_by(1)
    with pytest.raises(LeaseLost):
        table.renew(job.id, 1, 60)
    late = table.get(job.id, None)
    assert (late.state, late.problem["type"]) == (State.FAILED, "/problems/deadline")
    with pytest.raises(LeaseLost):
        table.renew(job.id, 1, 60)


def test_a_result_that_is_ready_at_the_deadline_counts(table, clock):
    job = accept(table, deadline_s=10)
    table.lease("w", 60)
    clock.pass_by(11)
    table.succeed(job.id, 1, "r")
    assert table.get(job.id, None).state is State.SUCCESSFUL


def test_a_lease_that_ends_after_the_deadline_does_not_begin_the_job_again(table, clock):
    job = accept(table, deadline_s=10)
    table.lease("w", 5)
    clock.pass_by(11)
    assert table.lease("w", 5) is None
    assert table.get(job.id, None).problem["type"] == "/problems/deadline"


def test_passed_times_are_seen_to_without_a_worker(table, clock):
    first, second = accept(table), accept(table, deadline_s=10)
    table.lease("w", 5)
    clock.pass_by(11)
    assert table.expire() == 2
    assert table.expire() == 0
    assert table.get(first.id, None).state is State.ACCEPTED
    assert table.get(second.id, None).state is State.FAILED


@pytest.mark.parametrize("running", [False, True])
def test_a_dismissed_job_is_nobodys(table, running):
    job = accept(table)
    if running:
        table.lease("w", 60)
    table.dismiss(job.id, "ann")
    assert table.lease("w", 60) is None
    for step in (table.renew, table.succeed, table.fail):
        with pytest.raises(LeaseLost):
            step(job.id, 1, {table.renew: 60, table.succeed: "r", table.fail: PROBLEM}[step])
    with pytest.raises(JobGone):
        table.get(job.id, "ann")

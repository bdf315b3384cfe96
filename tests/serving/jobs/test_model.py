"""The job table against a model of a few lines, through sequences of steps that nobody thought of (I1, I2)."""

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from serving.jobs.record import State
from serving.jobs.store import JobGone, JobNotFound, KeyReused, LeaseLost
from serving.jobs.table import JobTable
from tests.serving.jobs.fakes import FakeClock, new_job

LEASE = 60
MOST = 2
OWNERS = ["ann", "bob", "cid"]
QUICK = settings(
    max_examples=25,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Known:
    """What the model knows of a job."""

    id: str
    owner: str
    body: str
    late: float | None
    state: State = State.ACCEPTED
    attempt: int = 0
    fence: int = 0
    until: float = 0
    result: str | None = None
    over: float | None = None
    gone: float | None = None


class Model(RuleBasedStateMachine):
    """Every rule does the same to the table and to a list of jobs, and compares what they say."""

    ids = Bundle("ids")

    def __init__(self, database):
        super().__init__()
        with database.transaction() as transaction:
            transaction.run("DELETE FROM job")
        self.clock = FakeClock()
        self.table = JobTable(database, clock=self.clock, max_attempts=MOST)
        self.now = 0.0
        self.jobs: list[Known] = []  # in the order of acceptance
        self.keys: dict[tuple[str, str], Known] = {}
        self.forgotten: set[str] = set()

    def known(self, job):
        return next((known for known in self.jobs if known.id == job), None)

    def alive(self, *states):
        return [known for known in self.jobs if known.gone is None and known.state in states]

    def end(self, known, state, result=None):
        known.state, known.result, known.over = state, result, self.now

    def expire(self):
        for known in self.alive(State.RUNNING):
            if known.until <= self.now:
                if known.attempt >= MOST:
                    self.end(known, State.FAILED)
                else:
                    known.state = State.ACCEPTED
        for known in self.alive(State.ACCEPTED):
            if known.late is not None and known.late <= self.now:
                self.end(known, State.FAILED)

    @rule(
        target=ids,
        owner=st.sampled_from(OWNERS),
        key=st.sampled_from([None, None, "k", "l"]),
        body=st.sampled_from("de"),
        deadline=st.sampled_from([None, 50, 500]),
    )
    def accept(self, owner, key, body, deadline):
        new = new_job(owner, idempotency_key=key, body_digest=body, deadline_s=deadline)
        before = self.keys.get((owner, key))
        if before is None:
            job, is_new = self.table.accept(new)
            assert is_new
            late = None if deadline is None else self.now + deadline
            self.jobs.append(Known(job.id, owner, body, late))
            if key is not None:
                self.keys[owner, key] = self.jobs[-1]
            return job.id
        if before.body != body:
            with pytest.raises(KeyReused):
                self.table.accept(new)
        elif before.gone is not None:
            with pytest.raises(JobGone):
                self.table.accept(new)
        else:
            job, is_new = self.table.accept(new)
            assert (job.id, is_new) == (before.id, False)
        return before.id

    @rule(times=st.integers(1, 4))
    def lease(self, times):
        for _ in range(times):
            self.lease_one()

    def lease_one(self):
        self.expire()
        running = [known.owner for known in self.alive(State.RUNNING)]
        waiting = self.alive(State.ACCEPTED)
        leased = self.table.lease("w", LEASE)
        if not waiting:
            assert leased is None
            return
        heads = {known.owner: known for known in reversed(waiting)}
        wanted = min(heads.values(), key=lambda known: (running.count(known.owner), self.jobs.index(known)))
        wanted.state = State.RUNNING
        wanted.attempt += 1
        wanted.fence += 1
        wanted.until = self.now + LEASE
        assert (leased.id, leased.attempt, leased.fence) == (wanted.id, wanted.attempt, wanted.fence)

    def holds(self, job, fence):
        known = self.known(job)
        return known and known.gone is None and known.state is State.RUNNING and known.fence == fence

    @rule(job=ids, fence=st.integers(1, 3))
    def renew(self, job, fence):
        known = self.known(job)
        if not self.holds(job, fence):
            with pytest.raises(LeaseLost):
                self.table.renew(job, fence, LEASE)
        elif known.late is not None and known.late <= self.now:
            with pytest.raises(LeaseLost):
                self.table.renew(job, fence, LEASE)
            self.end(known, State.FAILED)
        else:
            self.table.renew(job, fence, LEASE)
            known.until = self.now + LEASE

    @rule(job=ids, fence=st.integers(1, 3))
    def succeed(self, job, fence):
        known, folder = self.known(job), f"{job}.{fence}"
        published = known and known.gone is None and known.result == folder
        if self.holds(job, fence):
            self.table.succeed(job, fence, folder)
            self.end(known, State.SUCCESSFUL, folder)
        elif published:
            self.table.succeed(job, fence, folder)
        else:
            with pytest.raises(LeaseLost):
                self.table.succeed(job, fence, folder)

    @rule(job=ids, fence=st.integers(1, 3), words=st.sampled_from("xy"))
    def fail(self, job, fence, words):
        known = self.known(job)
        if self.holds(job, fence):
            self.table.fail(job, fence, {"title": f"{words}{fence}"})
            self.end(known, State.FAILED, None)
        elif known is None or known.state is not State.FAILED:
            with pytest.raises(LeaseLost):
                self.table.fail(job, fence, {"title": f"{words}{fence}"})

    @rule(job=ids, fence=st.integers(1, 3))
    def give_back(self, job, fence):
        self.table.give_back(job, fence)
        if self.holds(job, fence):
            known = self.known(job)
            known.state = State.ACCEPTED
            known.attempt -= 1

    @rule(job=ids, owner=st.sampled_from([*OWNERS, None]))
    def dismiss(self, job, owner):
        known = self.known(job)
        if known is None or owner not in {None, known.owner}:
            with pytest.raises(JobNotFound):
                self.table.dismiss(job, owner)
        elif known.gone is not None:
            with pytest.raises(JobGone):
                self.table.dismiss(job, owner)
        else:
            left = self.table.dismiss(job, owner)
            if not known.state.ended:
                self.end(known, State.DISMISSED)
            known.gone = self.now
            assert (left.state, left.result) == (known.state, known.result)

    @rule(seconds=st.sampled_from([1, 30, 61, 300]))
    def pass_time(self, seconds):
        self.clock.pass_by(seconds)
        self.now += seconds

    @rule()
    def reboot(self):
        self.clock.reboot()
        for known in self.alive(State.RUNNING):
            known.until = self.now

    @rule()
    def expire_without_a_worker(self):
        self.table.expire()
        self.expire()

    @precondition(lambda self: self.now > 100)
    @rule(age=st.sampled_from([100, 1000]))
    def forget(self, age):
        for known in [known for known in self.jobs if known.gone is not None and known.gone <= self.now - age]:
            self.jobs.remove(known)
            self.forgotten.add(known.id)
            self.keys = {key: value for key, value in self.keys.items() if value is not known}
        old = [
            known
            for known in self.jobs
            if known.gone is None and known.over is not None and known.over <= self.now - age
        ]
        for known in old:
            known.gone = self.now
        assert set(self.table.forget(age)) == {known.result for known in old if known.result}

    @invariant()
    def the_table_says_the_same(self):
        alive = self.alive(*State)
        listed = self.table.page(None, limit=1000).jobs
        assert [(job.id, job.state, job.attempt, job.fence, job.result) for job in listed] == [
            (known.id, known.state, known.attempt, known.fence, known.result) for known in reversed(alive)
        ]
        running = {f"{known.id}.{known.fence}" for known in self.alive(State.RUNNING)}
        assert self.table.results() == running | {known.result for known in alive if known.result}
        states = [known.state for known in alive]
        assert self.table.counts() == {state: states.count(state) for state in State}

    @invariant()
    def what_is_gone_answers_so(self):
        for known in self.jobs:
            if known.gone is not None:
                with pytest.raises(JobGone):
                    self.table.get(known.id, known.owner)
        for job in self.forgotten:
            with pytest.raises(JobNotFound):
                self.table.get(job, None)


def test_the_table_does_what_the_model_does(database):
    run_state_machine_as_test(lambda: Model(database), settings=QUICK)

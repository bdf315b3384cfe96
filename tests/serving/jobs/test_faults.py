"""The database fails, or changes, under the job table (F5, F19, F20, F29)."""

import sqlite3
from contextlib import closing, contextmanager

import pytest

from serving.database import schema
from serving.database.opening import FILE, open_database
from serving.database.protocol import DatabaseUnusable, StoreUnavailable
from serving.jobs.record import State
from serving.jobs.store import LeaseLost
from serving.jobs.table import JobTable
from tests.serving.jobs.fakes import accept, new_job


class Deaf:
    """A database whose next commit works, but nobody hears of it."""

    def __init__(self, database):
        self._database = database
        self.dialect = database.dialect
        self.deaf = False

    @contextmanager
    def transaction(self):
        with self._database.transaction() as transaction:
            yield transaction
        if self.deaf:
            self.deaf = False
            raise StoreUnavailable("lost after the commit")

    def reading(self):
        return self._database.reading()


@pytest.fixture
def deaf(database):
    return Deaf(database)


def test_every_step_may_be_asked_for_again(deaf, clock):
    table = JobTable(deaf, clock=clock)

    def insist(step, *values):
        deaf.deaf = True
        with pytest.raises(StoreUnavailable):
            step(*values)
        return step(*values)

    keyed = new_job(idempotency_key="k", body_digest="d")
    job, is_new = insist(table.accept, keyed)
    assert not is_new
    assert sum(table.counts().values()) == 1

    deaf.deaf = True
    with pytest.raises(StoreUnavailable):
        table.lease("w", 60)  # nobody knows that it holds the job
    assert table.lease("w", 60) is None
    clock.pass_by(61)
    assert table.lease("w", 60).fence == 2

    insist(table.renew, job.id, 2, 60)
    insist(table.succeed, job.id, 2, "r")
    done = table.get(job.id, None)
    assert (done.state, done.result) == (State.SUCCESSFUL, "r")

    failing = accept(table)
    table.lease("w", 60)
    insist(table.fail, failing.id, 1, {"title": "no"})
    handed = accept(table)
    table.lease("w", 60)
    insist(table.give_back, handed.id, 1)
    assert table.get(handed.id, None).attempt == 0


def test_a_locked_database_refuses_and_recovers(sqlite_settings, clock):
    database = open_database(sqlite_settings.model_copy(update={"database_wait_s": 0.1}))
    table = JobTable(database, clock=clock)
    job = accept(table)
    with closing(sqlite3.connect(sqlite_settings.state / FILE, isolation_level=None)) as stranger:
        stranger.execute("BEGIN EXCLUSIVE")
        for step in (lambda: accept(table), lambda: table.lease("w", 60), lambda: table.dismiss(job.id, None)):
            with pytest.raises(StoreUnavailable):
                step()
        assert table.get(job.id, "ann") == job  # status is still answered
        assert table.page("ann", limit=10).jobs == (job,)
        stranger.execute("ROLLBACK")
    assert table.lease("w", 60).id == job.id
    assert table.counts()[State.RUNNING] == 1
    database.close()


def test_jobs_survive_a_restart_of_postgresql(postgres_settings, postgres_cluster, clock):
    database = open_database(postgres_settings)
    table = JobTable(database, clock=clock)
    waiting, running = accept(table), accept(table, "bob")
    assert table.lease("w", 60).id == waiting.id
    assert table.lease("w", 60).id == running.id
    postgres_cluster.stop()
    try:
        for step in (
            lambda: table.get(running.id, None),
            lambda: table.renew(running.id, 1, 60),
            lambda: accept(table),
        ):
            with pytest.raises(StoreUnavailable):
                step()
    finally:
        postgres_cluster.start()
    table.renew(running.id, 1, 60, progress=50)
    table.succeed(running.id, 1, "r")
    clock.pass_by(61)
    assert table.lease("w", 60).id == waiting.id
    assert sum(table.counts().values()) == 2
    database.close()


def test_a_worker_of_the_version_before_goes_on_with_its_jobs(database, database_settings, clock):
    """Steps of the schema only add, so what it says and reads stays true; it cannot open the database again."""
    old = JobTable(database, clock=clock)
    jobs = [accept(old, f"owner {number}") for number in range(4)]
    held = [old.lease("old worker", 60) for _ in jobs]
    newer = [
        *schema.STEPS,
        (
            "ALTER TABLE job ADD COLUMN priority BIGINT NOT NULL DEFAULT 0",
            "CREATE INDEX job_priority ON job (priority)",
            "CREATE TABLE other (seq {serial})",
        ),
    ]
    schema.migrate(database, database_settings.database_schema, newer)
    with pytest.raises(DatabaseUnusable):
        open_database(database_settings)
    old.renew(held[0].id, 1, 60, progress=10)
    old.succeed(held[0].id, 1, "r")
    old.fail(held[1].id, 1, {"title": "no"})
    old.give_back(held[2].id, 1)
    clock.pass_by(61)
    again = [old.lease("new worker", 60) for _ in range(2)]
    assert {job.id for job in again} == {held[2].id, held[3].id}
    with pytest.raises(LeaseLost):
        old.succeed(held[3].id, 1, "late")
    assert old.get(held[0].id, None).result == "r"
    assert sum(old.counts().values()) == 4
    accept(old)


def test_rows_that_do_not_change_are_not_written(sqlite_settings, clock):
    """Workers ask for jobs all the time; where there is none the disk has nothing to do."""
    database = open_database(sqlite_settings)
    table = JobTable(database, clock=clock)
    accept(table)
    table.lease("w", 60)
    log = sqlite_settings.state / f"{FILE}-wal"
    before = log.stat().st_mtime_ns, log.stat().st_size
    for _ in range(10):
        assert table.lease("w", 60) is None
        assert table.expire() == 0
        assert table.due_notices(10) == []
        assert table.forget(10) == []
    assert (log.stat().st_mtime_ns, log.stat().st_size) == before
    database.close()

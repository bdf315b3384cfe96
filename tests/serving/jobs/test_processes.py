"""Several servers and workers at one table, in threads and in processes (I1, I2, I8; F1, F5, F18, F28)."""

import json
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from serving.database.opening import open_database
from serving.jobs.record import State
from serving.jobs.store import JobGone, JobNotFound, LeaseLost
from serving.jobs.table import JobTable
from tests.serving.jobs.fakes import accept, new_job

JOBS = 200
THREADS = 8


def run(what, settings):
    """What the processes reported."""
    url = settings.database_url.get_secret_value() if settings.database_url else ""
    command = [sys.executable, "-m", "tests.serving.jobs.processes", what, str(settings.state), url]
    done = subprocess.run([*command, settings.database_schema], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def fill(database):
    """Jobs of five owners, made in one transaction to be quick."""
    table = JobTable(database)
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda number: accept(table, f"owner {number % 5}"), range(JOBS)))
    return table


def test_several_processes_lease_each_job_exactly_once(database, database_settings):
    table = fill(database)
    done = run("lease", database_settings)
    leased = Counter(job for share in done for job, _ in share)
    assert len(leased) == JOBS
    assert set(leased.values()) == {1}
    assert {fence for share in done for _, fence in share} == {1}
    assert sum(bool(share) for share in done) > 1
    assert table.counts()[State.SUCCESSFUL] == JOBS
    assert table.results() == {f"{job}.1" for job in leased}


def test_several_threads_lease_each_job_exactly_once(database):
    table = fill(database)

    def work(_):
        found = []
        while job := table.lease("w", 60):
            found.append((job.id, job.fence))
        return found

    with ThreadPoolExecutor(THREADS) as pool:
        leased = [job for share in pool.map(work, range(THREADS)) for job in share]
    assert len(leased) == len(set(leased)) == JOBS


def test_killed_processes_lose_nothing_they_had_reported(database, database_settings):
    table = JobTable(database)
    reported = run("kill", database_settings)
    accepted = {job for what, job, *_ in reported if what == "accepted"}
    published = {job: fence for what, job, *fence in reported if what == "published"}
    assert len(accepted) > 20
    assert len(published) > 10
    for job in accepted:
        assert table.get(job, "ann")
    for job, (fence,) in published.items():
        done = table.get(job, "ann")
        assert (done.state, done.result, done.fence) == (State.SUCCESSFUL, f"{job}.{fence}", fence)
    # No two published results of one job, and nothing stays running for ever.
    assert sum(what == "published" for what, *_ in reported) == len(published)
    left = sum(count for state, count in table.counts().items() if not state.ended)
    if database.dialect == "sqlite":
        with database.transaction() as transaction:
            assert transaction.run("PRAGMA integrity_check")[0] == {"integrity_check": "ok"}
    after = JobTable(database, clock=_much_later(database), max_attempts=1000)
    for _ in range(left):
        job = after.lease("w", 10**9)
        after.succeed(job.id, job.fence, job.folder)
    assert after.lease("w", 1) is None
    assert accepted <= {name.partition(".")[0] for name in after.results()}


def _much_later(database):
    """The real clock, an hour later: leases of killed processes have ended."""
    real = JobTable(database)._clock

    def clock(transaction):
        now = real(transaction)
        return type(now)(now.wall_us, now.epoch, now.ticks + 3600 * 1_000_000)

    return clock


def together(actions):
    """Run them as near to the same moment as can be; what each gave or raised."""
    barrier = threading.Barrier(len(actions))

    def run_one(action):
        barrier.wait(10)
        try:
            return action()
        except (LeaseLost, JobGone, JobNotFound) as error:
            return type(error)

    with ThreadPoolExecutor(len(actions)) as pool:
        return [future.result(20) for future in [pool.submit(run_one, action) for action in actions]]


@pytest.fixture
def servers(database_settings):
    """Two servers that opened the same database."""
    opened = [open_database(database_settings) for _ in range(2)]
    yield [JobTable(database) for database in opened]
    for database in opened:
        database.close()


def test_one_key_is_one_job_whichever_server_gets_it(servers):
    for number in range(10):
        keyed = new_job(idempotency_key=f"k{number}", body_digest="d")
        answers = together([lambda table=table: table.accept(keyed) for table in servers * 3])  # noqa: B023
        assert len({job.id for job, _ in answers}) == 1
        assert sum(new for _, new in answers) == 1
    assert sum(servers[0].counts().values()) == 10


def test_two_workers_that_finish_the_same_job_publish_one_result(servers):
    first, second = servers
    for _ in range(10):
        job = accept(first)
        old = first.lease("w", 0)
        new = second.lease("x", 60)
        assert (old.id, new.id, new.fence) == (job.id, job.id, 2)
        answers = together(
            [lambda: first.succeed(job.id, 1, old.folder), lambda: second.succeed(job.id, 2, new.folder)]  # noqa: B023
        )
        assert answers == [LeaseLost, None]
        assert second.get(job.id, None).result == new.folder


def test_a_job_is_published_or_dismissed_or_failed_but_one_of_them(servers):
    first, second = servers
    outcomes = set()
    for _ in range(20):
        job = accept(first)
        first.lease("w", 60)
        answers = together(
            [
                lambda: first.succeed(job.id, 1, "r"),  # noqa: B023
                lambda: second.fail(job.id, 1, {}),  # noqa: B023
                lambda: second.dismiss(job.id, "ann").state,  # noqa: B023
            ]
        )
        published, failed, dismissed = answers
        assert (published, failed).count(None) == (dismissed is not State.DISMISSED)
        assert dismissed in {State.DISMISSED, State.SUCCESSFUL, State.FAILED}
        outcomes.add(dismissed)
        with pytest.raises(JobGone):
            first.get(job.id, None)
    assert outcomes


def test_an_ended_lease_goes_to_one_of_many(servers):
    for _ in range(5):
        job = accept(servers[0])
        servers[0].lease("w", 0)
        answers = together([lambda table=table: table.lease("x", 60) for table in servers * 3])
        taken = [leased for leased in answers if leased]
        assert [(leased.id, leased.fence) for leased in taken] == [(job.id, 2)]
        servers[0].succeed(job.id, 2, "r")


def test_a_notice_is_given_to_one_of_many(servers):
    for _ in range(5):
        job = accept(servers[0], subscriber={"inProgressUri": "https://hub.example"})
        servers[0].lease("w", 60)
        answers = together([lambda table=table: table.due_notices(10) for table in servers * 3])
        assert [told.id for share in answers for told in share] == [job.id]
        servers[0].told(job.id, State.RUNNING)


def test_everything_at_once_ends_without_a_deadlock(servers):
    """Steps that lock several rows, against each other."""
    first, _ = servers
    for number in range(40):
        accept(first, f"owner {number % 7}", subscriber={"successUri": "https://hub.example"}, deadline_s=60)

    def stir(table):
        for _ in range(10):
            job = table.lease("w", 0)
            table.expire()
            table.due_notices(5, seconds=0)
            table.page(None, limit=5)
            if job:
                together([lambda: table.dismiss(job.id, None), lambda: table.succeed(job.id, job.fence, "r")])  # noqa: B023
            table.forget(0)
            table.counts()
        return True

    assert together([lambda table=table: stir(table) for table in servers * 2]) == [True] * 4

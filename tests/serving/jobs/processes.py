"""Several processes at one job table, some of them killed. Run by the tests as a program of its own, so that it can
fork without the threads of pytest: ``python -m tests.serving.jobs.processes lease|kill STATE URL SCHEMA``."""

import json
import os
import random
import select
import signal
import sys
from collections import Counter
from pathlib import Path

from serving.database.opening import open_database
from serving.jobs.table import JobTable
from serving.settings import Settings
from tests.serving.jobs.fakes import new_job

WORKERS = 4
ROUNDS = 6


def lease_all(settings, report):
    """Take jobs and publish them until there are none."""
    database = open_database(settings, verify=False)
    table = JobTable(database)
    while job := table.lease(str(os.getpid()), 60):
        table.renew(job.id, job.fence, 60, progress=50)
        table.succeed(job.id, job.fence, job.folder)
        report(job.id, job.fence)
    database.close()


def work_for_ever(settings, report):
    """Accept jobs and run them, saying what is certain after each step; ends by being killed."""
    table = JobTable(open_database(settings, verify=False))
    while True:
        job, _ = table.accept(new_job(idempotency_key=os.urandom(8).hex()))
        report("accepted", job.id)
        # Leases of the killed processes before have ended at once: each of them was made for no time at all.
        leased = table.lease(str(os.getpid()), 0)
        if leased:
            table.renew(leased.id, leased.fence, 60)
            table.succeed(leased.id, leased.fence, leased.folder)
            report("published", leased.id, leased.fence)


def spawn(work, settings):
    """Run ``work`` in a child; gives its process id and where it reports line by line."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    os.close(reading)
    try:
        work(settings, lambda *words: os.write(writing, f"{json.dumps(words)}\n".encode()))
    finally:
        os._exit(0)


def lines(pipe):
    """What a child reported, a half line at the end left out."""
    with os.fdopen(pipe, "rb") as reports:
        return [json.loads(line) for line in reports.read().splitlines(keepends=True) if line.endswith(b"\n")]


def lease(settings):
    """Four processes until all jobs are done; what each of them did."""
    children = [spawn(lease_all, settings) for _ in range(WORKERS)]
    done = [lines(pipe) for _, pipe in children]
    for child, _ in children:
        os.waitpid(child, 0)
    return done


def enough(reported):
    """Whether so much was done that something would have been lost."""
    return Counter(what for what, *_ in reported) >= Counter(accepted=21, published=11)


def kill(settings):
    """Two processes at a time that are killed in the middle of it, many times; what they had reported."""
    luck = random.Random(20_240_229)  # noqa: S311 - no secret
    reported, rounds = [], 0
    while rounds < ROUNDS or not enough(reported):  # a busy machine gets less done in each
        rounds += 1
        children = [spawn(work_for_ever, settings) for _ in range(2)]
        for child, pipe in children:
            select.select([pipe], [], [], 30)  # it is at work
            select.select([], [], [], luck.uniform(0, 0.03))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            reported += lines(pipe)
    return reported


if __name__ == "__main__":
    what, state, url, schema = sys.argv[1:]
    chosen = Settings(state=Path(state), database_url=url or None, database_schema=schema, database_wait_s=30)
    sys.stdout.write(json.dumps({"lease": lease, "kill": kill}[what](chosen)))

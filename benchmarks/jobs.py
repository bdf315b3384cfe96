"""How fast jobs are accepted, leased and published, on SQLite and on PostgreSQL, with every commit on the disk.

    python -m benchmarks.jobs --folder ~ --jobs 2000

PostgreSQL is a server of its own, started where Debian's package postgresql is installed. Its data lies in the
system's folder for temporary files (TMPDIR), which should be on the same disk as ``--folder``; a file system in memory
would make both look better than they are.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from serving.database.opening import open_database
from serving.database.protocol import Database
from serving.jobs.record import NewJob
from serving.jobs.table import JobTable
from serving.settings import Settings
from tests.postgres import ABSENT, Cluster, find_binaries

OWNERS: Final = 20
THREADS: Final = 8
REQUEST: Final = {
    "scene": {"upload": "4f9cbd0e-7a52-4d6f-9d0c-7b5c5ac8f0aa"},
    "outputs": ["map", "areas"],
    "tta": "none",
}


def main() -> None:
    """Measure both databases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path.home(), help="on the disk to be measured")
    parser.add_argument("--jobs", type=int, default=2000, help="jobs of each measurement")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        print(f"{'flushes of the disk per second':52} {flushes(Path(folder)):10.0f}")
        report("SQLite", Settings(state=Path(folder) / "state", database_url=None, database_wait_s=60), chosen.jobs)
    binaries = find_binaries()
    if binaries is None:
        print(ABSENT)
        return
    cluster = Cluster(binaries, durable=True)
    try:
        settings = Settings(database_url=cluster.url, database_wait_s=60, database_connections=THREADS)
        report("PostgreSQL", settings, chosen.jobs)
    finally:
        cluster.remove()


def flushes(folder: Path, times: int = 300) -> float:
    """How often a second the disk takes 4 kB for good: no database on it commits more often, one writer at a time."""
    with (folder / "flushes").open("wb", buffering=0) as file:
        start = time.perf_counter()
        for _ in range(times):
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
        return times / (time.perf_counter() - start)


def report(name: str, settings: Settings, jobs: int) -> None:
    """All measurements of one database."""
    database = open_database(settings)
    try:
        for what, rate in measure(database, jobs):
            print(f"{name + ': ' + what:52} {rate:10.0f}")
    finally:
        database.close()


def measure(database: Database, jobs: int) -> Iterable[tuple[str, float]]:
    """Name and rate per second of each measurement."""
    table = JobTable(database)
    yield "polls of an empty queue", rate(lambda _: table.lease("bench", 60), jobs)
    yield "accepted, one thread", rate(lambda number: accept(table, number), jobs)
    yield f"accepted, {THREADS} threads", rate(lambda number: accept(table, number), jobs, THREADS)
    known = table.accept(new_job(0))[0].id
    yield "looked up", rate(lambda _: table.get(known, None), jobs)
    yield f"leased, one thread, {2 * jobs} waiting", rate(lambda _: table.lease("bench", 600), jobs // 2)
    yield f"leased, {THREADS} threads", rate(lambda _: table.lease("bench", 600), jobs // 2, THREADS)
    yield "leased, renewed and published, one thread", rate(lambda _: work(table), jobs // 4)
    yield f"leased, renewed and published, {THREADS} threads", rate(lambda _: work(table), jobs // 4, THREADS)


def new_job(number: int) -> NewJob:
    """A job as the service accepts them, of one of several owners."""
    owner = f"owner {number % OWNERS}"
    return NewJob(owner=owner, process="classify", request=REQUEST, model="m@1", model_sha256="0" * 64, pixels=10**6)


def accept(table: JobTable, number: int) -> None:
    """Record one job."""
    table.accept(new_job(number))


def work(table: JobTable) -> None:
    """What a worker does to the table for one job."""
    job = table.lease("bench", 600)
    if job is None:
        raise SystemExit("no jobs left; choose more --jobs")
    table.renew(job.id, job.fence, 600, progress=50, message="half of the windows")
    table.succeed(job.id, job.fence, job.folder)


def rate(action: Callable[[int], Any], times: int, threads: int = 1) -> float:
    """Actions per second."""
    with ThreadPoolExecutor(threads) as pool:
        start = time.perf_counter()
        for _ in pool.map(action, range(times)):
            pass
        return times / (time.perf_counter() - start)


if __name__ == "__main__":
    main()

"""Kill workers and the server of a real service while clients ask for maps, and look at what is left.

    python -m benchmarks.kills --worker-kills 100 --server-kills 20 --seconds 120
    python -m benchmarks.kills --database postgresql --servers 2 --database-kills 5

PostgreSQL is one of its own, made for this and removed; or that of STEPPE_DATABASE_URL, which is not killed. Prints
what was counted as JSON; the exit code is 1 when a job was lost, has two results, or is not what was published. Needs
the tests' package, so it runs in a clone.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.faults.kills import rampage
from tests.postgres import ABSENT, Cluster, find_binaries

URL = "STEPPE_DATABASE_URL"


@contextmanager
def on_sqlite() -> Iterator[dict[str, Any]]:
    """Nothing to be set."""
    yield {}


@contextmanager
def on_postgresql() -> Iterator[dict[str, Any]]:
    """A schema that is removed at the end, in the server that is named or in one of its own, flushed to the disk."""
    schema, cluster = f"kills_{uuid.uuid4().hex}", None
    if URL not in os.environ:
        binaries = find_binaries()
        if binaries is None:
            raise SystemExit(ABSENT)
        cluster = Cluster(binaries, durable=True)

    def restart() -> None:
        cluster.stop(signal.SIGKILL)
        cluster.start()

    url = cluster.url if cluster else os.environ[URL]
    try:
        yield {"database": {URL: url, "STEPPE_DATABASE_SCHEMA": schema}, "restart": restart}
        with psycopg.connect(url) as connection:
            connection.execute(f"DROP SCHEMA {schema} CASCADE")
    finally:
        if cluster:
            cluster.remove()


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker-kills", type=int, default=100)
    parser.add_argument("--server-kills", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--servers", type=int, default=1, help="share four workers, one table and one folder")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--database-kills", type=int, default=0, help="of a PostgreSQL of its own")
    chosen = parser.parse_args()
    if chosen.database_kills and (chosen.database == "sqlite" or URL in os.environ):
        parser.error("--database-kills needs --database postgresql, and no STEPPE_DATABASE_URL")
    database = on_postgresql() if chosen.database == "postgresql" else on_sqlite()
    with tempfile.TemporaryDirectory() as folder, database as settings:
        found = rampage(
            Path(folder),
            worker_kills=chosen.worker_kills,
            server_kills=chosen.server_kills,
            seconds=chosen.seconds,
            clients=chosen.clients,
            seed=chosen.seed,
            servers=chosen.servers,
            restarts=chosen.database_kills,
            **settings,
        )
    print(json.dumps(found, indent=2))
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    raise SystemExit(main())

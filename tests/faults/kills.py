"""Kill workers and the server of a real service again and again, while clients go on asking for maps.

What must hold: no accepted job is lost, none has two published results, nothing half-made has a final name.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import numpy as np

from landcover.raster.digest import file_digest
from landcover.raster.maps import read_map
from serving.database.opening import open_database
from serving.settings import Settings
from tests.service import make_registry, scene_numbers, write_scene

READY_S = 30.0
DRAIN_S = 90.0
WORKERS = 4
COMMAND = (sys.executable, "-m", "serving")


@dataclass
class Tally:
    """What happened, counted by several threads."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    accepted: dict[str, str] = field(default_factory=dict)
    """Job by Idempotency-Key, of every 201 that a client has read."""
    worker_kills: int = 0
    server_kills: int = 0
    restarts: int = 0
    lost_answers: int = 0
    mismatches: list[str] = field(default_factory=list)


def free_port():
    """A port of this machine that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """``steppe serve`` as a process, on one port and one state folder, killed and started again.

    Args:
        folder: of the state and the log; several servers may share it.
        workers: how many it has.
        models: registry and zoo; default: a registry with the tiny model is made.
        database: the settings ``STEPPE_DATABASE_...``; none = SQLite.
    """

    def __init__(self, folder: Path, *, workers: int = 4, models=None, database: Mapping[str, str] | None = None):
        self.state, self.port = folder / "state", free_port()
        registry, zoo = models or make_registry(folder)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("STEPPE_")},
            "STEPPE_REGISTRY": str(registry),
            "STEPPE_ZOO": str(zoo),
            "STEPPE_MODEL": "tiny",
            "STEPPE_PROVIDER": "cpu",
            "STEPPE_THREADS": "1",
            "STEPPE_STATE": str(self.state),
            "STEPPE_LEASE_S": "3",
            "STEPPE_MAX_JOBS_PER_KEY": "1000",
            "STEPPE_LOG_LEVEL": "warning",
            **(database or {}),
        }
        self.command = [*COMMAND, "serve", "--port", str(self.port), "--workers", str(workers)]
        self.log = (folder / f"server-{self.port}.log").open("ab")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, env=self.environment, stdout=self.log, stderr=self.log)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self.log.close()

    def wait(self) -> None:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            with suppress(OSError, http.client.HTTPException):
                if ask(self.port, "GET", "/readyz")[0] == 200:
                    return
            time.sleep(0.05)
        raise TimeoutError("the server did not become ready")

    def workers(self) -> list[int]:
        """Processes of workers; readers are their children."""
        found = []
        for place in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                words = place.read_bytes().split(b"\0")
                if b"serving.work" in words and self._is_ours(int(place.parent.name)):
                    found.append(int(place.parent.name))
        return found

    def _is_ours(self, pid: int) -> bool:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        return {f"STEPPE_STATE={self.state}".encode(), f"STEPPE_PORT={self.port}".encode()} <= set(variables)

    @property
    def said(self) -> str:
        """Its log."""
        return Path(self.log.name).read_text()

    @property
    def settings(self) -> Settings:
        """What says where its jobs and results are."""
        named = {name.removeprefix("STEPPE_").lower(): value for name, value in self.environment.items()}
        kept = {name: value for name, value in named.items() if name in {"state", "database_url", "database_schema"}}
        return Settings(**kept)


def fleet(folder: Path, count: int, *, workers: int, database: Mapping[str, str] | None = None):
    """Servers that share a table, a state folder and models, all started at the same time."""
    models = make_registry(folder)
    servers = [Server(folder, workers=workers, models=models, database=database) for _ in range(count)]
    for server in servers:
        server.start()
    for server in servers:
        server.wait()
    return servers


def ask(port, method, path, body=None, headers=None, seconds=20.0):
    """One request on a connection of its own: status, headers and body."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)) as connection:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()


class Client(threading.Thread):
    """Asks for maps with a key for each, and repeats what was not answered, each time to the next server."""

    def __init__(self, ports, body, tally, ending):
        super().__init__(daemon=True)
        self._ports, self.body, self.tally, self.ending = cycle(ports), body, tally, ending

    @property
    def port(self):
        return next(self._ports)

    def run(self):
        while not self.ending.is_set():
            key = str(uuid.uuid4())
            self._submit(key)
            self._await(self.tally.accepted.get(key))

    def _await(self, job):
        """Wait for the end of a job, as its client would: so that there is always work, but no heap of it."""
        while job and not self.ending.wait(0.1):
            with suppress(OSError, http.client.HTTPException):
                status, _, answer = ask(self.port, "GET", f"/jobs/{job}")
                if status == 200 and json.loads(answer)["status"] in {"successful", "failed"}:
                    return

    def _submit(self, key):
        headers = {"Content-Type": "application/json", "Prefer": "respond-async", "Idempotency-Key": key}
        jobs = set()
        while not jobs:
            try:
                status, _, answer = ask(self.port, "POST", "/processes/classify/execution", self.body, headers)
            except (OSError, http.client.HTTPException):
                with self.tally.lock:
                    self.tally.lost_answers += 1
                if self.ending.wait(0.1):
                    return
                continue
            if status == 201:
                jobs.add(json.loads(answer)["jobID"])
            elif status not in {429, 503}:
                with self.tally.lock:
                    self.tally.mismatches.append(f"{status}: {answer[:300]!r}")
                return
            elif self.ending.wait(0.2):
                return
        with self.tally.lock:
            self.tally.accepted[key] = jobs.pop()


def request_of(scene: Path) -> bytes:
    """An execution request with the scene in it."""
    import base64  # noqa: PLC0415

    value = base64.b64encode(scene.read_bytes()).decode()
    return json.dumps(
        {
            "inputs": {"scene": {"value": value, "encoding": "base64", "mediaType": "image/tiff"}},
            "outputs": {"map": {"transmissionMode": "reference"}, "item": {}, "confidence": {}},
            "response": "document",
        }
    ).encode()


def rampage(
    folder: Path,
    *,
    worker_kills: int,
    server_kills: int,
    seconds: float,
    clients: int = 3,
    seed: int = 0,
    servers: int = 1,
    database: Mapping[str, str] | None = None,
    restarts: int = 0,
    restart=None,
):
    """Run a service, kill, and look at what is left.

    Args:
        folder: an empty folder.
        worker_kills: how many workers are killed.
        server_kills: how many times the server is killed.
        seconds: within which time.
        clients: threads that ask for maps.
        seed: of the order and times of kills.
        servers: how many there are, which share the workers: one table, one folder.
        database: the settings of PostgreSQL; none = SQLite.
        restarts: how many times the database is killed and started anew, by ``restart``.
        restart: does so.

    Returns:
        What was counted and found; ``faults`` is empty when everything holds.
    """
    chance, tally, ending = random.Random(seed), Tally(), threading.Event()  # noqa: S311 - order of kills
    # Small enough for a request, large enough to be killed in the middle.
    scene = write_scene(folder / "scene.tif", scene_numbers(180, 200), compress="deflate")
    crowd = fleet(folder, servers, workers=WORKERS // servers, database=database)
    body = request_of(scene)
    ports = [server.port for server in crowd]
    askers = [Client(ports[number % servers :] + ports, body, tally, ending) for number in range(clients)]
    for asker in askers:
        asker.start()
    began = time.monotonic()
    kinds = ["worker"] * worker_kills + ["server"] * server_kills + ["database"] * restarts
    chance.shuffle(kinds)
    for number, kind in enumerate(kinds, start=1):
        if kind == "database":
            restart()
            tally.restarts += 1
        else:
            _kill(chance.choice(crowd), kind, tally, chance)
        # Kills are spread over the time there is; a server that starts takes its part of it.
        until = began + seconds * number / len(kinds)
        time.sleep(max(0.0, until - time.monotonic()))
    took = time.monotonic() - began
    ending.set()
    for asker in askers:
        asker.join(30)
    for server in crowd:
        server.wait()
    states = _drain(crowd, tally)
    found = _look(crowd[0], tally, states)
    for server in crowd:
        server.stop()
    return {
        "seconds": round(took, 1),
        "worker_kills": tally.worker_kills,
        "server_kills": tally.server_kills,
        "database_kills": tally.restarts,
        "accepted": len(tally.accepted),
        "lost_answers": tally.lost_answers,
        "states": dict(Counter(states.values())),
        **found,
    }


def _kill(server, kind, tally, chance):
    if kind == "server":
        server.kill()
        tally.server_kills += 1
        server.start()
        return
    for _ in range(400):
        pids = server.workers()
        if pids:
            with suppress(ProcessLookupError):
                os.kill(chance.choice(pids), signal.SIGKILL)
                tally.worker_kills += 1
                return
        time.sleep(0.05)


def _drain(crowd, tally):
    """The state of every accepted job when all have ended, or the time is over; each server is asked in turn."""
    deadline = time.monotonic() + DRAIN_S
    states, ports = {}, cycle([server.port for server in crowd])
    while time.monotonic() < deadline:
        for job in tally.accepted.values():
            if states.get(job) in {"successful", "failed"}:
                continue
            status, _, answer = ask(next(ports), "GET", f"/jobs/{job}")
            states[job] = json.loads(answer)["status"] if status == 200 else f"HTTP {status}"
        if all(state in {"successful", "failed"} for state in states.values()):
            break
        time.sleep(0.2)
    return states


def _rows(server):
    """Every job as id, state, result and attempt; and the problems of those that have one."""
    with closing(open_database(server.settings)) as database, database.reading() as transaction:
        jobs = transaction.run("SELECT id, state, result, attempt, problem FROM job WHERE gone_us IS NULL")
    rows = [(job["id"], job["state"], job["result"], job["attempt"]) for job in jobs]
    return rows, [job["problem"] for job in jobs if job["problem"] is not None]


def _look(server, tally, states):
    """What is wrong with what is left."""
    faults = list(tally.mismatches)
    faults += [f"job {job} is {state}" for job, state in states.items() if state not in {"successful", "failed"}]
    rows, problems = _rows(server)  # a damaged SQLite file is refused
    named = {row[2] for row in rows if row[2]}
    folders = {path.name for path in (server.state / "results").iterdir() if not path.name.startswith(".")}
    expected = None
    for job, state, result, _attempt in rows:
        if state != "successful":
            continue
        if result not in folders:
            faults.append(f"job {job} has no result folder")
            continue
        place = server.state / "results" / result
        outcome = json.loads((place / "outcome.json").read_text())
        for file in outcome["outputs"].values():
            if file_digest(place / file["file"]) != file["sha256"]:
                faults.append(f"job {job}: {file['file']} is not what was published")
        codes, _ = read_map(place / "map.tif")
        expected = codes if expected is None else expected
        if not np.array_equal(codes, expected):
            faults.append(f"job {job}: another map")
    twice = [job for job, count in Counter(name.partition(".")[0] for name in named).items() if count > 1]
    faults += [f"job {job} has several results" for job in twice]
    failed = Counter(json.loads(problem)["type"] for problem in problems)
    return {
        "table_rows": len(rows),
        "attempts": dict(sorted(Counter(row[3] for row in rows).items())),
        "failed_because": dict(failed),
        "orphan_folders": len(folders - named),
        "faults": faults,
    }

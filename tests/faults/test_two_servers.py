"""Two ``steppe serve`` on one table and one folder, as processes, one of them killed (F18, I1, I2, I8); and what of the
password of their database can be seen from outside."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from pathlib import Path

import pytest

from landcover.errors import ConfigError
from serving.database.protocol import StoreUnavailable
from tests.faults.kills import COMMAND, ask, fleet, request_of
from tests.service import scene_numbers, write_scene

pytestmark = pytest.mark.slow  # starts servers


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    """The settings of a database, and the password in them."""
    if request.param == "sqlite":
        return {}, None
    guarded = request.getfixturevalue("guarded")
    return guarded.settings, guarded.password.partition("/")[2]


@pytest.fixture
def body(tmp_path):
    return request_of(write_scene(tmp_path / "scene.tif", scene_numbers(180, 200), compress="deflate"))


def begin(server, body, key):
    headers = {"Content-Type": "application/json", "Prefer": "respond-async", "Idempotency-Key": key}
    status, _, answer = ask(server.port, "POST", "/processes/classify/execution", body, headers)
    assert status == 201, answer
    return json.loads(answer)["jobID"]


def status_of(server, job):
    return json.loads(ask(server.port, "GET", f"/jobs/{job}")[2])["status"]


def family(server):
    """All processes of a server that is running."""
    found = [server.process.pid]
    for process in found:
        for children in Path(f"/proc/{process}/task").glob("*/children"):
            found += map(int, children.read_text().split())
    return found


def read(process, name):
    return Path(f"/proc/{process}/{name}").read_bytes()


def test_one_of_two_is_killed(tmp_path, database, body):
    settings, password = database
    here, there = fleet(tmp_path, 2, workers=1, database=settings)
    try:
        keys = [str(uuid.uuid4()) for _ in range(4)]
        jobs = [begin((here, there)[number % 2], body, key) for number, key in enumerate(keys)]
        while not any(status_of(there, job) == "running" for job in jobs):
            time.sleep(0.01)
        if password:
            look_for(password, [*family(here), *family(there)])
        here.kill()
        assert [begin(there, body, key) for key in keys] == jobs  # as a client would that lost its server
        deadline = time.monotonic() + 60
        while {status_of(there, job) for job in jobs} != {"successful"}:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        maps = {ask(there.port, "GET", f"/jobs/{job}/results/map")[2] for job in jobs}
        assert len(maps) <= len(jobs)
        assert all(content.startswith(b"II*\0") for content in maps)
        here.start()
        here.wait()
        listed = json.loads(ask(here.port, "GET", "/jobs")[2])["jobs"]
        assert {job["jobID"] for job in listed} == set(jobs)
    finally:
        for server in (here, there):
            server.stop()
    if password:
        assert password not in here.said + there.said


def look_for(password, processes):
    """Nobody sees the password in a list of processes, and no reader of foreign rasters has it at all."""
    assert len(processes) >= 5  # two servers, a worker each, a reader at least
    readers = 0
    for process in processes:
        assert password.encode() not in read(process, "cmdline")
        if b"serving.reader" in read(process, "cmdline"):
            readers += 1
            assert b"DATABASE" not in read(process, "environ")
            assert password.encode() not in read(process, "environ")
    assert readers


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("postgresql://guarded:se/cret@localhost/steppe", ConfigError.exit_code, "@ as %40"),
        ("mysql://guarded:secret@localhost/steppe", ConfigError.exit_code, "cannot be understood"),
        ("{wrong}", StoreUnavailable.exit_code, "the database cannot be reached"),
    ],
)
def test_no_command_says_the_password(tmp_path, guarded, url, code, words):
    wrong = guarded.cluster.guarded("another one").replace("another%20one", "secret")
    url = url.replace("{wrong}", wrong)
    environment = {"PATH": "/usr/bin:/bin", "STEPPE_STATE": str(tmp_path), "STEPPE_DATABASE_URL": url}
    for arguments in (["serve", "--port", "0"], ["keys", "list"], ["jobs", "list"]):
        done = subprocess.run([*COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert (done.returncode, words in said) == (code, True), said
        assert "cret" not in said
        assert "Traceback" not in said

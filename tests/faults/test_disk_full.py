"""Fault F7: no room for an upload, a job, scratch files, a result or the log. Whoever asks is told, nothing is lost."""

import errno
import io
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from serving.api.app import create_app
from serving.jobs.record import State
from serving.processes.orders import UploadSource
from serving.telemetry.logs import configure_logs
from tests.crew import crewed
from tests.faults.disks import small_disk
from tests.faults.kills import Server, ask
from tests.service import left_in, make_settings, scene_numbers, write_scene

TIFF = {"Content-Type": "image/tiff"}
ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def disk(tmp_path):
    """All that the service keeps lies there."""
    with small_disk(tmp_path / "state") as mounted:
        yield mounted


@pytest.fixture
def settings(tmp_path, folders):
    return make_settings(tmp_path, *folders, min_free_bytes=0)


@pytest.fixture
def client(settings, disk):  # noqa: ARG001 - mounted first
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


def check_full(answer):
    assert (answer.status_code, answer.json()["type"]) == (507, "/problems/disk-full"), answer.text


def check_intact(settings, jobs):
    with closing(sqlite3.connect(settings.state / "steppe.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT count(*) FROM job").fetchone() == (jobs,)


def uploads(settings):
    return [name for name in left_in(settings.state / "uploads") if "/" in name]


def areas(upload):
    return {"inputs": {"scene": {"href": upload.json()["href"]}}, "outputs": {"areas": {}}}


@pytest.mark.parametrize("leave", [0, 8192, 65536])
def test_an_upload(client, settings, disk, body, tmp_path, leave):
    first = client.post("/uploads", content=body, headers=TIFF)
    large = write_scene(tmp_path / "large.tif", scene_numbers(200, 220), compress=None).read_bytes()
    disk.fill(leave)
    for path in ("/uploads", "/classify"):
        check_full(client.post(path, content=large, headers=TIFF))
    assert len(uploads(settings)) == 1
    disk.clear()
    second = client.post("/uploads", content=large, headers=TIFF)
    assert (first.status_code, second.status_code, len(uploads(settings))) == (201, 201, 2)


def test_a_job(client, settings, disk, body, readers):
    request = areas(client.post("/uploads", content=body, headers=TIFF))
    execution = "/processes/classify/execution"
    job = client.post(execution, json=request, headers=ASYNC).headers["location"]
    disk.fill()
    check_full(client.post(execution, json=request, headers=ASYNC | {"Idempotency-Key": "one"}))
    assert client.get(job).json()["status"] == "accepted"
    check_intact(settings, jobs=1)
    disk.clear()
    with crewed(settings, readers):
        answer = client.post(execution, json=request, headers={"Idempotency-Key": "one"})
        assert answer.status_code == 200
        assert client.get(job).json()["status"] == "successful"
    check_intact(settings, jobs=2)


def test_whether_it_is_ready_is_known_before_it_is_full(tmp_path, folders, disk):
    settings = make_settings(tmp_path, *folders, min_free_bytes=1024**2)
    with TestClient(create_app(settings)) as client:
        assert client.get("/readyz").status_code == 200
        disk.fill(leave=512 * 1024)
        refused = client.get("/readyz")
        assert (refused.status_code, "make room" in refused.json()["detail"]) == (503, True)
        assert client.get("/livez").status_code == 200


@pytest.mark.parametrize("leave", [0, 8192, 57_344])
def test_a_result(settings, yards, tmp_path, leave):
    with small_disk(tmp_path / "state" / "results") as disk:
        yard = yards(settings)
        kept = yard.accept()
        assert yard.worker().step()
        before = left_in(yard.shop.results.root)
        disk.fill(leave)
        job = yard.accept(outputs=("map", "confidence", "areas", "item"))
        assert yard.worker().step()
        disk.clear()
        failed = yard.get(job)
        assert (failed.state, failed.problem["type"]) == (State.FAILED, "/problems/disk-full")
        assert (left_in(yard.shop.results.root), yard.scratch()) == (before, [])
        again = yard.accept()
        assert yard.worker().step()
        assert [yard.get(job).state for job in (kept, again)] == [State.SUCCESSFUL] * 2


@pytest.mark.parametrize("inodes", [1, 2], ids=["no folder", "no folder in it"])
def test_scratch(tmp_path, folders, yards, inodes):
    with small_disk(tmp_path / "small", f"nr_inodes={inodes}"):
        yard = yards(make_settings(tmp_path, *folders, scratch=tmp_path / "small"))
        job = yard.accept(source=UploadSource(file=yard.upload(), name="scene.tif"))
        assert yard.worker().step()
        assert yard.get(job).problem["type"] == "/problems/disk-full"
        assert (yard.results(), yard.scratch()) == ([], [])


class FullAtTheEnd:
    """A job table on a disk that is full for a moment just when a job is done."""

    def __init__(self, store, disk):
        self._store, self._disk, self.tries = store, disk, 0

    def __getattr__(self, name):
        return getattr(self._store, name)

    def succeed(self, job, fence, result):
        self.tries += 1
        if self.tries == 1:
            self._disk.fill()
        try:
            self._store.succeed(job, fence, result)
        finally:
            self._disk.clear()


def test_the_table_when_a_job_is_done(settings, yards, disk):
    """The worker does not end, and does not do the work again."""
    yard = yards(settings)
    job, table = yard.accept(), FullAtTheEnd(yard.store, disk)
    yard.shop = replace(yard.shop, store=table)
    assert yard.worker().step()
    assert (table.tries, yard.get(job).state, yard.get(job).attempt) == (2, State.SUCCESSFUL, 1)
    assert yard.results() == [yard.get(job).result]
    check_intact(settings, jobs=1)


class FullStream(io.StringIO):
    """Standard error on a full disk."""

    def write(self, _text):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_the_log(tmp_path, folders, body, readers):
    """What cannot be said is not said; the work goes on."""
    settings = make_settings(tmp_path, *folders)
    configure_logs("debug", "json", FullStream())
    with crewed(settings, readers), TestClient(create_app(settings)) as client:
        assert client.post("/classify", content=body, headers=TIFF).status_code == 200
        assert client.get("/nothing").status_code == 404


@pytest.mark.slow
def test_a_server_that_starts_with_a_full_log(tmp_path, body):
    server = Server(tmp_path, workers=1)
    server.log.close()
    with Path("/dev/full").open("wb", buffering=0) as server.log:
        server.start()
        server.wait()
        status, _, answer = ask(server.port, "POST", "/classify", body, TIFF | {"Accept": "application/json"})
        assert (status, json.loads(answer)["total"]["pixels"]) == (200, 6300)
        server.stop()

"""Fault F8: the disk has errors, or cannot be written. Nothing is promised then, nor afterwards by the same process."""

import base64
import errno
import os
import sqlite3
import stat

import pytest
from starlette.testclient import TestClient

from serving.api.app import create_app
from serving.jobs.record import State
from tests.service import left_in

TIFF = {"Content-Type": "image/tiff"}
ASYNC = {"Prefer": "respond-async"}
EXECUTION = "/processes/classify/execution"


@pytest.fixture
def client(settings):
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


def slug(answer):
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


def value(body):
    """A request with the scene in it."""
    scene = {"value": base64.b64encode(body).decode(), "mediaType": "image/tiff"}
    return {"inputs": {"scene": scene}, "outputs": {"areas": {}}}


def fail_once(patch, number, what):
    """The next flush of a file, or of a folder, fails; later ones seem to do well, as Linux has it."""
    real, left = os.fsync, [1]

    def fsync(descriptor):
        if left and stat.S_ISDIR(os.fstat(descriptor).st_mode) == (what == "folder"):
            left.clear()
            raise OSError(number, os.strerror(number))
        real(descriptor)

    patch.setattr(os, "fsync", fsync)
    return left


@pytest.mark.parametrize("what", ["file", "folder"])
@pytest.mark.parametrize("way", ["upload", "value"])
def test_a_flush_that_fails_is_the_last_word(client, settings, body, monkeypatch, what, way):
    kept = client.post("/uploads", content=body, headers=TIFF)
    request = {"inputs": {"scene": {"href": kept.json()["href"]}}, "outputs": {"areas": {}}}
    job = client.post(EXECUTION, json=request, headers=ASYNC).headers["location"]
    files = left_in(settings.state / "uploads")
    left = fail_once(monkeypatch, errno.EIO, what)

    def try_again():
        if way == "upload":
            return client.post("/uploads", content=body, headers=TIFF)
        return client.post(EXECUTION, json=value(body), headers=ASYNC)

    assert slug(try_again()) == (503, "disk-failed")
    assert left == []
    assert slug(try_again()) == (503, "disk-failed")  # though the disk seems to do well again
    assert slug(client.post(EXECUTION, json=request, headers=ASYNC)) == (503, "disk-failed")
    assert slug(client.post("/classify", content=body, headers=TIFF)) == (503, "disk-failed")
    assert "anew" in client.get("/readyz").json()["detail"]
    assert client.get("/livez").status_code == client.get(job).status_code == 200
    if what == "file":  # a name whose folder could not be flushed may be there, unknown to anybody
        assert left_in(settings.state / "uploads") == files
    with TestClient(create_app(settings)) as anew:
        assert anew.get("/readyz").status_code == 200
        assert anew.get(job).json()["status"] == "accepted"
        assert anew.post(EXECUTION, json=request, headers=ASYNC).status_code == 201


class NoFlush:
    """A connection of SQLite whose commit meets a failing fsync."""

    def __init__(self, connection):
        self._connection = connection

    def __getattr__(self, name):
        return getattr(self._connection, name)

    def execute(self, sql, *values):
        if sql == "COMMIT":
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error
        return self._connection.execute(sql, *values)


def test_a_commit_that_does_not_reach_the_disk(client, body):
    request = {"inputs": {"scene": {"href": client.post("/uploads", content=body, headers=TIFF).json()["href"]}}}
    database = client.app.state.database()
    usual, database._writer = database._writer, NoFlush(database._writer)
    assert slug(client.post(EXECUTION, json=request, headers=ASYNC)) == (503, "disk-failed")
    database._writer = usual
    assert slug(client.post(EXECUTION, json=request, headers=ASYNC)) == (503, "disk-failed")
    assert client.get("/readyz").status_code == 503
    assert client.get("/jobs").json()["jobs"] == []


@pytest.mark.parametrize(
    ("number", "told"), [(errno.EIO, (503, "disk-failed")), (errno.EROFS, (500, "output-not-writable"))]
)
def test_a_file_that_cannot_be_written(client, settings, body, monkeypatch, number, told):
    """Nothing was promised, so what is written when the disk does well again counts."""

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr("serving.api.upload.Path.open", refuse)
        assert slug(client.post("/uploads", content=body, headers=TIFF)) == told
    assert [name for name in left_in(settings.state / "uploads") if "/" in name] == []
    assert client.post("/uploads", content=body, headers=TIFF).status_code == 201


def test_a_file_system_that_became_read_only_is_told(client, monkeypatch):
    assert client.get("/readyz").status_code == 200
    with monkeypatch.context() as patch:
        patch.setattr("serving.telemetry.readiness.os.access", lambda *_: False)
        assert "read-only" in client.get("/readyz").json()["detail"]
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_result_that_does_not_reach_the_disk(settings, yards, monkeypatch, what):
    """The worker ends, another one does the job."""
    yard = yards(settings)
    job = yard.accept()
    with monkeypatch.context() as patch:
        fail_once(patch, errno.EIO, what)
        yard.worker().run()
    given_up = yard.get(job)
    assert (given_up.state, given_up.result, given_up.attempt) == (State.RUNNING, None, 1)
    assert yard.worker("anew").step()
    done = yard.get(job)
    assert (done.state, done.attempt, done.result) == (State.SUCCESSFUL, 2, f"{job.id}.2")


def test_a_table_that_does_not_reach_the_disk(settings, yards):
    """Whether the job is done is not known: the worker ends and says nothing more of it."""
    yard = yards(settings)
    job = yard.accept()
    database = yard.store._database
    usual = database._writer
    succeed = yard.store.succeed

    class Table:
        def __getattr__(self, name):
            return getattr(yard.store, name)

        def succeed(self, *arguments):
            database._writer = NoFlush(usual)
            try:
                succeed(*arguments)
            finally:
                database._writer = usual

    object.__setattr__(yard.shop, "store", Table())
    yard.worker().run()
    assert (yard.get(job).state, yard.get(job).attempt) == (State.RUNNING, 1)

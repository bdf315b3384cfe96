"""Fault F22: the power goes at any step of an upload, of accepting a job, or of publishing its result.

The database is SQLite in WAL mode with synchronous=FULL: what it has committed is there (test_sqlite.py looks at that
setting), so here only files can be lost. A copy of it belongs to each moment, as it was then.
"""

import base64
import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from starlette.testclient import TestClient

from landcover.raster.digest import file_digest
from serving.api.app import create_app
from serving.folders import StateFolders
from serving.jobs.record import State
from serving.results import Results
from serving.work.janitor import Janitor
from serving.work.worker import Worker
from tests.crew import open_test_shop
from tests.faults.power import Luck, Recorder
from tests.service import make_settings

TIFF = {"Content-Type": "image/tiff"}


class Watched(Recorder):
    """A folder of the service, and its database as it was at each moment."""

    def __init__(self, root, copies):
        super().__init__(root, apart=frozenset({"steppe.db"}))
        self._copies = copies

    def note(self, label, flushed=None):
        super().note(label, flushed)
        if not (self.root / "steppe.db").exists():
            return
        with (
            closing(sqlite3.connect(self.root / "steppe.db")) as database,
            closing(sqlite3.connect(self._copies / f"{len(self.moments) - 1}.db")) as copy,
        ):
            copy.execute("PRAGMA synchronous = OFF")
            database.backup(copy)

    def left(self, folder):
        """Every moment with every luck: a number, a label, what was promised, and the folder that is left."""
        for number, moment in enumerate(self.moments):
            for luck in Luck:
                place = folder / f"{number}-{luck.name}"
                moment.restore(self.inode, place, luck)
                copy = self._copies / f"{number}.db"
                if copy.exists():
                    shutil.copyfile(copy, place / "steppe.db")
                yield f"{number}, {moment.label}, {luck.value}", moment.facts, place
                shutil.rmtree(place)


@pytest.fixture
def watched(settings, tmp_path):
    settings.state.mkdir()
    (tmp_path / "copies").mkdir()
    (tmp_path / "left").mkdir()
    return Watched(settings.state, tmp_path / "copies")


def uploads(place):
    root = place / "uploads"
    files = [path for path in root.rglob("*") if path.is_file()] if root.exists() else []
    return {path.name: path.read_bytes() for path in files}


def test_an_upload_that_was_promised_is_there(settings, watched, tmp_path, body, monkeypatch):
    """Also the first of its owner, whose folder is new; and no name belongs to half a file."""
    with TestClient(create_app(settings)) as client, watched.recording(monkeypatch):
        for count in range(2):
            answer = client.post("/uploads", content=body, headers=TIFF)
            watched.facts[answer.json()["id"]] = {}
            watched.note(f"answer {count}")
    assert sum(moment.label == "flush" for moment in watched.moments) >= 4
    for label, promised, place in watched.left(tmp_path / "left"):
        found = uploads(place)
        assert set(promised) <= set(found), label
        named = {name: content for name, content in found.items() if not name.endswith(".part")}
        assert set(named.values()) <= {body}, label


def test_a_job_that_was_promised_has_its_scene(settings, watched, tmp_path, body, monkeypatch):
    scene = {"value": base64.b64encode(body).decode(), "mediaType": "image/tiff"}
    request = {"inputs": {"scene": scene}, "outputs": {"areas": {}}}
    with TestClient(create_app(settings)) as client, watched.recording(monkeypatch):
        answer = client.post("/processes/classify/execution", json=request, headers={"Prefer": "respond-async"})
        watched.facts[answer.json()["jobID"]] = {}
        watched.note("answer")
    for label, promised, place in watched.left(tmp_path / "left"):
        with closing(sqlite3.connect(place / "steppe.db")) as database:
            rows = dict(database.execute("SELECT id, request FROM job").fetchall())
        assert set(promised) <= set(rows), label
        for asked in rows.values():
            source = json.loads(asked)["order"]["images"][0]["source"]
            assert (place / "uploads" / source["file"]).read_bytes() == body, label


def whole(results, name):
    """Whether every file of a result is what was published."""
    outcome = results.outcome(name)
    return all(
        file_digest(results.root / name / kept["file"]) == kept["sha256"] for kept in outcome["outputs"].values()
    )


@pytest.mark.slow
def test_a_result_that_is_public_is_whole(settings, watched, tmp_path, folders, readers, yards, monkeypatch):
    yard = yards(settings)
    job = yard.accept(outputs=("map", "confidence", "areas", "item"))
    succeed = yard.store.succeed
    with watched.recording(monkeypatch), monkeypatch.context() as patch:
        patch.setattr(type(yard.store), "succeed", lambda _, *words: (succeed(*words), watched.note("commit"))[0])
        assert yard.worker().step()
        watched.note("the end")
    assert yard.get(job).state is State.SUCCESSFUL
    seen = set()
    for label, _, place in watched.left(tmp_path / "left"):
        with closing(sqlite3.connect(place / "steppe.db")) as database:
            ((state, result),) = database.execute("SELECT state, result FROM job").fetchall()
        seen.add(state)
        results = Results(place / "results")
        if state == "successful":
            assert whole(results, result), label
        for name in results.found():
            assert name.startswith(".") or whole(results, name), label
    assert seen == {"accepted", "running", "successful"}
    assert len(watched.moments) > 20
    restarted(watched, tmp_path, folders, readers, job)


def restarted(watched, tmp_path, folders, readers, job):
    """After the most and the least that a loss just before the commit leaves, the job is done anew, once."""
    last = max(number for number, moment in enumerate(watched.moments) if moment.label not in {"commit", "the end"})
    for luck in (Luck.NOTHING, Luck.ALL):
        again = make_settings(tmp_path, *folders, state=tmp_path / f"again-{luck.name}")
        watched.moments[last].restore(watched.inode, again.state, luck)
        shutil.copyfile(tmp_path / "copies" / f"{last}.db", again.state / "steppe.db")
        with closing(sqlite3.connect(again.state / "steppe.db")) as database:
            database.execute("UPDATE job SET lease_ticks = 0, lease_epoch = 'another boot'")
            database.commit()
        with open_test_shop(again, readers) as shop:
            assert Worker("anew", shop, report=lambda _: None).step()
            Janitor(shop.store, StateFolders.of(again), 3600).round()
            done = shop.store.get(job.id, None)
            assert (done.state, done.attempt) == (State.SUCCESSFUL, 2)
            assert shop.results.found() == [done.result]
            assert whole(shop.results, done.result)

"""A worker: what it makes, every way in which it can fail, and that only one of several publishes."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from dataclasses import replace

import pytest
import rasterio

from landcover.errors import DiskFull
from serving.database.protocol import StoreUnavailable
from serving.jobs.record import State
from serving.jobs.store import LeaseLost
from serving.processes.orders import FolderSource, UploadSource, UrlSource
from serving.registry.words import Resolved
from serving.work import performing
from serving.work import worker as module
from serving.work.worker import Worker
from tests.bundles import tiny_bundle
from tests.crew import open_test_shop
from tests.rasters import cut
from tests.service import make_settings, write_scene


def in_thread(target):
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread


def until(condition, seconds=15):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_nothing_to_do(yard):
    assert yard.worker().step() is False
    assert yard.results() == []


def test_success(yard):
    job = yard.accept(outputs=("map", "confidence", "preview", "areas", "features", "item"))
    assert yard.worker().step() is True
    done = yard.get(job)
    assert (done.state, done.progress, done.attempt, done.result) == (State.SUCCESSFUL, 100, 1, f"{job.id}.1")
    assert yard.results() == [done.result]
    assert yard.scratch() == []
    folder = yard.shop.results.root / done.result
    outcome = yard.shop.results.outcome(done.result)
    assert outcome["model"] == "tiny@0.1.0"
    assert set(outcome["outputs"]) == {"map", "style", "confidence", "preview", "areas", "features", "item"}
    for kept in outcome["outputs"].values():
        content = (folder / kept["file"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (kept["bytes"], kept["sha256"])
    item = json.loads((folder / "item.json").read_text())
    digest = hashlib.sha256((folder / "map.tif").read_bytes()).hexdigest()
    assert item["assets"]["map"]["file:checksum"] == f"1220{digest}"  # invariant I3
    with rasterio.open(folder / "map.tif") as dataset:
        assert dataset.tags()["steppe_model"] == "tiny@0.1.0"
    (report,) = yard.reports
    assert (report.process, report.model, report.pixels, report.failed) == ("classify", "tiny@0.1.0", 6300, None)


def test_the_oldest_first(yard):
    jobs = [yard.accept() for _ in range(3)]
    worker = yard.worker()
    for number in range(1, 4):
        worker.step()
        assert [yard.get(job).state.ended for job in jobs] == [index < number for index in range(3)]


def test_a_model_that_came_after_the_worker(yard, folders, tmp_path):
    """Another process has seen, and accepted a job for, what this one has not looked for yet."""
    settings = make_settings(tmp_path, tmp_path / "own", folders[1])
    (tmp_path / "own").mkdir()
    with open_test_shop(settings, yard.shop.opener) as other:
        bundle = tiny_bundle(tmp_path / "own", version="7.0.0")
        with other.models.lease(Resolved.of(bundle)) as engine:
            assert engine.bundle.manifest.identifier == "tiny@7.0.0"


FAILURES = {
    "cut off": ({"body": "cut"}, "raster-truncated"),
    "no raster": ({"body": b"<html></html>"}, "raster-unreadable"),
    "no upload": ({"source": UploadSource(file="0/0")}, "no-such-upload"),
    "no folder": ({"source": FolderSource(path="x.tif")}, "no-such-path"),
    "no host": ({"source": UrlSource(href="https://data.example.org/x.tif")}, "url-blocked"),
    "another model": ({"model": "tiny@9", "sha256": "0" * 64}, "model-not-found"),
    "an altered model": ({"sha256": "0" * 64}, "bundle-invalid"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failures(yard, name, scene):
    asked, slug = FAILURES[name]
    if asked.get("body") == "cut":
        asked = {"body": cut(scene, 0.5).read_bytes()}
    job = yard.accept(**asked)
    assert yard.worker().step() is True
    failed = yard.get(job)
    assert (failed.state, failed.result) == (State.FAILED, None)
    assert failed.problem["type"].rpartition("/")[2] in {slug, "raster-format"}, failed.problem
    assert failed.problem["detail"].isprintable()
    assert str(yard.shop.settings.state) not in str(failed.problem)
    assert yard.results() == []
    assert yard.scratch() == []
    (report,) = yard.reports
    assert report.failed == failed.problem["type"].rpartition("/")[2]


@pytest.mark.parametrize(
    ("error", "slug"),
    [(ZeroDivisionError("secret"), "internal"), (MemoryError(), "raster-too-large"), (DiskFull("full"), "disk-full")],
)
def test_errors_of_the_work(yard, monkeypatch, error, slug, caplog):
    def broken(*_args, **_keywords):
        raise error

    monkeypatch.setattr("serving.work.performing.classify_scene", broken)
    job = yard.accept()
    yard.worker().step()
    problem = yard.get(job).problem
    assert problem["type"] == f"/problems/{slug}"
    assert "secret" not in str(problem)
    assert ("ZeroDivisionError" in caplog.text) == (slug == "internal")
    assert (yard.results(), yard.scratch()) == ([], [])
    again = yard.accept(source=UploadSource(file="0/0"))
    assert yard.worker().step() is True  # the worker goes on
    assert yard.get(again).state is State.FAILED


def test_a_full_disk(yard, monkeypatch):
    """Fault F7: no space while the map is written."""

    def full(*_args, **_keywords):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("landcover.raster.cog.MapWriter._create_raw", full)
    job = yard.accept()
    yard.worker().step()
    assert yard.get(job).problem["type"] == "/problems/disk-full"
    assert (yard.results(), yard.scratch()) == ([], [])


class FullFor:
    """A job table whose disk is full for its first so many ends of jobs."""

    def __init__(self, store, times):
        self._store, self.left = store, times

    def __getattr__(self, name):
        return getattr(self._store, name)

    def _end(self, end, *args):
        if self.left:
            self.left -= 1
            raise DiskFull("the disk is full")
        end(*args)

    def succeed(self, *args):
        self._end(self._store.succeed, *args)

    def fail(self, *args):
        self._end(self._store.fail, *args)


def test_a_table_that_is_full_for_a_moment_costs_no_map(yard, monkeypatch):
    """Fault F7: the disk of the database is full when the map is done."""
    monkeypatch.setattr(module, "INSISTING_S", (0.01, 0.01))
    yard.shop = replace(yard.shop, store=FullFor(yard.store, 2))
    job = yard.accept()
    assert yard.worker().step() is True
    assert yard.get(job).state is State.SUCCESSFUL
    assert len(yard.reports) == 1


def test_a_table_that_stays_full_ends_no_worker(yard, monkeypatch):
    """Nothing can be written of the job, not even that it failed: its lease ends, and it is done again."""
    monkeypatch.setattr(module, "INSISTING_S", (0.01,))
    monkeypatch.setattr(module, "PATIENCE_S", 0.01)
    full = FullFor(yard.store, 1000)
    yard.shop = replace(yard.shop, store=full)
    job = yard.accept()
    worker = yard.worker()
    thread = in_thread(worker.run)
    until(lambda: full.left <= 996)
    assert yard.get(job).state is State.RUNNING
    assert yard.results() == []  # it would only take room
    full.left = 0
    with yard.store._writing() as step:
        step.run("UPDATE job SET lease_ticks = 0, lease_epoch = 'x' WHERE id = :id", id=job.id)
    until(lambda: yard.get(job).state is State.SUCCESSFUL)
    worker.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_why_readers_ended_is_reported_with_the_next_job(yard, scene):
    job = yard.accept()
    yard.shop.deaths.add("killed")
    yard.worker().step()
    failed = yard.accept(body=cut(scene, 0.5).read_bytes())
    yard.shop.deaths.add("time")
    yard.worker().step()
    assert [yard.get(one).state for one in (job, failed)] == [State.SUCCESSFUL, State.FAILED]
    assert [report.reader_deaths for report in yard.reports] == [("killed",), ("time",)]


def test_an_fsync_that_fails(yard, monkeypatch):
    """Fault F8: nothing is published that is not on the disk."""

    def failing(_path):
        raise OSError(5, "Input/output error")

    job = yard.accept()
    with monkeypatch.context() as patch:
        patch.setattr("serving.results.flush", failing)
        worker = yard.worker()
        worker.run()  # ends by itself: the machine has failed, not the job
    assert (yard.get(job).state, yard.results(), yard.scratch()) == (State.RUNNING, [], [])
    assert yard.worker("anew").step() is True
    assert (yard.get(job).state, yard.get(job).attempt) == (State.SUCCESSFUL, 2)


@pytest.mark.usefixtures("quick_heart")
def test_dismissed_while_it_runs(yard, held):
    """Invariant I9."""
    job = yard.accept()
    thread = in_thread(yard.worker().step)
    assert held.began.wait(15)
    began = time.monotonic()
    yard.store.dismiss(job.id, None)
    thread.join(10)
    assert time.monotonic() - began < 5
    assert (yard.results(), yard.scratch(), yard.reports) == ([], [], [])
    assert not yard.hard.is_set()


@pytest.mark.usefixtures("quick_heart")
def test_given_back_when_the_worker_is_told_to_stop(yard, held):
    """Fault F23: the attempt does not count."""
    job = yard.accept()
    worker = yard.worker()
    thread = in_thread(worker.run)
    assert held.began.wait(15)
    assert yard.get(job).state is State.RUNNING
    worker.stop()
    thread.join(10)
    assert not thread.is_alive()
    back = yard.get(job)
    assert (back.state, back.attempt) == (State.ACCEPTED, 0)
    assert (yard.results(), yard.scratch()) == ([], [])


@pytest.mark.usefixtures("quick_heart")
def test_work_that_does_not_stop_is_ended_hard(yard, monkeypatch):
    began, go_on = threading.Event(), threading.Event()

    def deaf(*_args, **_keywords):
        began.set()
        go_on.wait(15)
        raise ZeroDivisionError

    monkeypatch.setattr("serving.work.performing.classify_scene", deaf)
    job = yard.accept()
    thread = in_thread(yard.worker().step)
    assert began.wait(15)
    yard.store.dismiss(job.id, None)
    assert yard.hard.wait(5)
    go_on.set()
    thread.join(10)
    assert yard.results() == []


class Sleeper:
    """A job table whose caller sleeps past its lease before it says that a job is done."""

    def __init__(self, store, meanwhile):
        self._store, self._meanwhile = store, meanwhile

    def __getattr__(self, name):
        return getattr(self._store, name)

    def succeed(self, job, fence, result):
        end_lease(self._store, job)
        self._meanwhile()
        self._store.succeed(job, fence, result)


def end_lease(store, job):
    with store._writing() as step:
        step.run("UPDATE job SET lease_ticks = 0, lease_epoch = 'x' WHERE id = :id", id=job)


def test_a_late_writer_publishes_nothing(yard):
    """Faults F3 and F28: the lease ended, another worker has published; the late one removes its folder."""
    job, other = yard.accept(), yard.worker("other")
    late = Worker(
        "late",
        replace(yard.shop, store=Sleeper(yard.store, other.step)),
        report=yard.reports.append,
        overdue=yard.hard.set,
    )
    late.step()
    done = yard.get(job)
    assert (done.state, done.result, done.attempt) == (State.SUCCESSFUL, f"{job.id}.2", 2)
    assert yard.results() == [done.result]
    assert len(yard.reports) == 1


@pytest.mark.usefixtures("quick_heart")
def test_a_lease_that_another_worker_has_taken(yard, held):
    job = yard.accept()
    thread = in_thread(yard.worker().step)
    assert held.began.wait(15)
    end_lease(yard.store, job.id)
    taken = yard.store.lease("other", 30)
    assert (taken.id, taken.fence) == (job.id, 2)
    thread.join(10)
    assert not thread.is_alive()
    assert (yard.get(job).state, yard.get(job).fence) == (State.RUNNING, 2)
    assert (yard.results(), yard.scratch()) == ([], [])


class Flaky:
    """A job table that is away for some calls of a method."""

    def __init__(self, store, method, times):
        self._store, self._method, self.left = store, method, times

    def __getattr__(self, name):
        real = getattr(self._store, name)
        if name != self._method:
            return real

        def call(*args, **keywords):
            if self.left > 0:
                self.left -= 1
                raise StoreUnavailable("the database is away")
            return real(*args, **keywords)

        return call


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr("serving.work.worker.INSISTING_S", (0.01, 0.01))
    monkeypatch.setattr("serving.work.worker.PATIENCE_S", 0.05)


def flaky(yard, method, times):
    store = Flaky(yard.store, method, times)
    yard.shop = replace(yard.shop, store=store)
    return store


@pytest.mark.usefixtures("impatient")
def test_the_table_is_away_when_the_job_is_done(yard):
    flaky(yard, "succeed", 2)
    job = yard.accept()
    yard.worker().step()
    assert yard.get(job).state is State.SUCCESSFUL


@pytest.mark.usefixtures("impatient")
def test_the_table_stays_away_when_the_job_is_done(yard):
    """Nothing is said of the job: whether it is public is not known, and another worker may do it again."""
    flaky(yard, "succeed", 100)
    job = yard.accept()
    with pytest.raises(StoreUnavailable):
        yard.worker().step()
    assert yard.get(job).state is State.RUNNING
    assert yard.results() == [f"{job.id}.1"]  # it may be public: only a sweep may remove it
    assert yard.reports == []


@pytest.mark.usefixtures("impatient")
def test_a_worker_waits_for_the_table(yard):
    store = flaky(yard, "lease", 3)
    job = yard.accept()
    worker = yard.worker()
    thread = in_thread(worker.run)
    until(lambda: yard.get(job).state.ended)
    assert store.left == 0
    worker.stop()
    thread.join(10)


@pytest.mark.usefixtures("quick_heart")
def test_a_renewal_that_fails_once_is_no_end(yard, held):
    store = flaky(yard, "renew", 3)
    job = yard.accept()
    thread = in_thread(yard.worker().step)
    assert held.began.wait(15)
    until(lambda: store.left == 0)
    until(lambda: yard.get(job).progress > 0)
    assert yard.get(job).message == "1 of 4 rows of windows are mapped"
    held.go_on.set()
    thread.join(10)
    assert yard.get(job).state is State.FAILED


@pytest.mark.usefixtures("quick_heart")
def test_a_table_that_is_away_for_a_whole_lease(yard, monkeypatch):
    """The work stops, and is nobody's fault: the job goes to whoever comes first."""
    flaky(yard, "renew", 10_000)
    yard.shop = replace(yard.shop, settings=yard.shop.settings.model_copy(update={"lease_s": 0.3}))

    def reading(*_args, progress, **_keywords):
        while True:
            time.sleep(0.02)
            try:
                progress(1, 2)
            except LeaseLost:
                raise ZeroDivisionError from None  # a reader was ended under the work's hands

    monkeypatch.setattr("serving.work.performing.classify_scene", reading)
    job = yard.accept()
    yard.worker().step()
    assert yard.get(job).state is State.RUNNING  # not failed
    assert yard.get(job).problem is None
    assert yard.store.lease("other", 30).id == job.id


def test_a_deadline(yard):
    job = yard.accept(deadline_s=0.001)
    time.sleep(0.01)
    assert yard.worker().step() is False
    assert yard.get(job).problem["type"] == "/problems/deadline"


def test_a_job_that_takes_its_worker_with_it(yard):
    """Fault F2: after three attempts it fails, and others are done."""
    job, other = yard.accept(), yard.accept()
    for attempt in range(1, 4):
        leased = yard.store.lease("doomed", 30)
        assert (leased.id, leased.attempt) == (job.id, attempt)
        end_lease(yard.store, job.id)
    yard.worker().step()
    assert yard.get(job).problem["type"] == "/problems/worker-crashed"
    assert yard.get(other).state is State.SUCCESSFUL


def test_the_scene_of_a_job_may_be_removed_while_it_runs(yard, monkeypatch):
    """Its bytes have another name until the job is done."""
    job = yard.accept(outputs=("map", "preview"))
    original = performing._classify

    def removing(*args, **keywords):
        for path in yard.shop.uploads.root.rglob("*"):
            if path.is_file():
                path.unlink()
        return original(*args, **keywords)

    monkeypatch.setattr(performing, "_classify", removing)
    yard.worker().step()
    assert yard.get(job).state is State.SUCCESSFUL


def test_two_workers_share_the_work(yard):
    jobs = [yard.accept(outputs=("map",)) for _ in range(4)]
    workers = [yard.worker(name) for name in ("one", "two")]
    threads = [in_thread(worker.run) for worker in workers]
    until(lambda: all(yard.get(job).state.ended for job in jobs), 30)
    for worker, thread in zip(workers, threads, strict=True):
        worker.stop()
        thread.join(10)
    assert {yard.get(job).state for job in jobs} == {State.SUCCESSFUL}
    assert yard.results() == sorted(f"{job.id}.1" for job in jobs)


def test_large_scenes_are_refused_by_the_worker_too(yard, tmp_path):
    """What could not be counted before the job was accepted."""
    write_scene(tmp_path / "data.tif")
    settings = yard.shop.settings.model_copy(update={"data_folder": tmp_path, "max_pixels": 100})
    yard.shop = replace(yard.shop, settings=settings)
    job = yard.accept(source=FolderSource(path="data.tif"))
    yard.worker().step()
    assert yard.get(job).problem["type"] == "/problems/raster-too-large"

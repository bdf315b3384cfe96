"""Rounds: what nobody needs any more goes, what somebody needs stays."""

from __future__ import annotations

import os
import time

import pytest

from serving.database.protocol import StoreUnavailable
from serving.folders import StateFolders
from serving.jobs.record import State
from serving.jobs.store import JobGone
from serving.processes.orders import Request
from serving.work import janitor as module
from serving.work.janitor import Janitor


@pytest.fixture
def janitor(yard):
    return Janitor(yard.store, StateFolders.of(yard.shop.settings), keep_s=1000)


def age(path, seconds):
    old = time.time() - seconds
    os.utime(path, (old, old))


def test_a_published_result_stays(yard, janitor):
    job = yard.accept()
    yard.worker().step()
    before = yard.results()
    janitor.round()
    assert yard.results() == before == [f"{job.id}.1"]


def test_killed_between_rename_and_commit(yard, janitor):
    """Fault F6: the folder has its name, the job does not have it; then the job is done again."""
    job = yard.accept()
    leased = yard.store.lease("killed", 30)
    with yard.shop.results.making(job.id, leased.fence) as folder:
        (folder / "map.tif").write_bytes(b"map")
        name = yard.shop.results.keep(folder, {})
    janitor.round()
    assert yard.results() == [name]  # its attempt is still under way
    with yard.store._writing() as step:
        step.run("UPDATE job SET lease_ticks = 0, lease_epoch = 'x' WHERE id = :id", id=job.id)
    yard.worker().step()
    janitor.round()
    assert yard.results() == [f"{job.id}.2"]
    assert yard.get(job).state is State.SUCCESSFUL


def test_a_running_attempt_is_never_swept(yard, janitor):
    job = yard.accept()
    leased = yard.store.lease("one", 30)
    scratch = yard.shop.scratch / f"job-{leased.folder}-abc"
    scratch.mkdir(parents=True)
    with yard.shop.results.making(job.id, leased.fence) as folder:
        janitor.round()
        assert folder.is_dir()
        assert scratch.is_dir()
    yard.store.dismiss(job.id, None)
    janitor.round()
    assert not scratch.exists()


def test_scratch_of_nobody_goes(yard, janitor):
    attempt = yard.shop.scratch / "job-00000000-0000-4000-8000-000000000000.1-xyz"
    other, old = yard.shop.scratch / "job-other", yard.shop.scratch / "job-old"
    for folder in (attempt, other, old):
        folder.mkdir(parents=True)
        (folder / "scene.tif").write_bytes(b"x")
    age(old, module.SCRATCH_KEPT_S + 10)
    stranger = yard.shop.scratch / "notes"
    stranger.mkdir()
    janitor.round()
    assert sorted(path.name for path in yard.shop.scratch.iterdir()) == ["job-other", "notes"]


def test_old_jobs_go_with_their_results(yard):
    job = yard.accept()
    yard.worker().step()
    Janitor(yard.store, StateFolders.of(yard.shop.settings), keep_s=0).round()
    assert yard.results() == []
    with pytest.raises(JobGone):
        yard.get(job)


def test_old_uploads_go(yard, janitor):
    files = [yard.shop.uploads.root / yard.upload() for _ in range(2)]
    part = yard.shop.uploads.begin("anonymous")
    part.write_bytes(b"x")
    for path in (files[0], part):
        age(path, yard.shop.settings.upload_keep_s + 10)
    janitor.round()
    assert [path.exists() for path in (*files, part)] == [False, True, False]


def test_old_uploads_of_jobs_that_wait_or_run_stay(yard, janitor):
    """A queue may be longer than uploads are kept: what a job was accepted for must be there when its turn comes."""
    running, waiting = yard.accept(), yard.accept()
    assert yard.store.lease("busy", 30).id == running.id
    files = [
        yard.shop.uploads.root / Request.model_validate(job.new.request).uploads[0].file for job in (running, waiting)
    ]
    for path in files:
        age(path, yard.shop.settings.upload_keep_s + 10)
    janitor.round()
    assert [path.exists() for path in files] == [True, True]
    yard.store.dismiss(waiting.id, None)
    janitor.round()
    assert [path.exists() for path in files] == [True, False]


def test_deadlines_pass_without_workers(yard, janitor):
    job = yard.accept(deadline_s=0.001)
    time.sleep(0.01)
    janitor.round()
    assert yard.get(job).state is State.FAILED


@pytest.mark.parametrize("error", [StoreUnavailable("the database is away"), ZeroDivisionError("surprise")])
def test_a_round_that_fails_is_not_the_last(yard, monkeypatch, error, caplog):
    monkeypatch.setattr(module, "ROUND_S", 0.01)
    rounds = []

    class Table:
        def expire(self):
            rounds.append(1)
            raise error

    with Janitor(Table(), StateFolders.of(yard.shop.settings), keep_s=1):
        deadline = time.monotonic() + 10
        while len(rounds) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert str(error).split()[0] in caplog.text

"""Folders of results: whole under their name or not there, whatever is killed when (fault F6, invariant I3)."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import textwrap
import uuid

import pytest

from landcover.errors import DiskFull, OutputNotWritable
from serving.results import OUTCOME, ResultGone, Results

JOB = str(uuid.uuid4())


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path / "results")


def make(results, job=JOB, fence=1):
    with results.making(job, fence) as folder:
        (folder / "map.tif").write_bytes(b"map")
        return results.keep(folder, {"model": "tiny@1"})


def names(results):
    return sorted(path.name for path in results.root.iterdir())


def test_a_result_is_private_until_it_is_kept(results):
    with results.making(JOB, 1) as folder:
        assert names(results) == [f".{JOB}.1"]
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "map.tif").write_bytes(b"map")
        name = results.keep(folder, {"model": "tiny@1"})
        assert names(results) == [name] == [f"{JOB}.1"]
    assert names(results) == [name]
    assert results.outcome(name) == {"model": "tiny@1"}
    assert (results.root / name / "map.tif").read_bytes() == b"map"
    results.remove(name)
    results.remove(name)
    assert names(results) == []


def test_what_is_not_kept_does_not_stay(results):
    with results.making(JOB, 1) as folder:
        (folder / "map.tif").write_bytes(b"map")
    assert names(results) == []


def test_what_a_killed_attempt_left_is_no_part_of_the_next(results):
    left = results.root / f".{JOB}.1"
    left.mkdir(parents=True)
    (left / "old.tif").write_bytes(b"old")
    name = make(results)
    assert sorted(path.name for path in (results.root / name).iterdir()) == ["map.tif", OUTCOME]


def test_everything_is_on_the_disk_before_the_name(results, monkeypatch):
    steps = []
    flush, rename = "serving.results.flush", type(results.root).rename
    monkeypatch.setattr(flush, lambda path: steps.append(("flush", path.name)))
    monkeypatch.setattr(type(results.root), "rename", lambda *args: (steps.append(("rename",)), rename(*args))[1])
    make(results)
    private = f".{JOB}.1"
    assert steps == [("flush", OUTCOME), ("flush", private), ("rename",), ("flush", "results")]


@pytest.mark.parametrize("number", [28, 122, 5])
def test_an_fsync_that_fails(results, monkeypatch, number):
    def failing(_path):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("serving.results.flush", failing)
    with pytest.raises(OutputNotWritable if number == 5 else DiskFull):
        make(results)
    assert names(results) == []


def test_sweeping(results):
    """Orphans go; results that jobs have, running attempts and what is not ours stay."""
    kept, running, other = make(results), str(uuid.uuid4()), str(uuid.uuid4())
    orphan = make(results, other, 2)
    (results.root / f".{running}.3").mkdir()
    (results.root / f".{other}.4").mkdir()
    (results.root / "readme.txt").write_text("of the operator")
    (results.root / "lost+found").mkdir()
    found = results.found()
    late = make(results, other, 9)  # began after the folder was listed
    results.drop(found, {kept, f"{running}.3"})
    assert names(results) == sorted([kept, f".{running}.3", "readme.txt", "lost+found", late])
    assert orphan not in names(results)


def test_nothing_to_sweep(results):
    assert results.found() == []
    results.drop([], [])


KILLED = """
    import os, signal, sys
    from serving import results as module
    from serving.results import Results
    step = sys.argv[2]
    def die(*_):
        os.kill(os.getpid(), signal.SIGKILL)
    results = Results(__import__("pathlib").Path(sys.argv[1]))
    with results.making({job!r}, 1) as folder:
        (folder / "map.tif").write_bytes(b"map")
        if step == "making":
            die()
        if step == "flush":
            module.flush = die
        results.keep(folder, {{}})
        die()
"""


@pytest.mark.parametrize(("step", "left"), [("making", f".{JOB}.1"), ("flush", f".{JOB}.1"), ("kept", f"{JOB}.1")])
def test_killed_between_the_steps(results, step, left):
    """Fault F6: what is left has no name that a job has, and is swept."""
    code = textwrap.dedent(KILLED.format(job=JOB))
    assert subprocess.run([sys.executable, "-c", code, str(results.root), step], check=False).returncode == -9
    assert names(results) == [left]
    results.drop(results.found(), set())
    assert names(results) == []


def test_what_is_removed_is_gone_at_once(results, monkeypatch):
    """Who looks meanwhile sees all of it or nothing."""
    name, seen = make(results), []
    real = shutil.rmtree
    monkeypatch.setattr(shutil, "rmtree", lambda path, **options: (seen.extend(names(results)), real(path, **options)))
    results.remove(name)
    assert (seen, names(results)) == ([f".{name}"], [])
    results.remove(name)
    with pytest.raises(ResultGone, match="removed"):
        results.outcome(name)

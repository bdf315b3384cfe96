"""``steppe jobs``: the job table as who runs the service sees it, and the same through the service."""

from __future__ import annotations

import json

import pytest

from serving.cli import main
from serving.database.opening import open_database
from serving.folders import StateFolders
from serving.jobs.record import NewJob, State
from serving.jobs.table import JobTable
from serving.settings import load_settings

NOBODY = "00000000-0000-4000-8000-000000000000"
PROBLEM = {"type": "/problems/no-valid-data", "title": "Every pixel of the input is nodata", "detail": "all is nodata"}


def order(process="classify", file=None):
    """A request as the table keeps it."""
    source = {"kind": "upload", "file": file or "owner/file", "once": file is not None}
    making = {"outputs": ["map"], "max_pixels": 10}
    asked = {"images": [{"source": source}]}
    if process == "degradation":
        asked = {"before": {"source": source}, "after": {"source": source}}
    return {"order": {"kind": process, **asked, "making": making}, "answering": {"modes": {"map": None}}}


@pytest.fixture
def store(environment):
    """A job table where the environment says."""
    environment.setenv("COLUMNS", "200")
    database = open_database(load_settings())
    yield JobTable(database)
    database.close()


def accept(store, owner="alice", process="classify", **more):
    new = NewJob(owner=owner, process=process, request=order(process, **more), model="tiny@0.1.0", pixels=6300)
    return store.accept(new)[0]


def run(capsys, *words):
    """Exit code, standard output and standard error."""
    code = main(["jobs", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def test_everybodys_jobs(store, capsys):
    first, second = accept(store), accept(store, owner="bob", process="degradation")
    third = accept(store, owner="bob")
    leased = store.lease("worker", 60)
    store.renew(leased.id, leased.fence, 60, progress=42, message="mapping")
    code, out, err = run(capsys, "list")
    assert (code, err) == (0, "")
    lines = [line for line in out.splitlines() if NOBODY[8:13] not in line and "-" in line and "tiny" in line]
    assert [line.split()[0] for line in lines] != []
    assert [third.id in lines[0], second.id in lines[1], first.id in lines[2]] == [True] * 3
    assert "running 42 %" in out
    assert "bob" in out
    listed = json.loads(run(capsys, "list", "--json")[1])
    assert [job["jobID"] for job in listed] == [third.id, second.id, first.id]
    assert [job["owner"] for job in listed] == ["bob", "bob", "alice"]
    assert "request" not in listed[0]


def test_some_of_them(store, capsys):
    jobs = [accept(store, process=process) for process in ("classify", "degradation", "classify")]
    leased = store.lease("worker", 60)

    def ids(*words):
        return [job["jobID"] for job in json.loads(run(capsys, "list", "--json", *words)[1])]

    assert ids("--state", "running") == [leased.id]
    assert ids("--state", "running", "--state", "accepted") == [job.id for job in reversed(jobs)]
    assert ids("--process", "degradation") == [jobs[1].id]
    assert ids("--limit", "2") == [jobs[2].id, jobs[1].id]
    assert ids("--state", "failed") == []
    assert run(capsys, "list", "--state", "failed") == (0, "there are no such jobs\n", "")


def test_more_than_one_page(store, capsys, environment):
    environment.setattr("serving.dismissal.MOST_LISTED", 2)
    jobs = [accept(store) for _ in range(5)]
    listed = json.loads(run(capsys, "list", "--json")[1])
    assert [job["jobID"] for job in listed] == [job.id for job in reversed(jobs)]
    assert len(json.loads(run(capsys, "list", "--json", "--limit", "3")[1])) == 3


def test_no_jobs(store, capsys):  # noqa: ARG001 - there is a table
    assert run(capsys, "list") == (0, "there are no jobs\n", "")
    assert run(capsys, "list", "--json") == (0, "[]\n", "")


def test_the_whole_record(store, capsys):
    job = accept(store)
    leased = store.lease("worker", 60)
    store.fail(job.id, leased.fence, PROBLEM)
    code, out, _ = run(capsys, "show", job.id)
    assert code == 0
    told = dict(line.split(maxsplit=1) for line in out.splitlines()[:8])
    assert told["job"] == job.id
    assert told["state"].startswith("failed")
    assert told["problem"] == "no-valid-data"
    assert told["why"] == "all is nodata"
    assert "after waiting" in out
    assert "6,300" in out
    assert '"kind": "classify"' in out
    document = json.loads(run(capsys, "show", job.id, "--json")[1])
    assert document["problem"] == PROBLEM
    assert document["request"]["order"]["kind"] == "classify"


def test_stopped_and_removed_with_its_files(store, capsys, tmp_path):
    folders = StateFolders.of(load_settings())
    part = folders.uploads.begin("alice")
    part.write_bytes(b"scene")
    file = folders.uploads.keep(part)
    ended, waiting = accept(store, file=file), accept(store, owner="bob")
    leased = store.lease("worker", 60)
    assert leased.id == ended.id
    with folders.results.making(leased.id, leased.fence) as folder:
        (folder / "map.tif").write_bytes(b"map")
        result = folders.results.keep(folder, {})
    store.succeed(leased.id, leased.fence, result)
    code, out, err = run(capsys, "cancel", ended.id, waiting.id)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"job {ended.id} had ended; its record and results are removed",
        f"job {waiting.id} is dismissed",
    ]
    assert store.counts()[State.ACCEPTED] == 0
    kept = [path for folder in ("uploads", "results") for path in (tmp_path / "state" / folder).rglob("*")]
    assert [path for path in kept if path.is_file()] == []


def test_ids_that_are_not_there(store, capsys):
    job, gone = accept(store), accept(store)
    run(capsys, "cancel", gone.id)
    code, out, err = run(capsys, "cancel", NOBODY, job.id, gone.id)
    assert code == 4
    assert out == f"job {job.id} is dismissed\n"
    assert err.splitlines() == [
        f"steppe: there is no job '{NOBODY}'; steppe jobs list shows those that there are",
        f"steppe: job {gone.id} was dismissed or removed before; nothing is left of it",
    ]
    assert run(capsys, "show", NOBODY)[::2] == (4, err.splitlines()[0] + "\n")
    assert run(capsys, "show", "\x1b[31m")[0] == 4
    code, out, err = run(capsys, "cancel", gone.id, "--json")
    assert (code, json.loads(out)) == (4, [])


def test_looking_makes_no_database(environment, tmp_path, capsys):
    environment.setenv("STEPPE_STATE", str(tmp_path / "elsewhere"))
    for words in (["list"], ["show", NOBODY], ["cancel", NOBODY]):
        code, out, err = run(capsys, *words)
        assert (code, out) == (4, "")
        assert err.startswith("steppe: there is no job table here")
        assert len(err.splitlines()) == 1
    assert not (tmp_path / "elsewhere").exists()


def test_a_damaged_database(environment, tmp_path, capsys):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "steppe.db").write_bytes(b"this is no database " * 100)
    environment.setenv("STEPPE_STATE", str(tmp_path / "elsewhere"))
    code, out, err = run(capsys, "list")
    assert (code, out, len(err.splitlines())) == (4, "", 1)


def test_wrong_use(store, capsys):  # noqa: ARG001 - there is a table
    assert run(capsys, "list", "--state", "done")[0] == 2
    assert run(capsys, "list", "--limit", "0")[0] == 2
    assert run(capsys, "list", "--key-file", "key")[0] == 2

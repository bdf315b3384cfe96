"""Rows on disk: what was kept comes back, what is damaged is made anew, what is another job's stays."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
from contextlib import closing

import numpy as np
import pytest

from landcover.errors import DiskFull, OutputNotWritable
from landcover.seams import SeamScore
from serving import rowstore
from serving.predict import MapRows
from serving.rowstore import JOB, LOCK, Job, OtherJob, RowStore, WorkFolderBusy, keeper, work_folder
from tests.service import left_in

PIECES = (7, 12, 12, 3)
WIDTH = 20
JOB_A = Job({"input": "a" * 64, "tile": 512}, 34 * 20 * 4)


def pieces(first_row=0):
    """A map of 34 rows in four pieces, from one of them on; seams count from there."""
    random, row, seams = np.random.default_rng(5), 0, SeamScore()
    for count in PIECES:
        codes = random.integers(-1, 2, (count, WIDTH)).astype(np.int16)
        percent = random.integers(0, 101, (3, count, WIDTH)).astype(np.uint8)
        if row >= first_row:
            seams += SeamScore(1000 + row, row)
            layers = {"one": percent[:1], "two": percent[1:]}
            yield MapRows(row, codes, layers, seams)
        row += count


class Calls(list):
    """The rows from which a prediction was asked for; it may end with an error after some pieces."""

    def __init__(self, fails_after=None):
        super().__init__()
        self.fails_after = fails_after

    def __call__(self, first_row):
        self.append(first_row)
        for number, part in enumerate(pieces(first_row)):
            if number == self.fails_after:
                raise ZeroDivisionError
            yield part


def run(folder, predict, job=JOB_A):
    with RowStore(folder) as store, closing(store.rows(lambda: job, predict)) as rows:
        return list(rows), store.kept


def begin(folder, count):
    """Leave ``count`` pieces in a folder."""
    with pytest.raises(ZeroDivisionError):
        run(folder, Calls(fails_after=count))


def assert_whole(rows):
    for one, other in zip(rows, pieces(), strict=True):
        assert (one.row, one.seams) == (other.row, other.seams)
        assert one.codes_HW.dtype == other.codes_HW.dtype
        assert np.array_equal(one.codes_HW, other.codes_HW)
        assert one.layers_BHW.keys() == other.layers_BHW.keys()
        for name, layer in one.layers_BHW.items():
            assert np.array_equal(layer, other.layers_BHW[name])


@pytest.fixture
def folder(out):
    return out / "work"


@pytest.mark.parametrize("count", range(5))
def test_a_run_goes_on_after_what_is_kept(folder, count):
    if count < 4:
        begin(folder, count)
    else:
        run(folder, Calls())
    predict = Calls()
    rows, kept = run(folder, predict)
    assert_whole(rows)
    assert kept == sum(PIECES[:count])
    assert predict == [kept]


def test_rows_are_on_the_disk_when_the_next_ones_are_seen(folder):
    with RowStore(folder) as store:
        starts = []
        for part in store.rows(lambda: JOB_A, Calls()):
            kept = {path.name for path in folder.glob("steppe-rows-*.bin")}
            assert {f"steppe-rows-{row:09d}.bin" for row in starts} <= kept
            starts.append(part.row)
        assert len(list(folder.glob("steppe-rows-*.bin"))) == len(starts) == len(PIECES)


def test_rows_are_handed_on_while_they_are_written(folder, monkeypatch):
    """A disk that takes a piece only when somebody has seen it."""
    seen, keep = threading.Event(), RowStore._keep

    def slow(store, part):
        assert seen.wait(20)
        keep(store, part)

    monkeypatch.setattr(RowStore, "_keep", slow)
    with RowStore(folder) as store, closing(store.rows(lambda: JOB_A, Calls())) as rows:
        assert next(rows).row == 0
        assert list(folder.glob("steppe-rows-*.bin")) == []
        seen.set()
    assert [path.name for path in folder.glob("steppe-rows-*.bin")] == ["steppe-rows-000000000.bin"]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("steppe-keep")]


def test_what_is_published_is_forgotten(folder, out):
    with RowStore(folder) as store:
        list(store.rows(lambda: JOB_A, Calls()))
        store.forget()
    assert left_in(out) == []


def test_a_run_that_never_began_leaves_nothing(folder, out):
    with RowStore(folder):
        assert left_in(out) == ["work", f"work/{LOCK}"]
    begin(folder, 0)
    assert left_in(out) == []


def test_files_of_others_stay(folder):
    folder.mkdir()
    mine = ["half.part", "job.json", "rows-000000000.bin"]
    for name in mine:
        (folder / name).write_text("keep")
    with RowStore(folder) as store:
        list(store.rows(lambda: JOB_A, Calls()))
        store.forget()
    assert left_in(folder) == mine


def test_rows_of_another_job_are_refused_and_stay(folder):
    begin(folder, 2)
    before = left_in(folder)
    for facts, says in (
        ({"input": "b" * 64, "tile": 512}, r"another job \(another input\)"),
        ({"input": "a" * 64, "tile": 256}, r"tile was 512, is 256"),
        ({"input": "a" * 64, "tile": 512, "legend": "x"}, r"legend was unknown, is x"),
    ):
        with pytest.raises(OtherJob, match=says):
            run(folder, Calls(), Job(facts, 1))
    assert left_in(folder) == before
    assert run(folder, Calls())[1] == 19


def cut(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 0x10
    path.write_bytes(bytes(content))


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "a few bytes": lambda path: cut(path, 0.01),
    "cut": lambda path: cut(path, 0.5),
    "last byte": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "one more byte": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "a bit of the head": lambda path: flip(path, 0),
    "a bit in the middle": lambda path: flip(path, 0.5),
    "a bit of the digest": lambda path: flip(path, 0.999),
    "removed": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_rows_and_those_below_are_made_anew(folder, damage, caplog):
    begin(folder, 3)
    DAMAGES[damage](folder / "steppe-rows-000000007.bin")
    predict = Calls()
    rows, kept = run(folder, predict)
    assert_whole(rows)
    assert predict == [7] == [kept]
    assert ("'steppe-rows-000000007.bin' in 'work' is damaged: the rows from 7 on" in caplog.text) is (
        damage != "removed"
    )


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\x00", b'{"input": "a'])
def test_a_damaged_job_begins_anew(folder, content, caplog):
    begin(folder, 3)
    (folder / JOB).write_bytes(content)
    predict = Calls()
    rows, kept = run(folder, predict)
    assert_whole(rows)
    assert predict == [0] == [kept]
    assert f"{JOB} in 'work' is damaged" in caplog.text
    assert json.loads((folder / JOB).read_bytes()) == JOB_A.facts


def test_rows_without_a_job_are_not_believed(folder):
    begin(folder, 3)
    (folder / JOB).unlink()
    predict = Calls()
    assert_whole(run(folder, predict)[0])
    assert predict == [0]


def test_half_a_file_is_removed(folder):
    begin(folder, 1)
    (folder / "steppe-half.part").write_bytes(b"half")
    run(folder, Calls(fails_after=3))
    assert [name for name in left_in(folder) if name.endswith(".part")] == []


def test_one_process_at_a_time(folder):
    program = (
        "import sys\nfrom pathlib import Path\nfrom serving.rowstore import RowStore\n"
        "with RowStore(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(WorkFolderBusy, match="another process is working in 'work'"), RowStore(folder):
            pass
        other.kill()
        other.wait()
        with RowStore(folder), pytest.raises(WorkFolderBusy), RowStore(folder):  # in one process, too
            pass


def test_a_folder_that_was_removed_meanwhile_is_not_held(folder, monkeypatch):
    """The one who held it removes it between the opening of the lock and the lock."""
    real = os.open

    def opened(path, *arguments):
        handle = real(path, *arguments)
        if str(path).endswith(LOCK):
            path.unlink()
        return handle

    monkeypatch.setattr(os, "open", opened)
    with pytest.raises(WorkFolderBusy), RowStore(folder):
        pass


def test_a_disk_that_fills_keeps_the_rows_before(folder, monkeypatch):
    save, saved = rowstore._save, []

    def full(file, part):
        saved.append(part.row)
        save(file, part)
        if len(saved) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(rowstore, "_save", full)
    with pytest.raises(DiskFull, match="no room to write 'work'"):
        run(folder, Calls())
    monkeypatch.undo()
    predict = Calls()
    assert_whole(run(folder, predict)[0])
    assert predict == [19]


def test_no_room_is_said_before_anything_is_computed(folder, out):
    predict = Calls()
    with pytest.raises(DiskFull, match="needs about 1000000000000000000 bytes"):
        run(folder, predict, Job(JOB_A.facts, 10**18))
    assert predict == []
    assert left_in(out) == []


def test_places_that_cannot_be_written(out):
    (out / "file").write_bytes(b"")
    for place, says in (
        (out / "file", "'file' cannot be written: File exists"),
        (out / "absent" / "work", "make it first"),
    ):
        with pytest.raises(OutputNotWritable, match=says), RowStore(place):
            pass
    assert left_in(out) == ["file"]


def test_nobody_keeps_nothing(out):
    with keeper(None) as nobody:
        assert_whole(list(nobody.rows(lambda: JOB_A, Calls())))
        nobody.forget()
        assert (nobody.folder, nobody.kept) == (None, 0)
    assert work_folder(out / "map.tif") == out / ".steppe-resume-map.tif"
    assert left_in(out) == []

"""The folder of uploads: one owner's files, safe from names."""

from __future__ import annotations

import os
import time

import pytest

from landcover.errors import DiskFull, OutputNotWritable
from landcover.raster.stamp import Stamp
from serving.uploads import UploadNotFound, Uploads, UploadsFull, upload_id


@pytest.fixture
def uploads(tmp_path):
    return Uploads(tmp_path / "uploads", keep_s=100)


def put(uploads, owner="one", content=b"x", **options):
    part = uploads.begin(owner)
    part.write_bytes(content)
    return uploads.keep(part, **options)


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_there_for_its_owner_only(uploads, durable):
    file = put(uploads, durable=durable)
    assert uploads.file("one", upload_id(file)) == file
    assert (uploads.root / file).read_bytes() == b"x"
    for owner in ("two", "", "ONE", "one "):
        with pytest.raises(UploadNotFound):
            uploads.file(owner, upload_id(file))
    uploads.remove(file)
    uploads.remove(file)
    with pytest.raises(UploadNotFound):
        uploads.file("one", upload_id(file))


@pytest.mark.parametrize("owner", ["../../etc", "a/b", "\0", "x" * 5000, "\u202e", ".", ""])
def test_names_of_owners_are_no_paths(uploads, owner):
    file = put(uploads, owner)
    assert (uploads.root / file).resolve().parent.parent == uploads.root.resolve()
    assert uploads.file(owner, upload_id(file)) == file


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "x" * 5000, "\0", "*", "UPPER"])
def test_names_that_are_none(uploads, name):
    put(uploads)
    with pytest.raises(UploadNotFound):
        uploads.file("one", name)


def test_what_is_not_finished_is_no_upload(uploads):
    part = uploads.begin("one")
    part.write_bytes(b"x")
    with pytest.raises(UploadNotFound):
        uploads.file("one", part.name)
    with pytest.raises(UploadNotFound):
        uploads.file("one", part.stem)


def test_it_is_on_the_disk_before_it_is_promised(uploads, monkeypatch):
    steps = []
    monkeypatch.setattr("serving.uploads.flush", lambda path: steps.append(path.name))
    file = put(uploads)
    assert steps == [f"{upload_id(file)}.part", (uploads.root / file).parent.name]
    steps.clear()
    put(uploads, durable=False)
    assert steps == []


def test_sweeping(uploads):
    old, young = put(uploads), put(uploads)
    begun = uploads.begin("two")
    begun.write_bytes(b"x")
    past = time.time() - 101
    for path in (uploads.root / old, begun):
        os.utime(path, (past, past))
    uploads.drop(uploads.over(), ())
    assert [path.exists() for path in (uploads.root / old, begun, uploads.root / young)] == [False, False, True]


def test_what_a_job_needs_stays_however_old(uploads):
    needed, other = put(uploads), put(uploads)
    for file in (needed, other):
        os.utime(uploads.root / file, (1, 1))
    uploads.drop(uploads.over(), {needed})
    assert [(uploads.root / file).exists() for file in (needed, other)] == [True, False]


def test_what_a_request_names_while_the_folder_is_swept_stays(uploads):
    file = put(uploads)
    os.utime(uploads.root / file, (1, 1))
    over = uploads.over()
    assert over == [file]
    uploads.file("one", upload_id(file))  # its job is not in the table yet when that is asked
    uploads.drop(over, ())
    assert (uploads.root / file).exists()


def test_a_request_that_names_it_does_not_disturb_a_job_that_reads_it(uploads):
    file = put(uploads)
    stamp = Stamp.of(uploads.root / file)
    time.sleep(0.01)
    uploads.file("one", upload_id(file))
    stamp.check(uploads.root / file)


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "uploads").write_bytes(b"no folder")
    with pytest.raises(OutputNotWritable):
        Uploads(tmp_path / "uploads", 1).begin("one")


def test_nobody_stores_more_than_one_may(tmp_path):
    uploads = Uploads(tmp_path / "uploads", keep_s=100, per_owner=10)
    first = put(uploads, content=b"x" * 6)
    with pytest.raises(UploadsFull, match="11 bytes, the limit is 10"):
        uploads.begin("one", 5)
    part = uploads.begin("one")
    part.write_bytes(b"x" * 5)
    with pytest.raises(UploadsFull):
        uploads.keep(part)
    with pytest.raises(UploadsFull):  # what is still coming counts
        uploads.begin("one")
    part.unlink()
    assert put(uploads, "two", b"x" * 10)
    uploads.remove(first)
    assert put(uploads, content=b"x" * 10)


def test_room_is_left_for_other_things(tmp_path):
    with pytest.raises(DiskFull):
        Uploads(tmp_path / "uploads", keep_s=100, spare=2**60).begin("one")
    with pytest.raises(DiskFull):
        Uploads(tmp_path / "uploads", keep_s=100).begin("one", 2**60)


def test_a_file_of_the_service_stays_when_its_first_name_goes(uploads, tmp_path, monkeypatch):
    """It is nobody's for long: its time begins when it is adopted, and that it was written before stays to be seen."""
    for copied in (False, True):
        if copied:
            monkeypatch.setattr("pathlib.Path.hardlink_to", lambda *_names: (_ for _ in ()).throw(OSError(95, "none")))
        path = tmp_path / "result.tif"
        path.write_bytes(b"xyz")
        os.utime(path, (1, 2))
        file = uploads.adopt("one", path)
        assert uploads.over() == []
        path.unlink()
        assert (uploads.root / file).read_bytes() == b"xyz"
        assert (uploads.root / file).stat().st_mtime == 2
        with pytest.raises(UploadNotFound):
            uploads.adopt("one", path)
    assert len(list((uploads.root).rglob("*.part"))) == 0


def test_what_is_adopted_counts(tmp_path):
    path = tmp_path / "result.tif"
    path.write_bytes(b"x" * 10)
    with pytest.raises(UploadsFull):
        Uploads(tmp_path / "uploads", keep_s=100, per_owner=9).adopt("one", path)

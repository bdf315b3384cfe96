"""Results appear together, whole, or not at all."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import pytest

from landcover.errors import ConfigError, DiskFull, OutputNotWritable
from serving.signals import Interrupted, stop_like_interrupt
from serving.staging import Staging, write_file
from tests.service import left_in


def test_nothing_is_visible_before_it_is_published(out):
    (out / "b.json").write_bytes(b"old")
    with Staging() as staging:
        for name in ("a.tif", "b.json"):
            write_file(staging.path_for(out / name), name.encode())
        assert [path.name for path in out.iterdir() if not path.name.startswith(".")] == ["b.json"]
        assert (out / "b.json").read_bytes() == b"old"
        staging.publish()
        assert (out / "a.tif").read_bytes() == b"a.tif"
    assert left_in(out) == ["a.tif", "b.json"]
    assert (out / "b.json").read_bytes() == b"b.json"


def test_leaving_without_publishing_leaves_nothing(out):
    (out / "a.tif").write_bytes(b"old")
    with Staging() as staging:
        temporary = staging.path_for(out / "a.tif")
        write_file(temporary, b"new")
        (temporary.parent / "a.tif.aux.xml").write_bytes(b"side-car")
    assert left_in(out) == ["a.tif"]
    assert (out / "a.tif").read_bytes() == b"old"


def test_the_temporary_file_has_the_final_name_on_the_same_file_system(out):
    with Staging() as staging:
        temporary = staging.path_for(out / "map.tif")
        assert temporary.name == "map.tif"
        assert temporary.parent.parent == out
        assert temporary.parent.name.startswith(".steppe-")
        assert temporary.parent.stat().st_dev == out.stat().st_dev


def test_what_was_staged_for_the_same_owner_is_removed(out):
    """A killed process leaves its folders; those of other owners and other results may be in use."""
    names = {}
    for owner, final in (("one", "a.tif"), ("one", "b.tif"), ("two", "a.tif")):
        with Staging(out / owner) as staging:
            names[owner, final] = staging.path_for(out / final).parent
        names[owner, final].mkdir()
        (names[owner, final] / "half").write_bytes(b"half")
    assert len(set(names.values())) == 3
    with Staging(out / "one") as staging:
        assert list(staging.path_for(out / "a.tif").parent.iterdir()) == []
    assert left_in(out) == sorted(
        place for key in (("one", "b.tif"), ("two", "a.tif")) for place in (names[key].name, f"{names[key].name}/half")
    )


def test_what_a_killed_run_left_goes_with_the_next_one(out):
    left = out / ".steppe-0123abcd.part"
    left.mkdir()
    (left / "rows.tif").write_bytes(b"half")
    for path in (left / "rows.tif", left):
        os.utime(path, (0, 0))
    with Staging() as staging:
        staging.path_for(out / "a.tif")
        assert not left.exists()


def test_published_in_the_order_of_asking(out, monkeypatch):
    order = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda path, to: order.append(to.name) or replace(path, to))
    with Staging() as staging:
        for name in ("c", "a", "b"):
            write_file(staging.path_for(out / name), b"x")
        staging.publish()
    assert order == ["c", "a", "b"]


def test_flushed_to_the_disk_before_they_get_their_names(out, monkeypatch):
    events = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: events.append("flush") or fsync(descriptor))
    monkeypatch.setattr(Path, "replace", lambda path, to: events.append("rename") or replace(path, to))
    with Staging() as staging:
        for name in ("a", "b"):
            write_file(staging.path_for(out / name), b"x")
        staging.publish()
    assert events == ["flush", "flush", *["flush", "rename", "flush"] * 2]  # a second flush finds nothing to do


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_until_all_files_have_their_names(out, monkeypatch, number):
    replace = Path.replace

    def interrupted(path, to):
        signal.raise_signal(number)
        replace(path, to)

    monkeypatch.setattr(Path, "replace", interrupted)

    def stage_and_publish():
        with stop_like_interrupt(publishes=True), Staging() as staging:
            for name in ("a", "b"):
                write_file(staging.path_for(out / name), b"x")
            staging.publish()

    with pytest.raises(Interrupted, match=r"^interrupted$"):
        stage_and_publish()
    assert left_in(out) == ["a", "b"]


def test_an_interrupt_before_that_says_that_nothing_was_published(out):
    def stage(*, publishes):
        with stop_like_interrupt(publishes=publishes), Staging() as staging:
            write_file(staging.path_for(out / "a"), b"x")
            signal.raise_signal(signal.SIGINT)

    for publishes, says in ((True, r"^interrupted, nothing was published$"), (False, r"^interrupted$")):
        with pytest.raises(Interrupted, match=says):
            stage(publishes=publishes)
        assert left_in(out) == []


def test_relative_names_mean_the_folder_at_the_time_of_asking(out, monkeypatch, tmp_path):
    monkeypatch.chdir(out)
    with Staging() as staging:
        write_file(staging.path_for(Path("a.tif")), b"x")
        monkeypatch.chdir(tmp_path)
        staging.publish()
    assert left_in(out) == ["a.tif"]


def test_a_link_is_replaced_not_followed(out, tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"other")
    (out / "a.tif").symlink_to(tmp_path / "elsewhere")
    with Staging() as staging:
        write_file(staging.path_for(out / "a.tif"), b"new")
        staging.publish()
    assert not (out / "a.tif").is_symlink()
    assert (tmp_path / "elsewhere").read_bytes() == b"other"


def test_two_outputs_of_one_name(out):
    with Staging() as staging:
        staging.path_for(out / "a.tif")
        with pytest.raises(ConfigError, match=r"same name 'a\.tif'"):
            staging.path_for(out / ".." / out.name / "a.tif")
    assert left_in(out) == []


@pytest.mark.parametrize("name", ["absent/a.tif", "file/a.tif", "folder", "x" * 300])
def test_names_that_cannot_be_taken(out, name):
    (out / "file").write_bytes(b"")
    (out / "folder").mkdir()
    with Staging() as staging, pytest.raises(OutputNotWritable) as refused:
        staging.path_for(out / name)
    assert str(out) not in str(refused.value)
    assert left_in(out) == ["file", "folder"]


def test_a_name_that_is_taken_meanwhile(out):
    with Staging() as staging:
        for name in ("a.tif", "b.tif"):
            write_file(staging.path_for(out / name), b"x")
        (out / "b.tif").mkdir()
        with pytest.raises(OutputNotWritable, match=r"'b\.tif'"):
            staging.publish()
    assert left_in(out) == ["a.tif", "b.tif"]


def test_a_disk_that_fills_while_flushing_publishes_nothing(out, monkeypatch):
    asked = []

    def flush(_descriptor):
        asked.append(1)
        if len(asked) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    (out / "a.tif").write_bytes(b"older")
    with Staging() as staging:
        for name in ("a.tif", "b.tif"):
            write_file(staging.path_for(out / name), b"x")
        monkeypatch.setattr(os, "fsync", flush)
        with pytest.raises(DiskFull, match=r"'b\.tif'"):
            staging.publish()
    assert left_in(out) == ["a.tif"]
    assert (out / "a.tif").read_bytes() == b"older"


def test_a_full_disk_and_a_missing_folder(out):
    with pytest.raises(DiskFull, match="'full'"):
        write_file(Path("/dev/full"), b"x")
    with pytest.raises(OutputNotWritable, match=r"'a\.tif'"):
        write_file(out / "absent" / "a.tif", b"x")

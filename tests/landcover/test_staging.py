"""Hidden folders go away, at whichever step a signal comes, and those of killed processes when the next one comes."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from landcover.staging import FRESH_S, StagingFolder, sweep

_INTERRUPTED = """
import pathlib, shutil, sys
from landcover import staging

remove, calls = shutil.rmtree, []

def interrupted_once(folder, **options):
    calls.append(folder)
    if len(calls) == 1:
        raise KeyboardInterrupt
    remove(folder, **options)

shutil.rmtree = interrupted_once
with staging.StagingFolder(pathlib.Path(sys.argv[1])) as folder:
    (folder / "half").write_bytes(b"half")
"""


_WAITING = """
import pathlib, sys, time
from landcover.staging import StagingFolder

with StagingFolder(pathlib.Path(sys.argv[1]), label=sys.argv[2] or None) as folder:
    (folder / "half").write_bytes(b"half")
    print(folder, flush=True)
    time.sleep(60)
"""


def make_old(folder):
    long_ago = time.time() - 2 * FRESH_S
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (long_ago, long_ago))


def test_a_folder_is_private_and_beside_the_result(tmp_path):
    with StagingFolder(tmp_path / "map.tif") as folder:
        assert folder.parent == tmp_path
        assert folder.name.startswith(".steppe-")
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "half").write_bytes(b"half")
    assert list(tmp_path.iterdir()) == []


def test_a_named_folder_replaces_what_a_killed_process_left(tmp_path):
    left = tmp_path / ".steppe-mine.part" / "deep"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"half")
    (tmp_path / ".steppe-other.part").mkdir()
    with StagingFolder(tmp_path / "map.tif", label="mine") as folder:
        assert folder == left.parent
        assert list(folder.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == [".steppe-other.part"]


def test_an_interrupted_removal_is_made_up_for(tmp_path, monkeypatch):
    remove = shutil.rmtree

    def interrupted(*_arguments, **_options):
        monkeypatch.setattr(shutil, "rmtree", remove)
        raise KeyboardInterrupt

    staging = StagingFolder(tmp_path / "map.tif")
    folder = staging.__enter__()
    (folder / "half").write_bytes(b"half")
    monkeypatch.setattr(shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        staging.__exit__(None, None, None)
    assert folder.exists()
    del staging
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_ends_by_an_interrupt_leaves_nothing(tmp_path):
    command = [sys.executable, "-c", _INTERRUPTED, str(tmp_path / "map.tif")]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.stderr.strip().endswith("KeyboardInterrupt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("label", ["", "0123456789abcdef"])
def test_a_sweep_takes_the_folder_of_a_killed_process_and_of_no_living_one(tmp_path, label):
    command = [sys.executable, "-c", _WAITING, str(tmp_path / "map.tif"), label]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        folder = Path(process.stdout.readline().strip())
        make_old(folder)
        sweep(tmp_path)
        assert [path.name for path in folder.iterdir()] == ["half"]
        process.kill()
        process.wait()
        sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_leaves_what_is_fresh_or_not_ours(tmp_path):
    names = [".steppe-resume-map.tif", ".steppe-mine.part", ".steppe-0123abcd.part.d", "steppe-0123abcd.part"]
    for name in names:
        (tmp_path / name).mkdir()
        make_old(tmp_path / name)
    (tmp_path / ".steppe-00000000.part").write_bytes(b"a file")
    (tmp_path / ".steppe-11111111.part").symlink_to(tmp_path / names[0], target_is_directory=True)
    (tmp_path / ".steppe-22222222.part").mkdir()
    before = sorted(tmp_path.iterdir())
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == before
    old = tmp_path / ".steppe-22222222.part"
    make_old(old)
    (old / "written to just now").write_bytes(b"by another machine, perhaps")
    os.utime(old, (1, 1))
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == before
    make_old(old)
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == [path for path in before if path != old]

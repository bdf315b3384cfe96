"""Hidden folders go away, at whichever step a signal comes."""

import shutil
import subprocess
import sys

import pytest

from landcover.staging import StagingFolder

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

"""File systems so small that they fill up, where this user may mount some."""

from __future__ import annotations

import errno
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest


class SmallDisk:
    """A mounted file system of a few kilobytes."""

    def __init__(self, folder):
        self.folder, self._filler = folder, folder / "filler"

    def fill(self, leave=0):
        """Take all room but so many bytes."""
        self.clear()
        with self._filler.open("wb", buffering=0) as file:
            file.write(b"\0" * max(0, shutil.disk_usage(self.folder).free - leave))
        if not leave:
            with pytest.raises(OSError, match="No space") as full:
                (self.folder / "more").write_bytes(b"\0" * 8192)
            assert full.value.errno == errno.ENOSPC
            (self.folder / "more").unlink(missing_ok=True)

    def clear(self):
        """Make room again."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_disk(folder, options="size=4m"):
    """Mount an empty file system on a folder."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    words = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
    try:
        mounted = subprocess.run(words, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("this user may not mount a small file system; hooks do the same in tests/serving")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)

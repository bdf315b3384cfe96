"""What is left of a folder when the power goes, by what POSIX promises and no more.

A file's bytes are there since it was flushed, a name since its folder was. Whatever was done after that may be there or
not, one thing without the other. Every flush and every change of names is recorded with all that lay in the folder just
then; the power may go after each of them.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

NAMES = ("rename", "replace", "mkdir", "unlink", "rmdir")
"""Calls that change names."""


class Luck(Enum):
    """What is left of what was not flushed."""

    NOTHING = "nothing"
    NAMES = "names, without the bytes"
    ALL = "everything"


@dataclass(frozen=True)
class Moment:
    """The folder as it was seen, and as it is on the disk for sure.

    Attributes:
        label: the last thing that was done.
        seen: inode of each folder to its names and their inodes.
        bytes: what each file was seen to hold.
        kept_names: folders as they were flushed.
        kept_bytes: files as they were flushed.
        facts: what had been promised by then.
    """

    label: str
    seen: dict
    bytes: dict
    kept_names: dict
    kept_bytes: dict
    facts: dict

    def restore(self, root, folder, luck):
        """Write what is left of ``root`` to an empty folder."""
        names = self.kept_names if luck is Luck.NOTHING else self.seen
        contents = self.bytes if luck is Luck.ALL else self.kept_bytes
        self._restore(root, folder, names, contents)

    def _restore(self, inode, place, names, contents):
        place.mkdir(exist_ok=True)
        for name, (child, is_folder) in names.get(inode, {}).items():
            if is_folder:
                self._restore(child, place / name, names, contents)
            else:
                (place / name).write_bytes(contents.get(child, b""))


@dataclass
class Recorder:
    """Watches a folder; files named in ``apart`` are looked after by others.

    Attributes:
        root: the folder.
        apart: names in it that are left out: the database, whose commits are durable when they return.
        moments: all that was recorded.
        facts: put there by a test as promises are made.
    """

    root: Path
    apart: frozenset = frozenset()
    moments: list = field(default_factory=list)
    facts: dict = field(default_factory=dict)
    _kept_names: dict = field(default_factory=dict)
    _kept_bytes: dict = field(default_factory=dict)

    @property
    def inode(self):
        return self.root.stat().st_ino

    def note(self, label, flushed=None):
        """Record a moment; ``flushed`` is the inode that has reached the disk."""
        seen, contents = {}, {}
        self._look(self.root, seen, contents)
        if flushed in seen:
            self._kept_names = {**self._kept_names, flushed: seen[flushed]}
        elif flushed in contents:
            self._kept_bytes = {**self._kept_bytes, flushed: contents[flushed]}
        facts = {name: dict(fact) for name, fact in self.facts.items()}
        self.moments.append(Moment(label, seen, contents, self._kept_names, self._kept_bytes, facts))

    def _look(self, folder, seen, contents):
        entries = {}
        for entry in sorted(folder.iterdir()):
            if folder == self.root and entry.name.startswith(tuple(self.apart)):
                continue
            inode, is_folder = entry.stat().st_ino, entry.is_dir()
            entries[entry.name] = inode, is_folder
            if is_folder:
                self._look(entry, seen, contents)
            else:
                contents[inode] = entry.read_bytes()
        seen[folder.stat().st_ino] = entries

    @contextmanager
    def recording(self, monkeypatch):
        """Record from now on; what is there already is on the disk."""
        self.note("the beginning")
        first = self.moments[-1]
        self._kept_names, self._kept_bytes = dict(first.seen), dict(first.bytes)
        self.moments.clear()
        self.note("the beginning")
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", self._flush(os.fsync))
            for name in NAMES:
                patch.setattr(os, name, self._change(name, getattr(os, name)))
            yield

    def _flush(self, real):
        def fsync(descriptor):
            real(descriptor)
            self.note("flush", os.fstat(descriptor).st_ino)

        return fsync

    def _change(self, name, real):
        def change(*arguments, **options):
            real(*arguments, **options)
            self.note(name)

        return change

"""Look at the folders with bundles again and again, and keep a table of what was seen."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from landcover.bundle import Bundle
from landcover.errors import BundleInvalid, SteppeError
from serving.registry.aliases import Aliases, AliasFiles
from serving.registry.folders import roots_of, version_folders
from serving.registry.kept import KeptEngines
from serving.registry.look import look_at, signature_of
from serving.registry.observer import Observers
from serving.registry.table import Seen, Table, make_table
from serving.registry.words import AliasesDamaged, split_reference
from serving.sentence import sentence
from serving.settings import Settings


class Shelf:
    """The table of all versions. It is read without waiting for anybody, and replaced as a whole.

    Args:
        settings: registry, zoo, default model, how long a folder may be in the making.
        kept: engines in memory; told which ones must stay there.
        observers: told of what is broken and what was exchanged.
        trusting: whether a version may answer before it is proven, because it is proven only when it is asked for.
    """

    def __init__(self, settings: Settings, kept: KeptEngines, observers: Observers, *, trusting: bool) -> None:
        self._settings, self._kept, self._observers, self._trusting = settings, kept, observers, trusting
        self._files = AliasFiles(settings.registry)
        self._marks: dict[str, tuple[int, int, int]] = {}
        self._aliases: dict[str, Aliases] = {}
        self._damaged: dict[str, SteppeError] = {}
        self._folders: dict[Path, Seen] = {}
        self._table = Table()
        self._lock = threading.Lock()  # of the fields above
        self._looking = threading.RLock()  # one look around at a time
        self._looked = False

    @property
    def table(self) -> Table:
        """What is known now; the first time, the folders are looked at for it."""
        if not self._looked:
            with self._looking:
                if not self._looked:
                    self.poll()
        return self._table

    def poll(self) -> None:
        """Look at all folders, and take over what has changed."""
        with self._looking:
            aliases_changed = self._read_aliases()
            before, now = dict(self._folders), time.monotonic()
            # What is there at the start is not waited for: it does not look as if somebody was just copying it.
            since = now if self._looked else -math.inf
            seen = {path: self._look(path, rank, since, now) for path, rank in self._around(before)}
            if self._take_over(before, seen) or aliases_changed:
                self._publish()
            self._looked = True

    def note(self, seen: Seen, **found: Any) -> None:
        """Write down what was found out about a folder, unless that has changed since it was seen."""
        with self._lock:
            now = self._folders.get(seen.path)
            if now is None or now.signature != seen.signature:
                return
            self._folders[seen.path] = replace(now, **found)
        self._publish()

    def by_digest(self, digest: str) -> list[Seen]:
        """Folders that hold, or held, this bundle: sound ones first."""
        with self._lock:
            found = [seen for seen in self._folders.values() if seen.bundle and seen.bundle.digest == digest]
        return sorted(found, key=lambda seen: (seen.fault is not None, seen.rank))

    def _around(self, before: dict[Path, Seen]) -> Iterator[tuple[Path, int]]:
        """Folders there are or were, with the rank of their root; not those of a root that cannot be read."""
        for rank, root in enumerate(roots_of(self._settings)):
            there = version_folders(root)
            known = [path for path, seen in before.items() if seen.rank == rank]
            for path in dict.fromkeys([*there, *known]) if there is not None else ():
                yield path, rank

    def _look(self, path: Path, rank: int, since: float, now: float) -> Seen:
        before, patience = self._folders.get(path), self._settings.registry_settle_s
        signature = signature_of(path)
        if before is not None and signature == before.signature:
            return before.settled(now, patience)
        if signature is None:
            return _gone(before or Seen(path=path, rank=rank, signature=None, since=since), since).settled(
                now, patience
            )
        found = look_at(path)
        if before is None or not before.proven:
            fresh = Seen(path=path, rank=rank, signature=signature, since=since, bundle=found.bundle)
            return replace(fresh, pending=found.lacks is None, waiting=found.lacks).settled(now, patience)
        # What was proven stays what it was: versions never change.
        lacks = found.lacks or _replaced(before, found.bundle)
        kept = replace(before, signature=signature, since=since, waiting=lacks, pending=lacks is None)
        return kept.settled(now, patience)

    def _read_aliases(self) -> bool:
        """Read the files that have changed; whether there were any. What was known of a damaged one goes on."""
        marks = self._files.marks()
        changed = [name for name in marks | self._marks if marks.get(name) != self._marks.get(name)]
        for name in changed:
            try:
                said = self._files.read(name)
            except AliasesDamaged as error:
                with self._lock:
                    self._damaged[name] = error
            else:
                with self._lock:
                    self._damaged.pop(name, None)
                    self._aliases[name] = said
        self._marks = marks
        return bool(changed)

    def _take_over(self, before: dict[Path, Seen], seen: dict[Path, Seen]) -> bool:
        """Take over what was seen, where nobody has found out more in the meantime; whether anything is new."""
        changed = False
        with self._lock:
            for path, new in seen.items():
                old = self._folders.get(path)
                if old is not before.get(path):
                    continue
                if self._lost(new):
                    changed |= self._folders.pop(path, None) is not None
                elif new is not old:
                    self._folders[path], changed = new, True
        return changed

    def _lost(self, seen: Seen) -> bool:
        """Whether nothing is left of a version, neither on the disk nor in memory."""
        return seen.signature is None and not self._in_memory(seen)

    def _publish(self) -> None:
        """Make a new table, switch to it, and tell."""
        with self._lock:
            before = self._table
            after = make_table(
                self._folders.values(),
                dict(self._aliases),
                dict(self._damaged),
                before=before,
                usable=self._usable,
            )
            self._table = after
            self._kept.guard(self._guarded(after))
        self._tell(before, after)

    def _usable(self, seen: Seen) -> bool:
        """Whether a version can answer."""
        return (seen.sound and (seen.proven or self._trusting)) or self._in_memory(seen)

    def _in_memory(self, seen: Seen) -> bool:
        return seen.proven and seen.bundle is not None and self._kept.holds(seen.bundle.digest)

    def _guarded(self, table: Table) -> frozenset[str]:
        """The default model, which answers at once, and what answers to a name but could not be loaded again."""
        default = split_reference(self._settings.model)
        return frozenset(
            model.sha256
            for name, model in table.current.items()
            if (default and name == default[0]) or not table.versions[name, model.version].sound
        )

    def _tell(self, before: Table, after: Table) -> None:
        for key, seen in after.versions.items():
            known = before.versions.get(key)
            if seen.fault is not None and (known is None or known.fault is not seen.fault):
                self._observers.failed(seen.identifier, sentence(seen.fault))
        for name in after.current.keys() | before.current.keys():
            old, new = before.current.get(name), after.current.get(name)
            if old != new:
                self._observers.switched(name, old, new)
            if new is None or after.versions[new.name, new.version].proven:
                self._observers.answering(name, new)
        for name, error in after.damaged.items():
            if before.damaged.get(name) is not error:
                self._observers.failed(name, sentence(error))


def _gone(seen: Seen, since: float) -> Seen:
    lacks = BundleInvalid(f"model {seen.identifier}: its folder is gone; put it back, or promote another version")
    return replace(seen, signature=None, since=since, pending=False, waiting=lacks)


def _replaced(before: Seen, bundle: Bundle | None) -> BundleInvalid | None:
    if before.bundle is None or bundle is None or bundle.digest == before.bundle.digest:
        return None
    return BundleInvalid(
        f"model {before.identifier}: another bundle lies in its folder now; versions never change, put the first one "
        "back and publish the other one under a new version"
    )

"""What is known of all versions at one moment, and which one answers to a plain name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from landcover.bundle import Bundle, version_key
from landcover.errors import SteppeError
from serving.registry.aliases import NOTHING_SAID, Aliases
from serving.registry.look import Signature
from serving.registry.words import Resolved
from serving.sentence import sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One version folder as it was last looked at.

    Attributes:
        path: the folder ``<name>/<version>``.
        rank: which root it lies below, 0 wins.
        signature: of its files; None = it is gone.
        since: second of the monotonic clock at which it was seen to change.
        bundle: the bundle by its manifest; of a proven version always the one that was proven.
        proven: whether the bundle was verified, loaded and has reproduced its golden sample in this process.
        pending: whether the bytes have to be checked.
        waiting: what is still missing of a folder that is being copied, or was not right a moment ago.
        fault: why it cannot be loaded (again).
        retry_at: second at which loading is tried again although nothing changed in the folder.
    """

    path: Path
    rank: int
    signature: Signature | None
    since: float
    bundle: Bundle | None = None
    proven: bool = False
    pending: bool = False
    waiting: SteppeError | None = None
    fault: SteppeError | None = None
    retry_at: float = math.inf

    @property
    def name(self) -> str:
        """Model name, by the folder."""
        return self.path.parent.name

    @property
    def version(self) -> str:
        """Version, by the folder."""
        return self.path.name

    @property
    def identifier(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"

    @property
    def sound(self) -> bool:
        """Whether, as far as one knows, the folder holds the bundle."""
        return self.bundle is not None and self.waiting is None and self.fault is None

    def settled(self, now: float, patience_s: float) -> Seen:
        """With what is missing as a fault, once nothing has changed for long enough; and due for another try."""
        if self.waiting is not None and now - self.since >= patience_s:
            return replace(self, waiting=None, fault=self.waiting)
        if now >= self.retry_at:
            return replace(self, pending=True, fault=None, retry_at=math.inf)
        return self


@dataclass(frozen=True, slots=True)
class Table:
    """A snapshot; never changed, only replaced.

    Attributes:
        versions: by name and version; newest version first within a name.
        aliases: champions and retired versions by name.
        damaged: names whose alias file cannot be read, with the error; what was known before goes on.
        current: what answers to each plain name.
    """

    versions: Mapping[tuple[str, str], Seen] = field(default_factory=dict)
    aliases: Mapping[str, Aliases] = field(default_factory=dict)
    damaged: Mapping[str, SteppeError] = field(default_factory=dict)
    current: Mapping[str, Resolved] = field(default_factory=dict)

    def said(self, name: str) -> Aliases:
        """Champion and retired versions of a model."""
        return self.aliases.get(name, NOTHING_SAID)

    @property
    def identifiers(self) -> list[str]:
        """``name@version`` of all."""
        return [seen.identifier for seen in self.versions.values()]

    def problems(self) -> dict[str, str]:
        """What an operator should look at, by ``name@version`` or, for aliases, by name."""
        found = {
            seen.identifier: sentence(seen.fault)
            for seen in self.versions.values()
            if seen.fault is not None and not self.retired(seen)
        }
        for name in dict.fromkeys(name for name, _ in self.versions):
            champion = self.said(name).champion
            if champion is not None and (name, champion) not in self.versions:
                found[name] = f"the champion {champion} of {name} is not in the registry; promote a version that is"
        return found | {name: sentence(error) for name, error in self.damaged.items()}

    def of(self, name: str) -> list[Seen]:
        """The versions of a model, newest first."""
        return [seen for (owner, _), seen in self.versions.items() if owner == name]

    def retired(self, seen: Seen) -> bool:
        """Whether a version is out of service."""
        return seen.version in self.said(seen.name).retired


def make_table(
    folders: Iterable[Seen],
    aliases: Mapping[str, Aliases],
    damaged: Mapping[str, SteppeError],
    *,
    before: Table,
    usable: Callable[[Seen], bool],
) -> Table:
    """The table of what was seen.

    Args:
        folders: all version folders; several may be of one name and version, below different roots.
        aliases: champions and retired versions by name.
        damaged: alias files that cannot be read.
        before: the table until now: what answers goes on until something better is ready.
        usable: whether a version can answer.
    """
    chosen: dict[tuple[str, str], Seen] = {}
    for seen in folders:
        key = (seen.name, seen.version)
        other, serving = chosen.get(key), before.versions.get(key)
        if other is None or _rank(seen, serving) < _rank(other, serving):
            chosen[key] = seen
    newest_first = sorted(chosen, key=lambda key: version_key(key[1]), reverse=True)
    versions = {key: chosen[key] for key in sorted(newest_first, key=lambda key: key[0])}
    table = Table(versions, aliases, damaged)

    names = dict.fromkeys(name for name, _ in versions)
    found = {name: choose(table.of(name), table.said(name), before.current.get(name), usable) for name in names}
    current = {name: Resolved.of(seen.bundle) for name, seen in found.items() if seen and seen.bundle}
    return replace(table, current=current)


def choose(
    versions: Sequence[Seen], aliases: Aliases, before: Resolved | None, usable: Callable[[Seen], bool]
) -> Seen | None:
    """The version that answers to a plain name.

    The champion, as soon as it is proven; until then what answered before. Without a champion the newest proven
    version; one whose folder is gone only when there is no other. Where nothing is proven yet, the one that probably
    will be.

    Args:
        versions: of one model, newest first.
        aliases: its champion and retired versions.
        before: what answered until now.
        usable: whether a version can answer.
    """
    serving = [seen for seen in versions if seen.version not in aliases.retired]
    able = [seen for seen in serving if usable(seen)]
    promising = [seen for seen in serving if seen.sound]
    champion = [seen.version == aliases.champion for seen in able]
    ranked = [
        *(seen for seen, first in zip(able, champion, strict=True) if first),
        *(seen for seen in able if aliases.champion and before and seen.version == before.version),
        *(seen for seen in promising if seen.version == aliases.champion),
        *(seen for seen in able if seen.signature is not None or seen.fault is None),
        *able,
        *promising,
    ]
    return ranked[0] if ranked else None


def _rank(seen: Seen, before: Seen | None) -> tuple[bool, bool, int]:
    """What is proven and serves stays; what is broken gives way; then the order of the roots."""
    serves = before is not None and seen.path == before.path and seen.proven
    return not serves, not seen.sound, seen.rank

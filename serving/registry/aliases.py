"""Which version is champion and which are retired: one small file per model in the user's registry folder.

Bundles never change, so this is kept beside them, ``.aliases/<name>.json``, also for models that only ship with Steppe.
A file is replaced whole: its new content is flushed under a private name first.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import StringConstraints, TypeAdapter, ValidationError

from landcover.errors import ConfigError, ModelNotFound, WrongUse
from landcover.manifest import NAME_PATTERN
from landcover.staging import StagingFolder, os_errors, publish, sweep
from serving.registry.words import AliasesDamaged, ModelRetired

FOLDER: Final = ".aliases"
_SUFFIX: Final = ".json"
_KEPT_MOVES: Final = 100
_KEPT_CHAMPIONS: Final = 20
_LIMIT: Final = 1_000_000
"""Bytes of a file; a hundred moves are some ten thousand."""

_Version = Annotated[str, StringConstraints(pattern=f"^(?:{NAME_PATTERN.pattern})$")]


@dataclass(frozen=True, slots=True)
class Move:
    """One thing that was done.

    Attributes:
        time: when, UTC, ISO 8601.
        action: ``promote``, ``rollback``, ``retire`` or ``restore``.
        version: the version it was done to; of a rollback the one that is champion since, None = none is.
    """

    time: str
    action: str
    version: _Version | None


@dataclass(frozen=True, slots=True)
class Aliases:
    """What is said of the versions of one model.

    Attributes:
        champions: versions that were promoted, the last one is champion; a rollback takes that away.
        retired: versions out of service, with the time since when.
        moves: what was done, newest last.
    """

    champions: tuple[_Version, ...] = ()
    retired: Mapping[_Version, str] = field(default_factory=dict)
    moves: tuple[Move, ...] = ()

    @property
    def champion(self) -> str | None:
        """The version that answers to the plain name; None = the newest one does."""
        return self.champions[-1] if self.champions else None

    def promoted(self, version: str) -> Aliases:
        """With another champion.

        Raises:
            ModelRetired: when the version is out of service.
        """
        if version in self.retired:
            raise ModelRetired(f"version {version} is retired; bring it back with steppe models restore first")
        if version == self.champion:
            return self
        return replace(self._after("promote", version), champions=(*self.champions, version)[-_KEPT_CHAMPIONS:])

    def rolled_back(self, there: Collection[str]) -> Aliases:
        """With the champion before this one, or none if there was none.

        Args:
            there: versions that can be read; others are passed over, as are retired ones.

        Raises:
            WrongUse: when there is no champion.
        """
        if not self.champions:
            raise WrongUse("no version was promoted, so there is nothing to go back to; the newest one answers")
        rest = list(self.champions[:-1])
        while rest and (rest[-1] in self.retired or rest[-1] not in there or rest[-1] == self.champion):
            rest.pop()
        return replace(self._after("rollback", rest[-1] if rest else None), champions=tuple(rest))

    def with_retired(self, version: str) -> Aliases:
        """With a version out of service.

        Raises:
            WrongUse: when it is the champion.
        """
        if version == self.champion:
            raise WrongUse(f"version {version} is the champion; promote another one, or roll back, before it retires")
        if version in self.retired:
            return self
        after = self._after("retire", version)
        return replace(after, retired={**self.retired, version: after.moves[-1].time})

    def with_restored(self, version: str) -> Aliases:
        """With a retired version back in service.

        Raises:
            WrongUse: when it is not retired.
        """
        if version not in self.retired:
            raise WrongUse(f"version {version} is not retired")
        rest = {name: since for name, since in self.retired.items() if name != version}
        return replace(self._after("restore", version), retired=rest)

    def _after(self, action: str, version: str | None) -> Self:
        move = Move(datetime.now(UTC).isoformat(timespec="seconds"), action, version)
        return replace(self, moves=(*self.moves, move)[-_KEPT_MOVES:])


NOTHING_SAID: Final = Aliases()
_ADAPTER: Final = TypeAdapter(Aliases)


class AliasFiles:
    """The files of all models.

    Args:
        registry: the user's registry folder; None = there is none, then nothing is said and nothing can be.
    """

    def __init__(self, registry: Path | None) -> None:
        self._registry = registry
        self._folder = None if registry is None else registry / FOLDER

    def read(self, name: str) -> Aliases:
        """What is said of a model.

        Args:
            name: of a model; checked against ``NAME_PATTERN`` by the caller.

        Raises:
            AliasesDamaged: when the file is there and cannot be read.
        """
        if self._folder is None:
            return NOTHING_SAID
        try:
            with (self._folder / f"{name}{_SUFFIX}").open("rb") as file:
                return _ADAPTER.validate_json(file.read(_LIMIT))
        except FileNotFoundError:
            return NOTHING_SAID
        except (OSError, ValidationError) as error:
            raise AliasesDamaged(
                f"the champion and retired versions of {name} cannot be read from {FOLDER}/{name}{_SUFFIX} in the "
                "registry folder; put the file back from a copy, or remove it to begin anew"
            ) from error

    def marks(self) -> dict[str, tuple[int, int, int]]:
        """Size, time and number of each file by model, cheap: a file whose mark is the same has not changed."""
        marks: dict[str, tuple[int, int, int]] = {}
        if self._folder is None:
            return marks
        with suppress(OSError), os.scandir(self._folder) as entries:
            for entry in entries:
                name = entry.name.removesuffix(_SUFFIX)
                if name != entry.name and NAME_PATTERN.fullmatch(name):
                    with suppress(OSError):
                        state = entry.stat()
                        marks[name] = (state.st_size, state.st_mtime_ns, state.st_ino)
        return marks

    def change(self, name: str, edit: Callable[[Aliases], Aliases]) -> Aliases:
        """Read, edit and write, while nobody else does.

        Raises:
            ConfigError: when there is no registry folder of the user's.
            AliasesDamaged: when the file cannot be read; it is left as it is.
            OutputNotWritable: when it cannot be written.
            DiskFull: when there is no room.
        """
        if self._registry is None or self._folder is None:
            raise ConfigError("champions and retired versions are kept in your registry folder; set STEPPE_REGISTRY")
        with os_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        with _alone(self._folder):
            before = self.read(name)
            after = edit(before)
            if after is not before:
                _write(self._folder / f"{name}{_SUFFIX}", after)
        return after


def known(name: str, version: str, there: Collection[str]) -> None:
    """Refuse a version that is not in the registry.

    Raises:
        ModelNotFound: naming those that are.
    """
    if version not in there:
        raise ModelNotFound(f"model {name} has no version {version}; there is: {', '.join(there) or 'none'}")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One writer at a time; the kernel ends the lock with the process, however that ends."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # some network file systems have no locks for folders
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(path: Path, aliases: Aliases) -> None:
    sweep(path.parent)
    content = json.dumps(asdict(aliases), indent=2) + "\n"
    with StagingFolder(path) as folder:
        staged = folder / path.name
        with os_errors(path):
            staged.write_text(content)
        publish(staged, path)

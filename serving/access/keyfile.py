"""API keys in a file: for servers that are set up by configuration, where nobody runs a command beside them.

The file has digests and no keys, so it may lie where configuration lies.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from landcover.errors import ConfigError
from serving.access.keys import Key
from serving.access.principal import Scope


class Entry(BaseModel):
    """A line of the file, as ``steppe keys create --entry`` prints it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[a-z2-7]{8}$")]
    name: Annotated[str, Field(max_length=100)] = ""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    scopes: frozenset[Scope]
    created: AwareDatetime
    expires: AwareDatetime | None = None
    pixels_per_minute: Annotated[int, Field(ge=1)] | None = None
    max_jobs: Annotated[int, Field(ge=1)] | None = None

    @classmethod
    def of(cls, key: Key) -> Entry:
        """The line of a key."""
        return cls(**{name: getattr(key, name) for name in cls.model_fields})

    def key(self) -> Key:
        """The key of a line."""
        return Key(**{name: getattr(self, name) for name in Entry.model_fields})


class KeyFile:
    """The keys in a file. A line that goes takes its key with it; the file is read again when it changes.

    Args:
        path: the file; empty lines and those that begin with # do not count.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, ...] = ()
        self._keys: Sequence[Key] = ()

    def load(self) -> Sequence[Key]:
        """All keys of the file.

        Raises:
            ConfigError: when it cannot be read, naming the line.
        """
        try:
            state = self._path.stat()
            stamp = (state.st_mtime_ns, state.st_size, state.st_ino)
            if stamp != self._stamp:
                self._keys = _parse(self._path.read_text(encoding="utf-8"))
                self._stamp = stamp
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError("the file of STEPPE_KEYS_FILE cannot be read; correct the setting or the file") from error
        return self._keys

    def note(self, used: Collection[str]) -> None:
        """Nothing: the file is not written."""


def _parse(text: str) -> Sequence[Key]:
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return [_entry(number, line).key() for number, line in lines if line and not line.startswith("#")]


def _entry(number: int, line: str) -> Entry:
    try:
        return Entry.model_validate_json(line)
    except ValidationError as error:
        where = ", ".join(sorted({".".join(map(str, fault["loc"])) or "the line" for fault in error.errors()}))
        raise ConfigError(
            f"line {number} of the file of STEPPE_KEYS_FILE is not what `steppe keys create --entry` prints ({where})"
        ) from error

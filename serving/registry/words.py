"""What a model is called, and what may be wrong with a name that exists."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from landcover.bundle import Bundle
from landcover.errors import ConfigError, SteppeError
from landcover.manifest import NAME_PATTERN

CHAMPION: Final = "champion"
"""The alias that can be moved; no version may be called that."""


class ModelRetired(ConfigError):
    """This version was taken out of service; GET /models lists those that answer."""

    slug = "model-retired"


class ModelNotReady(SteppeError):
    """This version is being copied, checked or loaded."""

    slug = "model-not-ready"


class AliasesDamaged(ConfigError):
    """The file that says which version is champion and which are retired cannot be read."""

    slug = "model-aliases-damaged"


class State(StrEnum):
    """Where a version stands."""

    READY = "ready"
    LOADING = "loading"
    BROKEN = "broken"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Resolved:
    """One version, pinned: the same name and version with another digest is another model.

    Attributes:
        name: model name.
        version: its version, never an alias.
        sha256: digest of the bundle's manifest, which lists the digests of all its files.
    """

    name: str
    version: str
    sha256: str

    @property
    def identifier(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"

    @classmethod
    def of(cls, bundle: Bundle) -> Self:
        """What a bundle is."""
        return cls(bundle.manifest.name, bundle.manifest.version, bundle.digest)

    @classmethod
    def pinned(cls, identifier: str, sha256: str) -> Self:
        """From ``name@version`` and digest, as they are recorded with a job."""
        name, _, version = identifier.partition("@")
        return cls(name, version, sha256)


def split_reference(reference: str) -> tuple[str, str | None] | None:
    """Name and version (None = not given) of ``name`` or ``name@version``; None where it cannot be one.

    No path is ever made from a reference that has not passed here.
    """
    name, _, version = reference.partition("@")
    if not NAME_PATTERN.fullmatch(name) or (version and not NAME_PATTERN.fullmatch(version)):
        return None
    return name, version or None


def again(error: SteppeError) -> SteppeError:
    """A copy of an error, to raise where it is remembered or told to many: each raise adds a trace to its error."""
    return type(error)(str(error))

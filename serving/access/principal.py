"""Who asks, and what for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from serving.access.refusals import ScopeMissing


class Scope(StrEnum):
    """What a key or token may be good for; none of them contains another.

    There are four, because four kinds of programs hold keys: pipelines run work, map viewers only read, Prometheus
    reads metrics and must not be able to stop a job, and an operator looks after everybody.
    """

    RUN = "run"
    TILES = "tiles"
    METRICS = "metrics"
    ADMIN = "admin"

    @property
    def meaning(self) -> str:
        """In words."""
        return _MEANINGS[self]


_MEANINGS: Final = {
    Scope.RUN: "classify, start jobs, upload, infer; see and stop the own jobs",
    Scope.TILES: "read maps, tiles and points",
    Scope.METRICS: "read the metrics",
    Scope.ADMIN: "see and stop everybody's jobs",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks.

    Attributes:
        id: owner of what is made: id of an API key, ``oidc:`` and the subject of a token, or ``anonymous``.
        scopes: what it may do.
        pixels_per_minute: most pixels it may ask for in a minute; None = the service's limit.
        max_jobs: most jobs that may wait or run; None = the service's limit.
    """

    id: str
    scopes: frozenset[Scope]
    pixels_per_minute: int | None = None
    max_jobs: int | None = None

    def require(self, *scopes: Scope) -> None:
        """Check that one of these is allowed; without any, everything is.

        Raises:
            ScopeMissing: when none is.
        """
        if scopes and self.scopes.isdisjoint(scopes):
            raise ScopeMissing(f"this needs the scope {' or '.join(scopes)}, which the key or token does not have")

    @property
    def sees(self) -> str | None:
        """Whose jobs it sees: its own, or None = everybody's. For the ``owner`` argument of the job table."""
        return None if Scope.ADMIN in self.scopes else self.id


ANONYMOUS: Final = Principal(id="anonymous", scopes=frozenset(Scope))
"""Somebody on the same machine, while no key exists: the person who started the service."""

"""What the door lets through."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from serving.settings import Settings

HEAD_BYTES: Final = 32 * 1024
"""Request line and header fields together; the longest token that is checked has a quarter of it."""

URL_BYTES: Final = 8 * 1024
"""RFC 9110, section 4.1, asks for 8000 at least."""

STALL_FACTOR: Final = 6
"""So many times the patience with a request is the patience with somebody who does not read the answer."""

OWN_LIMITS: Final = re.compile(r"/classify|/uploads(?:/.*)?|/v2/models/.+/infer")
"""Addresses whose routes take large bodies and limit them by themselves."""

ALWAYS_OPEN: Final = frozenset({"/livez", "/metrics"})
"""Addresses that answer when the service is full, too: to tell that it lives, and how it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the door lets through.

    Attributes:
        patience_s: seconds for a head, and between two pieces of a body.
        grace_s: seconds a body may be late by the pace of ``pace``.
        pace: slowest pace of a body, bytes per second.
        body_bytes: largest body where a route has no limit of its own.
        hosts: names under which the service is reached, lower case.
        only_hosts: whether other names are refused.
        origins: origins whose pages may call; ``*`` = all.
        requests: most requests at the same time.
        connections: most open connections.
    """

    patience_s: float
    grace_s: float
    pace: float
    body_bytes: int
    hosts: frozenset[str]
    only_hosts: bool
    origins: frozenset[str]
    requests: int
    connections: int

    def largest_body(self, path: str) -> int | None:
        """Largest body for an address; None = its route says."""
        return None if OWN_LIMITS.fullmatch(path) else self.body_bytes

    def allows_origin(self, origin: str) -> bool:
        """Whether pages of this origin may call from a browser."""
        return "*" in self.origins or origin in self.origins


def rules_of(settings: Settings) -> Rules:
    """The rules by the settings."""
    public = urlsplit(settings.public_url or "").hostname
    return Rules(
        patience_s=settings.request_patience_s,
        grace_s=settings.upload_grace_s,
        pace=settings.upload_min_rate,
        body_bytes=settings.max_json_bytes,
        hosts=frozenset(name.lower() for name in (*settings.hosts, *([public] if public else []))),
        only_hosts=bool(settings.hosts),
        origins=frozenset(settings.cors_origins),
        requests=settings.max_requests,
        connections=settings.max_connections,
    )


SAFE_HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
"""Of every answer that does not say otherwise: no browser guesses its type, keeps it, runs or frames it."""

"""API keys: random numbers that are shown once and kept as a digest.

A key reads ``stp_<id>_<secret>``. The id is no secret: it finds the row and stands in lists and logs. The secret has
256 random bits, so one round of SHA-256 keeps it as well as a slow password hash would, in a microsecond.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from serving.access.principal import Principal, Scope

PREFIX: Final = "stp_"
"""Begins every key, so that scanners of repositories and logs can find one that was left there."""

_ID_BYTES: Final = 5
_SECRET_BYTES: Final = 32
_FORM: Final = re.compile(r"stp_([a-z2-7]{8})_([a-z2-7]{52})")


class Minted(NamedTuple):
    """A new key.

    Attributes:
        id: finds it again.
        text: what its owner keeps; nobody else ever sees it.
        sha256: what the service keeps, hexadecimal.
    """

    id: str
    text: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What the service knows of a key.

    Attributes:
        id: the part of the key that is no secret.
        name: what its maker called it.
        sha256: digest of the whole key, hexadecimal.
        scopes: what it is good for.
        created: when it was made, UTC.
        expires: when it ends, or None.
        revoked: when it was taken back, or None.
        last_used: when it was last seen, to about ten minutes; None = never.
        pixels_per_minute: its own limit, or None = the service's.
        max_jobs: its own limit, or None = the service's.
    """

    id: str
    name: str
    sha256: str
    scopes: frozenset[Scope]
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None
    last_used: datetime | None = None
    pixels_per_minute: int | None = None
    max_jobs: int | None = None

    def usable(self, now: datetime) -> bool:
        """Whether it opens anything at this moment."""
        return self.revoked is None and (self.expires is None or now < self.expires)

    @property
    def principal(self) -> Principal:
        """Who comes with it."""
        return Principal(
            id=self.id, scopes=self.scopes, pixels_per_minute=self.pixels_per_minute, max_jobs=self.max_jobs
        )


def mint() -> Minted:
    """Make a key."""
    key_id = _random_text(_ID_BYTES)
    text = f"{PREFIX}{key_id}_{_random_text(_SECRET_BYTES)}"
    return Minted(key_id, text, digest(text))


def key_id(text: str) -> str | None:
    """The id in something that has the form of a key, or None."""
    match = _FORM.fullmatch(text)
    return match[1] if match else None


def digest(text: str) -> str:
    """SHA-256 of a key, hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _random_text(size: int) -> str:
    return b32encode(secrets.token_bytes(size)).decode().rstrip("=").lower()

"""Public keys of an identity provider (RFC 7517), kept for some minutes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import jwt

from landcover.errors import ConfigError, SteppeError

LIFETIME_S: Final = 300.0
"""How long keys count; a provider that withdraws one waits so long."""

PAUSE_S: Final = 10.0
"""Shortest time between two readings, however many tokens name unknown keys."""

LARGEST: Final = 1024**2
_MOST_KEYS: Final = 100
_TIME_S: Final = 10.0
_BY_CURVE: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA", "Ed448": "EdDSA"}


class KeysUnavailable(SteppeError):
    """The public keys of the identity provider cannot be read."""

    slug = "keys-unavailable"


class KeySet:
    """The keys, read when they are needed.

    Args:
        read: gives the JSON document; may wait for the network.
        algorithms: signature algorithms that count.
        clock: seconds that never go back.
    """

    def __init__(
        self, read: Callable[[], bytes], algorithms: Collection[str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._algorithms = frozenset(algorithms)
        self._clock = clock
        self._keys: Mapping[str | None, jwt.PyJWK] = {}
        self._failure: KeysUnavailable | None = None
        self._read_at = self._good_until = float("-inf")
        self._wanted = threading.Event()
        self._reading = threading.Lock()

    def ready(self, kid: object) -> bool:
        """Whether ``find`` can answer for this key; if not, ``refresh`` comes first."""
        age_s = self._clock() - self._read_at
        if age_s < PAUSE_S or (age_s < LIFETIME_S and _name(kid) in self._keys and self._failure is None):
            return True
        self._wanted.set()
        return False

    def refresh(self) -> None:
        """Read the keys, where ``ready`` asked for it. What was known stays when that fails, until it is too old."""
        with self._reading:
            if not self._wanted.is_set():
                return
            self._wanted.clear()
            try:
                self._keys, self._failure = self._parse(self._read()), None
                self._good_until = self._clock() + LIFETIME_S
            except (OSError, ValueError, SteppeError, jwt.PyJWTError) as error:
                self._failure = KeysUnavailable(
                    "the public keys of the identity provider cannot be read; try again later"
                )
                self._failure.__cause__ = error
            self._read_at = self._clock()

    def find(self, kid: object) -> jwt.PyJWK | None:
        """The key of this name; where a token names none, the only key there is.

        Raises:
            KeysUnavailable: when the keys could not be read.
        """
        if self._failure is not None and self._clock() >= self._good_until:
            raise self._failure
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(_name(kid)) if isinstance(kid, str) else None

    def _parse(self, content: bytes) -> dict[str | None, jwt.PyJWK]:
        document = json.loads(content)
        entries = document.get("keys") if isinstance(document, dict) else None
        if not isinstance(entries, list) or len(entries) > _MOST_KEYS:
            raise ValueError("not a set of keys")
        usable = (self._usable(entry) for entry in entries)
        return {key.key_id: key for key in usable if key is not None}

    def _usable(self, entry: Any) -> jwt.PyJWK | None:
        """A key for signatures; None of any other one, of which a set may hold some."""
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or "d" in entry:
            return None
        algorithm = entry.get("alg") or _BY_CURVE.get(str(entry.get("crv"))) or "RS256"
        if algorithm not in self._algorithms:
            return None
        try:
            return jwt.PyJWK(entry, algorithm)
        except jwt.PyJWTError:
            return None


def jwks_reader(where: str, fetch: Callable[[str], bytes] | None = None) -> Callable[[], bytes]:
    """What reads the keys from an https address or a file.

    Args:
        where: either.
        fetch: reads an address.

    Raises:
        ConfigError: for an address of any other kind.
    """
    scheme = urlsplit(where).scheme.lower()
    if scheme == "https":
        return lambda: (fetch or fetch_plainly)(where)
    if scheme:
        raise ConfigError("STEPPE_OIDC_JWKS is neither an https address nor a file; correct it")
    return Path(where).read_bytes


def fetch_plainly(address: str) -> bytes:
    """Read a small document that the operator named; it may well be on a private network, so any address will do.

    Raises:
        OSError: when it does not come whole, as 200, in time.
    """
    import httpx2  # noqa: PLC0415 - only where tokens are used

    content, end = b"", time.monotonic() + _TIME_S
    try:
        with httpx2.Client(timeout=_TIME_S / 2, follow_redirects=False) as client, client.stream("GET", address) as got:
            got.raise_for_status()
            for chunk in got.iter_bytes():
                content += chunk
                if len(content) > LARGEST or time.monotonic() > end:
                    raise OSError("too large or too slow")
    except httpx2.HTTPError as error:
        raise OSError("cannot be fetched") from error
    return content


def _name(kid: object) -> str | None:
    return kid if isinstance(kid, str) else None

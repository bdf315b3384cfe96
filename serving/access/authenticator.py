"""From what a request presents to who asks."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from typing import Protocol

from landcover.errors import ConfigError
from serving.access.keys import PREFIX
from serving.access.principal import ANONYMOUS, Principal
from serving.access.refusals import UNKNOWN_CALLER, AmbiguousCredentials, NotAuthenticated
from serving.access.ring import KeyRing


class Verifier(Protocol):
    """Checks tokens of an identity provider."""

    def ready(self, token: str) -> bool:
        """Whether the provider's keys are at hand to check this token; if not, ``refresh`` comes first."""

    def refresh(self) -> None:
        """Read the provider's keys, where they are old or one is missing."""

    def verify(self, token: str) -> Principal | None:
        """Who comes with this token; None when it is not valid here."""


class Authenticator:
    """Says who asks.

    Args:
        ring: the API keys.
        verifier: checks tokens; None = there are none.
        local: whether only programs of this machine can reach the service; they need no key while none exists.
    """

    def __init__(self, ring: KeyRing, verifier: Verifier | None = None, *, local: bool) -> None:
        self._ring = ring
        self._verifier = verifier
        self._local = local

    @property
    def local(self) -> bool:
        """Whether only programs of this machine can reach the service."""
        return self._local

    def ready(self, presented: Collection[str]) -> bool:
        """Whether ``identify`` can answer at once; if not, ``refresh`` comes first."""
        return self._ring.fresh and (
            self._verifier is None or all(_is_key(text) or self._verifier.ready(text) for text in presented)
        )

    def refresh(self) -> None:
        """Renew what is known of keys. Waits for files, the database or the network: not for an event loop."""
        self._ring.refresh()
        if self._verifier is not None:
            self._verifier.refresh()

    def note_use(self) -> None:
        """Keep which API keys were used, for `steppe keys list`; raises what ``KeyRing.note_use`` raises."""
        self._ring.note_use()

    def identify(self, presented: Collection[str]) -> Principal:
        """Who asks.

        Args:
            presented: every key and token of the request.

        Raises:
            AmbiguousCredentials: when there are two different ones.
            NotAuthenticated: when there is none that is valid here.
            StoreUnavailable: when keys cannot be read.
        """
        distinct = set(presented)
        if len(distinct) > 1:
            raise AmbiguousCredentials(f"the request carries {len(distinct)} different keys or tokens; send one")
        found = self._find(distinct.pop()) if distinct else self._nobody()
        if found is None:
            raise NotAuthenticated(UNKNOWN_CALLER)
        return found

    def check_start(self) -> None:
        """Check that the service may begin to listen.

        Raises:
            ConfigError: when others could reach it and nobody needs a key.
            StoreUnavailable: when keys cannot be read.
        """
        self._ring.refresh()
        if not (self._local or self._verifier or self._ring.any_usable):
            raise ConfigError(
                "other machines can reach the address to listen on, and there is no valid API key; make one with "
                "`steppe keys create --name NAME`, or listen on 127.0.0.1"
            )

    def check(self) -> str:
        """A sentence about the keys; waits as ``refresh`` does.

        Raises:
            StoreUnavailable: when keys cannot be read: whoever asks is refused until they are read again.
        """
        self._ring.refresh()
        self._ring.check()
        return "can be read"

    def _find(self, text: str) -> Principal | None:
        if _is_key(text):
            return self._ring.find(text)
        return self._verifier.verify(text) if self._verifier else None

    def _nobody(self) -> Principal | None:
        return ANONYMOUS if self._local and self._verifier is None and not self._ring.any else None


def is_local(host: str) -> bool:
    """Whether only programs of this machine reach a service that listens on this address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_every(host: str) -> bool:
    """Whether this address to listen on stands for all addresses of the machine, and is none to be called at."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return not host


def _is_key(text: str) -> bool:
    return text.startswith(PREFIX)

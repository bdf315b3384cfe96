"""Addresses of what is fetched: parsed so strictly that there is one way to understand them.

What programs disagree on (RFC 3986 against the WHATWG's URL standard: backslashes, tabs, user names, numbers that are
addresses) is refused instead of decided.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import unquote, urljoin

from landcover.errors import ConfigError
from serving.fetch.errors import UrlBlocked, UrlInvalid, UrlScheme

HTTPS_PORT: Final = 443
MAX_LENGTH: Final = 4096
"""Letters of an address; signed ones have about a thousand."""

_SCHEME: Final = "https://"
_MAX_HOST: Final = 253  # RFC 1035, section 2.3.4, without the root's dot
_LETTERS: Final = re.compile(r'[^\x00-\x20\x7f-\U0010ffff<>"{}|^`]+')
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME: Final = re.compile(rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?")
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
_MAX_PORT: Final = 65535
_ESCAPES: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HAS_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


@dataclass(frozen=True, slots=True)
class Url:
    """The address of one document on a host that has a name.

    Attributes:
        host: name in lower case, no address and no final dot.
        port: TCP port.
        target: path and query as they are sent; not shown, because it may hold a token.
    """

    host: str
    port: int
    target: str = field(repr=False)

    def __str__(self) -> str:
        """The whole address; not for messages and logs."""
        return f"{_SCHEME}{self.authority}{self.target}"

    @property
    def authority(self) -> str:
        """Host, with the port where it is not the usual one."""
        return self.host if self.port == HTTPS_PORT else f"{self.host}:{self.port}"

    def join(self, reference: str) -> Url:
        """The address that a reference in this document means (RFC 3986, section 5).

        Raises:
            UrlInvalid: when it cannot be understood.
            UrlScheme: when it leads elsewhere than to https.
            UrlBlocked: when it leads to a bare address.
        """
        _check_letters(reference)
        if "\\" in reference:
            raise UrlInvalid("a reference holds a backslash; write it with slashes")
        return parse_url(reference if _HAS_SCHEME.match(reference) else urljoin(str(self), reference))


def parse_url(text: str) -> Url:
    """Understand an address, or refuse it; no network is asked, and no list of hosts.

    Raises:
        UrlInvalid: when it is no URL, or one that programs understand differently.
        UrlScheme: when it does not begin with ``https://``.
        UrlBlocked: when its host is an IP address or a name without a domain.
    """
    _check_letters(text)
    if not text.startswith(_SCHEME):
        raise UrlScheme("the address does not begin with https:// in lower-case letters; only https is fetched")
    if "\\" in text or "#" in text:
        raise UrlInvalid("the address holds a backslash or a fragment; leave it out")
    authority, target = _split(text.removeprefix(_SCHEME))
    if "@" in authority:
        raise UrlInvalid("the address holds a user name; credentials are never sent: leave them out")
    host, colon, port = (authority, "", "") if authority.startswith("[") else authority.partition(":")
    return Url(_host(host.lower()), _port(port) if colon else HTTPS_PORT, _target(target))


def _check_letters(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise UrlInvalid(f"the address has {len(text)} letters, at most {MAX_LENGTH} are understood")
    if not _LETTERS.fullmatch(text):
        raise UrlInvalid("the address is empty or holds letters that no URL has; escape them as %XX")


def _split(rest: str) -> tuple[str, str]:
    """Authority, and path with query."""
    end = next((place for place, letter in enumerate(rest) if letter in "/?"), len(rest))
    target = rest[end:]
    return rest[:end], target if target.startswith("/") else f"/{target}"


def _host(host: str) -> str:
    last = host.rpartition(".")[2]
    if host.startswith("[") or last[:1].isdigit() or (host and "." not in host):
        raise UrlBlocked("the host is an address or has no domain; give the name of a public host")
    if len(host) > _MAX_HOST or not _NAME.fullmatch(host):
        raise UrlInvalid("the host is no name of letters, digits and hyphens without a final dot")
    return host


def _port(port: str) -> int:
    if not _PORT.fullmatch(port) or int(port) > _MAX_PORT:
        raise UrlInvalid(f"the port is no number from 1 to {_MAX_PORT}; leave it out")
    return int(port)


def _target(target: str) -> str:
    if _ESCAPES.search(target):
        raise UrlInvalid("the address holds a % that begins no escape; write it as %25")
    path = target.partition("?")[0]
    if any(unquote(part) in {".", ".."} for part in path.split("/")):
        raise UrlInvalid("the path of the address holds the segments . or ..; write it without them")
    return target


@dataclass(frozen=True, slots=True)
class HostList:
    """The hosts that may be fetched from.

    Attributes:
        exact: (name, port).
        below: (domain, port) of entries ``*.domain``: every name below it, but not the domain itself.
    """

    exact: frozenset[tuple[str, int]] = frozenset()
    below: frozenset[tuple[str, int]] = frozenset()

    @classmethod
    def of(cls, entries: Iterable[str]) -> Self:
        """From entries such as ``data.example.org``, ``*.example.com`` or ``data.example.org:8443``.

        Raises:
            ConfigError: naming the entry that is none.
        """
        exact: set[tuple[str, int]] = set()
        below: set[tuple[str, int]] = set()
        for entry in filter(None, map(str.strip, entries)):
            wild = entry.startswith("*.")
            try:
                url = parse_url(f"{_SCHEME}{entry.removeprefix('*.')}")
            except (UrlInvalid, UrlBlocked) as error:
                raise ConfigError(f"{entry!r} is no host that can be allowed: {error}") from error
            if url.target != "/" or "/" in entry:
                raise ConfigError(f"{entry!r} is more than a host; give name or name:port")
            (below if wild else exact).add((url.host, url.port))
        return cls(frozenset(exact), frozenset(below))

    def check(self, url: Url) -> None:
        """Let an address pass, or not.

        Raises:
            UrlBlocked: when its host or port is not on the list.
        """
        parts = url.host.split(".")
        parents = (".".join(parts[place:]) for place in range(1, len(parts)))
        if (url.host, url.port) in self.exact or any((parent, url.port) in self.below for parent in parents):
            return
        if not (self.exact or self.below):
            raise UrlBlocked("this server fetches nothing: it allows no hosts; upload the file instead")
        raise UrlBlocked(
            "the host of the address is not among those this server fetches from; upload the file instead, or ask the "
            "operator to allow the host"
        )

    def with_host(self, url: Url) -> HostList:
        """The list with one more host."""
        return HostList(self.exact | {(url.host, url.port)}, self.below)

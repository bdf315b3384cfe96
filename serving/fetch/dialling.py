"""Connections to checked addresses: what was resolved is what is checked, and what was checked is what is dialled."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, override

import httpcore2

from serving.fetch.addresses import Address, is_public
from serving.fetch.errors import UrlBlocked
from serving.fetch.resolving import Resolve, SystemResolver

type Dial = Callable[[Address, int, float], httpcore2.NetworkStream]
"""A TCP connection to an address and port, within so many seconds."""

_FOREVER: Final = float("inf")
_LOOK_S: Final = 0.25
"""Seconds that a read waits before it looks whether anybody still wants it."""


class TlsFailure(httpcore2.ConnectError):
    """The handshake failed for another reason than time."""


def dial_tcp(address: Address, port: int, seconds: float) -> httpcore2.NetworkStream:
    """Connect; an address needs no resolver."""
    return httpcore2.SyncBackend().connect_tcp(str(address), port, timeout=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialler:
    """How names become connections. The service uses the defaults; only code can give others, no setting can.

    Attributes:
        resolve: names to addresses.
        allowed: which addresses may be dialled.
        dial: opens the connection.
    """

    resolve: Resolve
    allowed: Callable[[Address], bool] = is_public
    dial: Dial = dial_tcp

    @classmethod
    def of_system(cls) -> Dialler:
        """The system's resolver, public addresses, real connections."""
        return cls(resolve=SystemResolver())

    def addresses(self, host: str, seconds: float) -> tuple[Address, ...]:
        """All addresses of a host, every one of them allowed.

        Raises:
            UrlBlocked: when one is not.
            httpcore2.ConnectTimeout: when resolving takes too long.
            httpcore2.ConnectError: when the name has no address.
        """
        try:
            found = self.resolve(host, seconds)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout("the name was not resolved in time") from error
        except OSError as error:
            raise httpcore2.ConnectError("the name cannot be resolved") from error
        if not found:
            raise httpcore2.ConnectError("the name has no address")
        # One private address among public ones is how a name is bent towards this network: all must pass.
        if not all(map(self.allowed, found)):
            raise UrlBlocked("the host has an address that is not public; only public hosts are fetched from")
        return found


class Clock(threading.local):
    """Until when the exchange of this thread may take, by the monotonic clock.

    Args:
        stopped: whether no time is left for anybody any more.
    """

    until: float = _FOREVER

    def __init__(self, stopped: Callable[[], bool]) -> None:
        self._stopped = stopped

    def left(self, limit: float | None) -> float:
        """Seconds left, at most ``limit``; never below 0."""
        left = 0.0 if self._stopped() else max(self.until - monotonic(), 0.0)
        return left if limit is None else min(left, limit)


class CheckedBackend(httpcore2.NetworkBackend):
    """The network as the HTTP library sees it: every connection goes through a ``Dialler``, every wait ends in time."""

    def __init__(self, dialler: Dialler, *, stopped: Callable[[], bool] = lambda: False) -> None:
        self._dialler = dialler
        self.clock = Clock(stopped)

    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Resolve, check, and dial one address after the other until one answers."""
        *others, last = self._dialler.addresses(host, self._left(timeout))
        for address in others:
            try:
                return self._dial(address, port, timeout)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return self._dial(last, port, timeout)

    def _dial(self, address: Address, port: int, timeout: float | None) -> httpcore2.NetworkStream:
        return PacedStream(self._dialler.dial(address, port, self._left(timeout)), self.clock)

    def _left(self, timeout: float | None) -> float:
        left = self.clock.left(timeout)
        if left <= 0:
            raise httpcore2.ConnectTimeout("no time is left")
        return left


class PacedStream(httpcore2.NetworkStream):
    """A connection whose reads and writes end when the time of their exchange does, however slowly bytes drip."""

    def __init__(self, stream: httpcore2.NetworkStream, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What came, at most so many bytes; empty at the end."""
        end = _FOREVER if timeout is None else monotonic() + timeout
        while (left := self._clock.left(end - monotonic())) > 0:
            with suppress(httpcore2.ReadTimeout):
                return self._stream.read(max_bytes, timeout=min(left, _LOOK_S))
        raise httpcore2.ReadTimeout("no time is left")

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all bytes."""
        left = self._clock.left(timeout)
        if left <= 0:
            raise httpcore2.WriteTimeout("no time is left")
        self._stream.write(buffer, timeout=left)

    @override
    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    @override
    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """Encrypt; the certificate is checked for the name that was asked for, whatever address was dialled."""
        left = self._clock.left(timeout)
        if left <= 0:
            self.close()
            raise httpcore2.ConnectTimeout("no time is left")
        try:
            secure = self._stream.start_tls(ssl_context, server_hostname=server_hostname, timeout=left)
        except httpcore2.ConnectError as error:
            if isinstance(error.__cause__, ssl.SSLError):
                raise TlsFailure("the handshake failed") from error
            raise
        return PacedStream(secure, self._clock)

    @override
    def get_extra_info(self, info: str) -> Any:
        """Socket, addresses, TLS object."""
        return self._stream.get_extra_info(info)

"""Exchanges with hosts over checked connections: redirects by hand, every failure as a noun, every wait bounded."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ssl import SSLContext
from time import monotonic
from types import TracebackType
from typing import Final, Self

import httpcore2

from serving.fetch.budget import Budget
from serving.fetch.dialling import CheckedBackend, Dialler, TlsFailure
from serving.fetch.errors import SourceNotFound, Upstream, UpstreamTimeout, UpstreamTls
from serving.fetch.urls import HostList, Url
from serving.version import VERSION

MAX_REDIRECTS: Final = 3
LONGEST_PAUSE_S: Final = 5.0
"""A host that wants a longer pause is not asked again; the client hears how long."""

_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_GONE: Final = frozenset({404, 410})
_CLOSED_DOOR: Final = frozenset({401, 403})
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_RETRY_AFTER_S: Final = 3600
_CONNECTIONS: Final = 8
_KEPT_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is asked of a host, beside the address.

    Attributes:
        method: HTTP method.
        headers: further headers.
        content: body, or None.
        redirects: how many are followed; a body is never sent to another address.
    """

    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    redirects: int = MAX_REDIRECTS


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host answered.

    Attributes:
        url: the address it came from, after redirects.
        status: HTTP status.
        headers: by name in lower case; of repeated ones the first.
        body: pieces as they come, still in their content coding.
    """

    url: Url
    status: int
    headers: Mapping[str, str]
    body: Iterator[bytes]

    @property
    def coding(self) -> str:
        """Content coding of the body; empty = none."""
        coding = self.headers.get("content-encoding", "")
        return "" if coding.strip().lower() == "identity" else coding

    @property
    def length(self) -> int | None:
        """Bytes that the host announces, or None."""
        text = self.headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdigit() else None


class Line:
    """Connections to hosts for one errand; they are kept until it is done. Threads may share it.

    Args:
        hosts: which hosts may be asked.
        dialler: how they are reached.
        tls: how they prove who they are.
        budget: what may be spent.
    """

    def __init__(self, hosts: HostList, dialler: Dialler, tls: SSLContext, budget: Budget) -> None:
        self._hosts = hosts
        self._budget = budget
        self._backend = CheckedBackend(dialler, stopped=lambda: budget.stopped)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=tls,
            max_connections=_CONNECTIONS,
            keepalive_expiry=_KEPT_S,
            network_backend=self._backend,
        )

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def ask(self, url: Url, ask: Ask, until: float) -> Iterator[Answer]:
        """One exchange, redirects included; the body is read within the ``with`` block.

        Args:
            url: where.
            ask: what.
            until: moment on the monotonic clock after which nothing is waited for.

        Raises:
            DataError: when a hop leads where it must not.
            Upstream: when the host fails.
        """
        for hop in range(ask.redirects + 1):
            self._hosts.check(url)
            with self._exchange(url, ask, until) as answer:
                if answer.status not in _MOVED:
                    yield answer
                    return
                if hop < ask.redirects:
                    url = _next_hop(answer)
        raise Upstream(
            f"{url.host} is the end of more than {ask.redirects} redirects; give the address they lead to"
            if ask.redirects
            else "the host redirects, which is not followed here; give the address it leads to"
        )

    @contextmanager
    def _exchange(self, url: Url, ask: Ask, until: float) -> Iterator[Answer]:
        limits = self._budget.limits
        # Resolving, connecting and the handshake; then the headers, which may come letter by letter.
        self._backend.clock.until = min(until, monotonic() + 3 * limits.connect_s + limits.idle_s)
        waits = {"connect": limits.connect_s, "read": limits.idle_s, "write": limits.idle_s, "pool": limits.idle_s}
        with _as_nouns(url):
            response = self._pool.handle_request(
                httpcore2.Request(
                    ask.method,
                    httpcore2.URL(scheme=b"https", host=url.host.encode(), port=url.port, target=url.target.encode()),
                    headers=_headers(url, ask),
                    content=ask.content,
                    extensions={"timeout": waits},
                )
            )
        try:
            yield Answer(url, response.status, _first(response.headers), self._body(response, url, until))
        finally:
            response.close()

    def _body(self, response: httpcore2.Response, url: Url, until: float) -> Iterator[bytes]:
        """The pieces of a body, which must keep up a pace."""
        limits, clock, start, came = self._budget.limits, self._backend.clock, monotonic(), 0
        with _as_nouns(url):
            clock.until = min(until, start + limits.idle_s)
            for piece in response.iter_stream():
                came += len(piece)
                clock.until = min(until, start + limits.idle_s + came / limits.min_rate)
                yield piece


def _headers(url: Url, ask: Ask) -> list[tuple[bytes, bytes]]:
    usual = {"Host": url.authority, "User-Agent": f"steppe/{VERSION}", "Accept": "*/*", "Accept-Encoding": "identity"}
    if ask.content is not None:
        usual["Content-Length"] = str(len(ask.content))
    return [(name.encode(), value.encode()) for name, value in {**usual, **ask.headers}.items()]


def _first(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in reversed(headers)}


def _next_hop(answer: Answer) -> Url:
    place = answer.headers.get("location")
    if not place:
        raise Upstream(f"{answer.url.host} redirects to nowhere")
    return answer.url.join(place)


@contextmanager
def _as_nouns(url: Url) -> Iterator[None]:
    """What the HTTP library raises, in the words of this package."""
    host = url.host
    try:
        yield
    except TlsFailure as error:
        raise UpstreamTls(f"{host} shows no certificate that proves its name; its operator has to renew it") from error
    except httpcore2.TimeoutException as error:
        raise UpstreamTimeout(f"{host} did not answer in time; try again later", passing=True) from error
    except httpcore2.ConnectError as error:
        raise Upstream(f"{host} cannot be reached; check the name, or try again later", passing=True) from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise Upstream(f"{host} broke off in the middle of an answer; try again later", passing=True) from error


def refuse_status(answer: Answer, *good: int) -> None:
    """Accept one of the statuses, or raise what the other one means.

    Raises:
        SourceNotFound: 404 and 410.
        Upstream: everything else.
    """
    status, host = answer.status, answer.url.host
    if status in good:
        return
    if status in _GONE:
        raise SourceNotFound(f"{host} has nothing at this address (status {status}); correct it")
    if status in _CLOSED_DOOR:
        raise Upstream(
            f"{host} does not let this server read the address (status {status}); give one that needs no "
            "credentials, or upload the file",
            status=status,
        )
    raise Upstream(
        f"{host} answered with status {status} where {' or '.join(map(str, good))} was expected; try again later",
        passing=status in _PASSING,
        retry_after_s=retry_after(answer.headers.get("retry-after", "")),
        status=status,
    )


def retry_after(text: str) -> int | None:
    """Seconds in a header Retry-After, which has seconds or a date; None when it says nothing that is understood."""
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), _LONGEST_RETRY_AFTER_S)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    seconds = (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(int(seconds) + 1, 0), _LONGEST_RETRY_AFTER_S)


def patiently[T](budget: Budget, attempt: Callable[[float], T]) -> T:
    """Try something that can be asked twice, with growing pauses, as long as the budget allows.

    Args:
        budget: what may be spent.
        attempt: is given the moment on the monotonic clock until which it may take.

    Raises:
        Upstream: the last failure.
        UpstreamTimeout: when no time is left.
    """
    with budget.waiting() as until:
        for number in range(1, budget.limits.tries):
            try:
                return attempt(until)
            except Upstream as error:
                pause = _pause(error, budget.limits.backoff_s * 2 ** (number - 1))
                if not error.passing or pause is None or monotonic() + pause >= until or budget.stopped:
                    raise
                budget.pause(pause)
        return attempt(until)


def _pause(error: Upstream, usual_s: float) -> float | None:
    """Seconds before the next try, scattered so that many clients do not come back at once; None = too long."""
    pause = usual_s * random.uniform(0.5, 1.0)  # noqa: S311 - nobody must not guess it
    wanted = max(pause, error.retry_after_s or 0)
    return None if wanted > LONGEST_PAUSE_S else wanted

"""The line to a service: requests, and what is made of their answers."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Final, Self

import httpx2

from landcover.errors import SteppeError
from serving.client.errors import AnswerNotUnderstood, ServiceUnreachable
from serving.client.patience import Clock, Passing, Patience
from serving.client.refusals import problem_in, refusal_of
from serving.client.server import Server
from serving.client.watching import Quiet, Watcher
from serving.version import VERSION

TIMEOUT: Final = httpx2.Timeout(60.0, connect=10.0)
"""Seconds; the service itself gives up on catalogues after 20."""

PARTING: Final = httpx2.Timeout(5.0)
"""Seconds for what is asked while the command ends."""

_LATER: Final = frozenset({429, 503})
_GATEWAY: Final = frozenset({502, 503, 504})
_ERROR: Final = 400
_REDIRECT: Final = 300
_CERTIFICATE: Final = "CERTIFICATE_VERIFY_FAILED"


class Line:
    """Speaks to one service; use as a context manager.

    Args:
        server: which.
        patience_s: seconds without a sign of life after which it is given up.
        watcher: is told of pauses.
        clock: passes the time.
    """

    def __init__(
        self, server: Server, patience_s: float, watcher: Watcher | None = None, *, clock: Clock | None = None
    ) -> None:
        self.server, self.watcher, self.clock = server, watcher or Quiet(), clock or Clock()
        self.patience = Patience(patience_s, self.watcher, self.clock)
        self._exit_codes: dict[str, object] = {}
        headers = {"User-Agent": f"steppe/{VERSION}", "Accept": "application/json"}
        if server.key is not None:
            headers["Authorization"] = f"Bearer {server.key.get_secret_value()}"
        # A proxy of the environment must not see what stays on this machine.
        self._client = httpx2.Client(
            base_url=server.base, headers=headers, timeout=TIMEOUT, trust_env=not server.loopback
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def ask(self, method: str, path: str, *, later: bool = True, **options: Any) -> dict[str, Any]:
        """A JSON object, asked for until it comes.

        Args:
            method: of HTTP.
            path: relative to the service's address.
            later: whether an answer that says "busy" is one to wait for.
            **options: of the request.

        Raises:
            SteppeError: when it does not come.
        """
        return self.patience.trying(lambda: self.once(method, path, later=later, **options))

    def once(self, method: str, path: str, *, later: bool = True, **options: Any) -> dict[str, Any]:
        """A JSON object, asked for once.

        Raises:
            Passing: when asking again may help.
            SteppeError: when not.
        """
        with self.answer(method, path, later=later, **options) as response:
            response.read()
        return _object(response)

    @contextmanager
    def answer(self, method: str, path: str, *, later: bool = True, **options: Any) -> Iterator[httpx2.Response]:
        """A successful answer, whose body is not read yet; raises what ``once`` raises, also while it is read."""
        try:
            with self._client.stream(method, path, **options) as response:
                self.patience.met()
                if response.status_code >= _REDIRECT:
                    self._refuse(response, later=later)
                yield response
        except httpx2.InvalidURL as error:
            raise AnswerNotUnderstood("the service answered with an address that is none; is it a Steppe?") from error
        except httpx2.LocalProtocolError:
            raise
        except httpx2.TransportError as error:
            unreachable = ServiceUnreachable(_words(error))
            if _is_untrusted(error):
                raise unreachable from error
            raise Passing(unreachable) from error
        self.patience.sign_of_life()

    def last_word(self, method: str, path: str, **options: Any) -> dict[str, Any] | None:
        """Ask for something on the way out, once and briefly.

        Returns:
            The answer; None when it was not done.
        """
        try:
            return self.once(method, path, timeout=PARTING, **options)
        except (Passing, SteppeError, httpx2.HTTPError):
            return None

    def _refuse(self, response: httpx2.Response, *, later: bool) -> None:
        """Raise what an answer means that is no success."""
        response.read()
        status = response.status_code
        if status < _ERROR:
            raise AnswerNotUnderstood(
                f"what answers at --server says {status}, that it is elsewhere; give the address of the service itself"
            )
        refusal = refusal_of(response, has_key=self.server.key is not None, look_up=self._exit_code)
        gateway = problem_in(response) is None and status in _GATEWAY
        if later and (status in _LATER or gateway):
            raise Passing(refusal, _seconds(response.headers.get("retry-after", "")))
        raise refusal

    def _exit_code(self, kind: str) -> object:
        """What a command ends with that meets a problem type, by the service; asked for once."""
        if kind not in self._exit_codes:
            self._exit_codes[kind] = None
            if kind.replace("-", "").isalnum():
                with suppress(SteppeError, httpx2.HTTPError):
                    response = self._client.get(f"problems/{kind}", timeout=PARTING)
                    self._exit_codes[kind] = _object(response).get("exit_code")
        return self._exit_codes[kind]


def _object(response: httpx2.Response) -> dict[str, Any]:
    try:
        document = response.json() if response.content else {}
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise AnswerNotUnderstood("what answers at --server is no Steppe service; correct the address")
    return document


def _seconds(retry_after: str) -> float:
    """Seconds of a Retry-After header; one with a date, which no Steppe sends, does not count."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdecimal() else 0.0


def _is_untrusted(error: Exception) -> bool:
    return _CERTIFICATE in str(error) or isinstance(error.__cause__, ssl.SSLCertVerificationError)


def _words(error: httpx2.TransportError) -> str:
    """What a failure means for whoever has to do something about it."""
    if _is_untrusted(error):
        return (
            "the certificate of the service is not trusted here; correct the address, or name its authority in "
            "SSL_CERT_FILE"
        )
    if isinstance(error, httpx2.TimeoutException):
        return "the service did not answer in time; try again later"
    if isinstance(error, httpx2.ConnectError | httpx2.ProxyError):
        return "the service cannot be reached; correct --server, or try again later"
    return "the connection to the service was lost; try again later"


def headers_of(*, idempotency_key: str) -> Mapping[str, str]:
    """Headers of a request for a job that may be repeated."""
    return {"Prefer": "respond-async", "Idempotency-Key": idempotency_key}

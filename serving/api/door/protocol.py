"""The server's HTTP protocol, with limits.

uvicorn waits for ever for the end of a request's head, and httptools, its faster parser, takes one of any size. What is
refused here has not become a request yet, so no middleware can answer it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from landcover.errors import SteppeError
from serving.api.door.rules import HEAD_BYTES, SAFE_HEADERS, STALL_FACTOR, URL_BYTES, Rules
from serving.api.problems import Busy, answer
from serving.api.refusals import HeadTooLarge, MalformedRequest, MethodRefused, RequestTooSlow, UrlTooLong

LINGER_S: Final = 1.0
LINGER_BYTES: Final = 8 * 1024**2
"""How long, and how much, a refused connection still listens; closed at once, it could take its last answer back."""


class _Guarded(asyncio.Protocol):
    """Whatever parses the requests: time limits, a limit of connections, and refusals as problem documents."""

    _timer: asyncio.TimerHandle | None = None
    _stall: asyncio.TimerHandle | None = None
    _ignored: int | None = None
    """Bytes that came after a refusal; None while the connection is in use."""

    if TYPE_CHECKING:
        config: Any
        loop: asyncio.AbstractEventLoop
        transport: asyncio.Transport
        connections: set[Any]
        cycle: Any

    @property
    def _rules(self) -> Rules:
        rules: Rules = self.config.rules  # uvicorn hands its options on; ours have the rules in them
        return rules

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there, and has some seconds to say what it wants."""
        super().connection_made(transport)
        if len(self.connections) > self._rules.connections:
            self._refuse(Busy(f"more than {self._rules.connections} connections are open; try again later"))
        else:
            self._timer = self.loop.call_later(self._rules.patience_s, self._late)

    def data_received(self, data: bytes) -> None:
        """Bytes came; whoever has begun a head must end it in time."""
        if self._ignored is not None:
            self._ignored += len(data)
            if self._ignored > LINGER_BYTES:
                self.transport.close()
            return
        super().data_received(data)
        if not self._head_is_open():
            self._calm()
        elif self._timer is None:
            self._timer = self.loop.call_later(self._rules.patience_s, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self._calm()
        if self._stall is not None:
            self._stall.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read; it has a minute to begin, because its answer holds memory and a file."""
        super().pause_writing()
        self._stall = self.loop.call_later(STALL_FACTOR * self._rules.patience_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads again."""
        if self._stall is not None:
            self._stall.cancel()
        super().resume_writing()

    def _head_is_open(self) -> bool:
        """Whether a head has begun and not ended."""
        raise NotImplementedError

    def _late(self) -> None:
        self._timer = None
        if self.cycle is not None and not self.cycle.response_complete:
            return  # that is the head of a next request, sent before the answer to this one
        if self._head_is_open():
            self._refuse(RequestTooSlow(f"the head of the request took more than {self._rules.patience_s:g} s"))
        else:
            self.transport.close()

    def _calm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words, one for all cases
        """What uvicorn calls when the parser gives up."""
        self._refuse(self._reason())

    def _reason(self) -> SteppeError:
        """Why the parser gave up."""
        return MalformedRequest("the request is not HTTP/1.1 as RFC 9112 has it; send it by an HTTP client")

    def _refuse(self, error: SteppeError) -> None:
        """Answer what is no request; then listen to nothing more, and close."""
        if self.transport.is_closing() or self._ignored is not None:
            return
        self._calm()
        self._ignored = 0
        if self.cycle is not None and not self.cycle.response_complete:
            begun = self.cycle.response_started
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if begun:
                self.transport.close()
                return
        self.transport.write(_raw_answer(error))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._timer = self.loop.call_later(LINGER_S, self.transport.close)


class GuardedHttpTools(_Guarded, HttpToolsProtocol):
    """Behind the compiled parser."""

    _in_head = False
    _head_bytes = 0
    _refusal: SteppeError | None = None

    def data_received(self, data: bytes) -> None:
        """Bytes came; the parser keeps an unfinished field of any length, so they are counted here."""
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(_too_large(in_url=not self.headers and len(self.url) > URL_BYTES))

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A head has ended."""
        self._in_head = False
        # uvicorn takes addresses apart, and would stumble over these.
        if self.parser.get_method() == b"CONNECT":
            self._refusal = MethodRefused("the service does not answer CONNECT; send GET or POST")
        elif len(self.url) > URL_BYTES:
            self._refusal = _too_large(in_url=True)
        if self._refusal is not None:
            raise ValueError("refused")  # ends the parser, which then asks for the reason
        super().on_headers_complete()

    def _head_is_open(self) -> bool:
        return self._in_head

    def _reason(self) -> SteppeError:
        return self._refusal or super()._reason()


def _too_large(*, in_url: bool) -> SteppeError:
    if in_url:
        return UrlTooLong(f"the address has more than {URL_BYTES:,} bytes; send what is long in the body")
    return HeadTooLarge(f"the head of the request has more than {HEAD_BYTES:,} bytes; send fewer header fields")


def _raw_answer(error: SteppeError) -> bytes:
    """A problem document with its head, as bytes."""
    response = answer(error)
    for name, value in {**SAFE_HEADERS, "Connection": "close"}.items():
        response.headers.setdefault(name, value)
    fields = b"".join(b"%b: %b\r\n" % field for field in response.raw_headers)
    return b"HTTP/1.1 %d \r\n%b\r\n%b" % (response.status_code, fields, bytes(response.body))

"""One request and its answer, as they pass the door."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from anyio import fail_after, move_on_after
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from landcover.errors import SteppeError
from serving.api.door.headonly import with_head
from serving.api.door.places import Place
from serving.api.door.rules import SAFE_HEADERS, Rules
from serving.api.negotiation import accepts
from serving.api.problems import Busy, NotAcceptable, answer
from serving.api.refusals import BodyTooLarge, RequestTooSlow
from serving.sentence import sentence

LINGER_S: Final = 2.0
LINGER_BYTES: Final = 8 * 1024**2
"""How long, and how much, of a body that nobody wants is taken after the answer. Closing a connection on which bytes
are still coming would take the answer back on its way (TCP resets it), and many clients read only after sending."""

LITTLE_BYTES: Final = 65_536
"""A request of which less has come holds next to nothing, so it has no place in the service while it waits for more."""

_OK: Final = 200
_MOVED: Final = 300


def refusal(scope: Scope, error: SteppeError) -> Response:
    """The answer to a request that is refused; clients of the Open Inference Protocol look for ``error`` in it."""
    extra = {"error": sentence(error)} if scope["path"].startswith("/v2/") else {}
    return answer(error, **extra)


class Exchange:
    """Stands between the server and the application.

    A body that is too large or too slow is refused whatever the application makes of it: its answer is replaced. So is
    what was only read, when it comes in a format that the client does not take.

    Args:
        scope: the request.
        receive: gives its body.
        send: takes its answer.
        rules: what is let through.
        headers: to be added to the answer.
        place: of the request in the service; left when the answer begins, which is ready then.
    """

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        rules: Rules,
        place: Place,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        given = Headers(scope=scope)
        self._scope, self._receive, self._send, self._rules = scope, receive, send, rules
        self._headers, self._place = headers or {}, place
        self._largest = rules.largest_body(scope["path"])
        self._whole = given.get("content-length", "0") == "0" and "transfer-encoding" not in given
        self._asks_first = given.get("expect", "").lower() == "100-continue"
        self._bytes = 0
        self._waited_s = 0.0
        self._refusal: SteppeError | None = None
        self._replaced = False
        self.started = False

    async def receive(self) -> Message:
        """The next piece of the body.

        Raises:
            RequestTooSlow: when it does not come, or the whole body comes too slowly.
            BodyTooLarge: when there is more than the address takes.
            Busy: when it was waited for, and others have taken all places meanwhile.
        """
        if self._whole:
            return await self._receive()
        message = await self._wait()
        self._take(message)
        if self._largest is not None and self._bytes > self._largest:
            raise self._refused(
                BodyTooLarge(f"the body has more than {self._largest:,} bytes, the limit here; send less")
            )
        return message

    async def send(self, message: Message) -> None:
        """Pass a piece of the answer on."""
        if self._replaced:
            return
        if message["type"] == "http.response.start":
            self._check_format(message)
            if self._refusal is not None:
                self._replaced = True
                await refusal(self._scope, self._refusal)(self._scope, self._receive, self._pass_on)
                return
            self.started = True
        await self._pass_on(message)

    def _check_format(self, message: Message) -> None:
        """Routes that do something check before they do it; see ``serving.api.negotiation.json_only``."""
        if self._scope["method"] not in {"GET", "HEAD"} or not _OK <= message["status"] < _MOVED:
            return
        media_type = Headers(raw=list(message.get("headers", []))).get("content-type", "").partition(";")[0]
        accept = ", ".join(Headers(scope=self._scope).getlist("accept"))
        if media_type and not accepts(accept, media_type):
            self._refused(NotAcceptable(f"what is here comes as {media_type} only; accept that"))

    async def _wait(self) -> Message:
        rules, began = self._rules, time.monotonic()
        left_s = rules.grace_s + self._bytes / rules.pace - self._waited_s
        try:
            with fail_after(max(0.0, min(rules.patience_s, left_s))):
                message = await self._next()
        except Busy as error:
            raise self._refused(error) from None
        except TimeoutError as error:
            raise self._refused(
                RequestTooSlow(
                    f"the body stopped for {rules.patience_s:g} s, or came slower than {rules.pace:,.0f} bytes per "
                    "second; send it again"
                )
            ) from error
        self._waited_s += time.monotonic() - began
        return message

    async def _next(self) -> Message:
        if self._bytes >= LITTLE_BYTES:
            return await self._receive()
        with self._place.away():
            return await self._receive()

    def _take(self, message: Message) -> None:
        self._bytes += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)

    def _refused(self, error: SteppeError) -> SteppeError:
        self._refusal = error
        return error

    async def _pass_on(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self._place.leave()
            headers = MutableHeaders(raw=list(message.get("headers", [])))
            for name, value in {**SAFE_HEADERS, **self._headers}.items():
                headers.setdefault(name, value)
            if "allow" in headers:
                headers["Allow"] = with_head(headers["allow"].split(","))
            if not self._whole:
                headers["Connection"] = "close"
            message = {**message, "headers": headers.raw}
        elif message["type"] == "http.response.body" and not message.get("more_body") and not self._whole:
            await self._send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def _linger(self) -> None:
        """Take what is left of the body, after the answer to it; see ``LINGER_S``."""
        if self._asks_first and not self._bytes:
            return  # and having got an answer, does not send
        most = self._bytes + LINGER_BYTES
        with move_on_after(LINGER_S):
            while not self._whole and self._bytes < most:
                self._take(await self._receive())

"""HEAD, for every address that answers GET: the same answer without its body (RFC 9110, section 9.3.2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from anyio import CancelScope
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FILES_BY_NAME: Final[dict[str, Any]] = {"http.response.pathsend": {}}
"""An extension of ASGI by which a server says that it wants the name of a file, and not what is in it."""

_RANGES: Final = frozenset({b"range", b"if-range"})
"""Mean nothing in a HEAD request (RFC 9110, section 14.2)."""


async def answer_head(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Let ``app`` answer as it answers GET, and send the head alone; what would be streamed is not even read.

    Args:
        app: what answers GET. It sees a request for GET, in the same scope, where routing leaves what it found.
        scope: of a HEAD request.
        receive: gives its body.
        send: takes the head; it sees the method as it was sent, because servers count what a body should have.
    """
    with CancelScope() as work:

        async def pass_on(message: Message) -> None:
            scope["method"] = "HEAD"
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            elif message.get("more_body"):
                work.cancel()

        scope["method"] = "GET"
        scope["headers"] = [field for field in scope["headers"] if field[0] not in _RANGES]
        scope["extensions"] = {**(scope.get("extensions") or {}), **_FILES_BY_NAME}
        try:
            await app(scope, receive, pass_on)
        finally:
            scope["method"] = "HEAD"


def with_head(methods: Iterable[str]) -> str:
    """The field ``Allow`` of an address that answers these methods."""
    named = [method.strip() for method in methods]
    return ", ".join(dict.fromkeys([*named, *(["HEAD"] if "GET" in named else [])]))

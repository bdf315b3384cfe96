"""One request and its answer, as far as metrics, logs and traces want to know them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from serving.spans import SILENCE, Span

type Scope = MutableMapping[str, Any]
type Headers = Iterable[tuple[bytes, bytes]]

REQUEST_ID: Final = b"x-request-id"
TRACEPARENT: Final = b"traceparent"

UNMATCHED: Final = "unmatched"
"""Stands for every address that no route answers, so that a scan of addresses makes one series, not thousands."""

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD: Final = "other"

_KEY: Final = "steppe.exchange"
_WELL_FORMED: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(slots=True)
class Exchange:
    """What is known of a request so far; the handlers of the service fill in what only they know.

    Attributes:
        request_id: the client's, when it was well-formed, else one of our own.
        method: HTTP method; ``other`` for those the service does not know.
        principal: id of the API key or subject of the token, or None.
        job: id of the job it made or asked for, or None.
        slug: type of the problem it was refused with, or None.
        status: of the answer, once it has begun.
        sent: bytes of the answer's body.
        span: of the trace.
    """

    request_id: str
    method: str
    principal: str | None = None
    job: str | None = None
    slug: str | None = None
    status: int | None = None
    sent: int = 0
    span: Span = SILENCE


def begin(scope: Scope) -> Exchange:
    """Begin an exchange and leave it in the scope, where ``exchange_of`` finds it; its id is ``state.request_id``."""
    method = scope["method"]
    exchange = Exchange(request_id=_request_id(scope["headers"]), method=method if method in METHODS else OTHER_METHOD)
    scope[_KEY] = exchange
    scope.setdefault("state", {})["request_id"] = exchange.request_id
    return exchange


def exchange_of(scope: Scope) -> Exchange:
    """The exchange of a request; one that nobody looks at, where no telemetry is installed."""
    found = scope.get(_KEY)
    return found if isinstance(found, Exchange) else Exchange(request_id="", method=OTHER_METHOD)


def route_of(scope: Scope) -> str:
    """Template of the route that answered, for example ``/models/{name}``; never the address itself.

    A router that is included with a prefix keeps its own templates; FastAPI leaves the whole one beside it.
    """
    included: Mapping[str, Any] = scope.get("fastapi") or {}
    route = included.get("effective_route_context") or scope.get("route")
    template = getattr(route, "path_format", None)
    return template if isinstance(template, str) and template else UNMATCHED


def traceparent_of(headers: Headers) -> str | None:
    """W3C ``traceparent`` of the caller, where it is well-formed and there is one."""
    found = [value for name, value in headers if name == TRACEPARENT]
    return found[0].decode() if len(found) == 1 and _TRACEPARENT.fullmatch(found[0]) else None


def _request_id(headers: Headers) -> str:
    found = [value for name, value in headers if name == REQUEST_ID]
    return found[0].decode() if len(found) == 1 and _WELL_FORMED.fullmatch(found[0]) else uuid.uuid4().hex

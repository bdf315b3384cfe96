"""Count, time, trace and log every request, around everything else that answers it.

Plain ASGI: messages pass through as they come, nothing is collected and no task is made, so that long answers stream
and a client that hangs up is heard where the work is done.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Generator, MutableMapping
from contextlib import contextmanager
from time import perf_counter
from typing import Any, Final

from serving.spans import Tracer, Value, traced
from serving.telemetry.context import bound
from serving.telemetry.exchange import REQUEST_ID, Exchange, Scope, begin, route_of, traceparent_of
from serving.telemetry.metrics import Metrics

type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type App = Callable[[Scope, Receive, Send], Awaitable[None]]

PROBES: Final = frozenset({"/livez", "/readyz", "/metrics"})
"""Asked every few seconds; their lines are for debugging."""

REFUSED: Final = 400
SERVER_ERROR: Final = 500

_log = logging.getLogger("serving.access")


class Telemetry:
    """An ASGI application around another one.

    Args:
        app: what answers.
        metrics: what is counted.
        tracer: who listens to spans, or None.
    """

    def __init__(self, app: App, metrics: Metrics, tracer: Tracer | None = None) -> None:
        self._app, self._metrics, self._tracer = app, metrics, tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; everything but HTTP passes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange, started = begin(scope), perf_counter()
        request_id = REQUEST_ID, exchange.request_id.encode()

        async def answer(message: Message) -> None:
            match message["type"]:
                case "http.response.start":
                    exchange.status = message["status"]
                    message = {**message, "headers": [*message.get("headers", ()), request_id]}
                case "http.response.body":
                    exchange.sent += len(message.get("body", b""))
            await send(message)

        try:
            with self._metrics.in_flight.track_inprogress(), self._context(scope, exchange):
                await self._app(scope, receive, answer)
        finally:
            # Without an answer by now, the application has failed, or the client went before it had begun.
            self._note(exchange, route_of(scope), perf_counter() - started)

    @contextmanager
    def _context(self, scope: Scope, exchange: Exchange) -> Generator[None]:
        if self._tracer is None:
            with bound(request_id=exchange.request_id):
                yield
            return
        tracer, parent = self._tracer, traceparent_of(scope["headers"])
        with traced(tracer), tracer.span(exchange.method, parent=parent, serves=True) as span:
            exchange.span = span
            with bound(request_id=exchange.request_id, trace_id=tracer.trace_id()):
                try:
                    yield
                finally:
                    route = route_of(scope)
                    span.rename(f"{exchange.method} {route}")
                    status = SERVER_ERROR if exchange.status is None else exchange.status
                    facts: dict[str, Value] = {"http.request.method": exchange.method, "http.route": route}
                    facts |= {"http.response.status_code": status, "steppe.request_id": exchange.request_id}
                    span.say(facts)

    def _note(self, exchange: Exchange, route: str, seconds: float) -> None:
        status = SERVER_ERROR if exchange.status is None else exchange.status
        self._metrics.answered(exchange.method, route, status, seconds=seconds, slug=exchange.slug)
        level = _level(route, status)
        if not _log.isEnabledFor(level):
            return
        facts = {
            "method": exchange.method,
            "route": route,
            "status": status,
            "ms": round(1000 * seconds, 3),
            "bytes": exchange.sent,
            "request_id": exchange.request_id,
            "principal": exchange.principal,
            "job": exchange.job,
            "problem": exchange.slug,
        }
        _log.log(level, "request", extra={"facts": {name: fact for name, fact in facts.items() if fact is not None}})


def _level(route: str, status: int) -> int:
    if status >= SERVER_ERROR:
        return logging.WARNING
    return logging.DEBUG if route in PROBES and status < REFUSED else logging.INFO

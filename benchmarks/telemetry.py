"""What telemetry adds to a request, in microseconds: the layer around an application that does nothing else.

    python -m benchmarks.telemetry

prints the median of several runs of the bare application, and what counting, log lines and traces add to it. Lines go
to a file that is thrown away, spans to an exporter that forgets them.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from starlette.routing import Route, Router

from serving.telemetry.logs import configure_logs
from serving.telemetry.metrics import Metrics
from serving.telemetry.middleware import App, Message, Telemetry
from serving.telemetry.tracing import open_tracer

REQUESTS: Final = 5_000
RUNS: Final = 7
HEADERS: Final = [(b"host", b"test"), (b"user-agent", b"curl/8"), (b"accept", b"*/*"), (b"x-request-id", b"abc-123")]


def main() -> None:
    """Print the table."""
    cases = dict(_cases())
    with Path("/dev/null").open("w", encoding="utf-8") as nowhere:
        configure_logs("info", "json", nowhere)
        times: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(RUNS):  # in turns, so that what else the machine does meets all alike
            for name, (app, level) in cases.items():
                logging.getLogger("serving.access").setLevel(level)
                times[name].append(asyncio.run(_seconds(app)))
    bare = statistics.median(times["bare application"])
    for name, seconds in times.items():
        each = statistics.median(seconds)
        print(f"{name:44} {1e6 * each / REQUESTS:7.1f} us {1e6 * (each - bare) / REQUESTS:+7.1f}")


def _cases() -> Iterator[tuple[str, tuple[App, int]]]:
    bare: Any = Router([Route("/models/{name}", _endpoint)])
    yield "bare application", (bare, logging.WARNING)
    yield "metrics and request id", (Telemetry(bare, Metrics()), logging.WARNING)
    yield "metrics, request id and a log line", (Telemetry(bare, Metrics()), logging.INFO)
    if find_spec("opentelemetry.sdk"):
        from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult  # noqa: PLC0415

        class Forgetful(SpanExporter):
            def export(self, spans: Any) -> SpanExportResult:  # noqa: ARG002 - the exporter's interface
                return SpanExportResult.SUCCESS

        tracer = open_tracer("http://127.0.0.1:4318", "benchmark", exporter=Forgetful())
        yield "metrics, request id, a log line and a span", (Telemetry(bare, Metrics(), tracer), logging.INFO)


class _Answer:
    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"x" * 100})


async def _endpoint(_request: Any) -> _Answer:
    return _Answer()


async def _seconds(app: App) -> float:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: Message) -> None:
        pass

    started = time.perf_counter()
    for _ in range(REQUESTS):
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/models/one",
            "root_path": "",
            "query_string": b"",
            "headers": HEADERS,
        }
        await app(scope, receive, send)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()

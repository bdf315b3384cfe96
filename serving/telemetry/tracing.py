"""Traces by OpenTelemetry, as an option; without an endpoint nothing of its SDK is imported.

Spans say routes, models, sizes and types of problems. They say no addresses, no names of files and no messages.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from landcover.errors import ConfigError, SteppeError
from serving.spans import Span, Value
from serving.version import VERSION

if TYPE_CHECKING:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

TRACES: Final = "/v1/traces"
"""Where a collector takes traces, below its address (OTLP over HTTP)."""

EXPORT_S: Final = 5
"""Seconds a collector may take for what it is sent."""


class TracingMissing(ConfigError):
    """Traces are wanted, and what sends them is not installed."""

    slug = "tracing-missing"


class OtelTracer:
    """Sends spans by OpenTelemetry; see ``serving.spans.Tracer``.

    Args:
        provider: OpenTelemetry's; closed with the tracer.
    """

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - only where traces are wanted
            TraceContextTextMapPropagator,
        )

        self._provider = provider
        self._tracer = provider.get_tracer("steppe", VERSION)
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def span(self, name: str, *, parent: str | None = None, serves: bool = False) -> Generator[Span]:
        """A span until the context ends; see ``serving.spans.Tracer.span``."""
        from opentelemetry.trace import SpanKind, Status, StatusCode  # noqa: PLC0415

        context = self._propagator.extract({"traceparent": parent}) if parent else None
        kind = SpanKind.SERVER if serves else SpanKind.INTERNAL
        # What an exception says may hold what a client sent; its type says enough.
        with self._tracer.start_as_current_span(
            name, context=context, kind=kind, record_exception=False, set_status_on_exception=False
        ) as under_way:
            try:
                yield _OtelSpan(under_way)
            except BaseException as error:
                under_way.set_attribute(
                    "error.type", error.slug if isinstance(error, SteppeError) else type(error).__name__
                )
                under_way.set_status(Status(StatusCode.ERROR))
                raise

    def traceparent(self) -> str | None:
        """W3C ``traceparent`` of the span that is under way."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier.get("traceparent")

    def trace_id(self) -> str | None:
        """Identifier of the trace that is under way."""
        parent = self.traceparent()
        return parent.split("-")[1] if parent else None

    def close(self) -> None:
        """Send what was not sent yet."""
        self._provider.shutdown()


class _OtelSpan:
    def __init__(self, under_way: trace.Span) -> None:
        self._under_way = under_way

    def say(self, facts: Mapping[str, Value]) -> None:
        self._under_way.set_attributes(facts)

    def rename(self, name: str) -> None:
        self._under_way.update_name(name)


def open_tracer(endpoint: str | None, service: str, *, exporter: SpanExporter | None = None) -> OtelTracer | None:
    """The tracer of a process; None where no endpoint is set.

    Args:
        endpoint: address of an OpenTelemetry collector, ``http://host:4318``; traces go to ``/v1/traces`` below it.
        service: what this process is called, for example ``steppe-api``; ``OTEL_SERVICE_NAME`` wins.
        exporter: takes the spans instead of a collector.

    Raises:
        ConfigError: when the endpoint is no address.
        TracingMissing: when the extra ``telemetry`` is not installed.
    """
    if endpoint is None:
        return None
    address = _address(endpoint)
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise TracingMissing(
            "STEPPE_OTLP_ENDPOINT is set, but OpenTelemetry's SDK is not installed; install steppe[telemetry], or "
            "unset the variable"
        ) from error
    names = {"service.name": os.environ.get("OTEL_SERVICE_NAME") or service, "service.version": VERSION}
    provider = TracerProvider(resource=Resource.create(names), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter(address, timeout=EXPORT_S)))
    return OtelTracer(provider)


def _address(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(
            "STEPPE_OTLP_ENDPOINT is no address of a collector; give for example http://localhost:4318, without a query"
        )
    return endpoint.rstrip("/") + TRACES

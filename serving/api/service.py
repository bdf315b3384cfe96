"""The application class: FastAPI with telemetry around everything, the handler of unexpected errors included."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from starlette.types import ASGIApp

from serving.telemetry.middleware import Telemetry

NO_SPANS_OF_ITS_OWN: Final[dict[str, Any]] = {
    "telemetry": {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
}
"""FastAPI can trace by itself, wherever OpenTelemetry has a global provider or a variable names one. Its spans have the
query of each request, in which keys may stand, and its logs what clients sent."""


class Service(FastAPI):
    """The service. ``state.metrics`` and ``state.tracer`` must be there before the first request."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**NO_SPANS_OF_ITS_OWN, **options)

    def build_middleware_stack(self) -> ASGIApp:
        """All that answers a request, and the telemetry that sees what the client gets."""
        return Telemetry(super().build_middleware_stack(), self.state.metrics, self.state.tracer)

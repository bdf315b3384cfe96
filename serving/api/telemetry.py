"""Metrics, readiness and traces of an application: made, and found by its parts in ``app.state``."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response

from serving.engines import Engines
from serving.settings import Settings
from serving.telemetry.metrics import CONTENT_TYPE, Metrics
from serving.telemetry.readiness import Readiness, disk_check
from serving.telemetry.tracing import open_tracer

MODEL_LIMIT_S: Final = 5.0
"""Seconds the question for the default model may take: one that was repaired is loaded and tested by it."""

router = APIRouter(tags=["service"])


@router.get("/metrics", summary="Figures for Prometheus", response_class=Response)
async def show_metrics(request: Request) -> Response:
    """All metrics in Prometheus' text format; some are asked from the database, so this runs in a thread."""
    metrics: Metrics = request.app.state.metrics
    # Not one of the threads that requests wait for: figures are wanted most when all of those are taken.
    text = await asyncio.get_running_loop().run_in_executor(None, metrics.text)
    return Response(text, media_type=CONTENT_TYPE)


def install(app: FastAPI, settings: Settings) -> None:
    """Put ``metrics``, ``readiness`` and ``tracer`` into the state of an application, and serve ``/metrics``.

    Raises:
        ConfigError: when traces are wanted and cannot be sent.
    """
    app.state.metrics = Metrics()
    app.state.tracer = open_tracer(settings.otlp_endpoint, "steppe-api")
    app.state.readiness = readiness = Readiness()
    readiness.add("model", lambda: _default_model(app.state.engines), limit_s=MODEL_LIMIT_S)
    scratch = settings.scratch or Path(tempfile.gettempdir())
    readiness.add("disk", disk_check(scratch, settings.min_free_bytes))
    app.include_router(router)


@asynccontextmanager
async def closing_tracer(app: FastAPI) -> AsyncIterator[None]:
    """Send the last spans at the end of the application."""
    try:
        yield
    finally:
        if app.state.tracer is not None:
            await run_sync(app.state.tracer.close)


def _default_model(engines: Engines) -> str:
    engine = engines.get()
    return f"{engine.bundle.manifest.identifier} on {engine.provider}"

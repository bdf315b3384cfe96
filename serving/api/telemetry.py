"""Metrics, readiness and traces of an application: made, and found by its parts in ``app.state``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response

from serving.api.access import Meter
from serving.jobs.store import JobStore
from serving.registry.live import LiveModels
from serving.settings import Settings
from serving.telemetry.metrics import CONTENT_TYPE, LoadedModel, Metrics
from serving.telemetry.readiness import Readiness, disk_check, store_check, workers_check
from serving.telemetry.tracing import open_tracer
from serving.work.supervisor import Supervisor

MODEL_LIMIT_S: Final = 5.0
"""Seconds the question for the default model may take: one that is not in memory is loaded by it."""

router = APIRouter(tags=["service"])


@router.get("/metrics", summary="Figures for Prometheus", response_class=Response)
async def show_metrics(request: Request, _who: Meter) -> Response:
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
    readiness.add("model", lambda: _default_model(app.state.models), limit_s=MODEL_LIMIT_S)
    readiness.add("disk", disk_check(settings.state, settings.min_free_bytes))
    app.include_router(router)


def watch(app: FastAPI, store: JobStore) -> None:
    """Count jobs, workers and models, and ask for them before the service calls itself ready."""
    metrics: Metrics = app.state.metrics
    readiness: Readiness = app.state.readiness

    def counts() -> dict[str, int]:
        return {state.value: count for state, count in store.counts().items()}

    metrics.watch_jobs(counts)
    metrics.watch_models(lambda: _loaded(app.state.models))
    readiness.add("jobs", store_check(counts))
    crew: Supervisor | None = getattr(app.state, "crew", None)
    if crew is not None and crew.count:
        metrics.watch_workers(lambda: crew.alive)
        readiness.add("workers", workers_check(lambda: crew.alive))


async def close_tracer(app: FastAPI) -> None:
    """Send the last spans at the end of the application."""
    if app.state.tracer is not None:
        await run_sync(app.state.tracer.close)


def _default_model(models: LiveModels) -> str:
    engine = models.ready()
    engine.check()
    return f"{engine.bundle.manifest.identifier} on {engine.provider}"


def _loaded(models: LiveModels) -> Iterator[LoadedModel]:
    for engine in models.engines():
        manifest = engine.bundle.manifest
        yield LoadedModel(manifest.name, manifest.version, engine.model_sha256, engine.provider, engine.precision)

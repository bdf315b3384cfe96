"""The application factory."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from anyio.to_thread import run_sync
from fastapi import Depends, FastAPI

from landcover.errors import SteppeError
from serving.access.limits import PixelLimiter
from serving.access.noting import UseNotes
from serving.access.opening import open_authenticator
from serving.api import access, catalog, classify, docs, health, models, problems, telemetry, uploads
from serving.api.door.entrance import Door
from serving.api.door.rules import rules_of
from serving.api.gate import Gate
from serving.api.inference import router as inference
from serving.api.ogc import execution, jobs, landing
from serving.api.ogc.notices import Notifier
from serving.api.ogc.opening import open_desk
from serving.api.parameters import only_known
from serving.api.service import Service
from serving.api.tiles import jobs as job_tiles
from serving.api.tiles import sources as source_tiles
from serving.api.tiles.state import tiles_at_work
from serving.database.handle import DatabaseHandle
from serving.engines import open_engine
from serving.fetch.settings import fetcher_of
from serving.folders import StateFolders, check_folders, make_state
from serving.priority import behind
from serving.reader.late import LateReaders
from serving.reader.terms import Terms
from serving.registry.live import LiveModels
from serving.sentence import sentence
from serving.settings import Settings, load_settings
from serving.version import VERSION
from serving.work.janitor import Janitor

_log = logging.getLogger(__name__)

DESCRIPTION = """\
Classify satellite scenes into land-cover maps, compare two dates for degradation, and report land degradation
(SDG 15.3.1).

`POST /classify` takes a GeoTIFF and answers a cloud-optimized GeoTIFF of class codes, a PNG quicklook or a JSON table
of areas, by the `Accept` header. `/processes` and `/jobs` are OGC API - Processes 1.0. Every error is an RFC 9457
problem document.
"""

ROUTERS = (
    landing.router,
    health.router,
    models.router,
    classify.router,
    uploads.router,
    execution.router,
    jobs.router,
    job_tiles.router,
    source_tiles.router,
    catalog.router,
)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the service.

    Args:
        settings: default: from the environment.

    Returns:
        An ASGI application. At start it opens the job table, loads the default model and runs its golden sample; until
        that has succeeded ``/readyz`` answers 503. It does no jobs: that is what workers are for (``serving.work``).

    Raises:
        ConfigError: when a setting cannot be used.
    """
    settings = settings or load_settings()
    check_folders(settings)
    app = Service(
        title="Steppe",
        version=VERSION,
        description=DESCRIPTION,
        docs_url=None,  # serving.api.docs has the page, with what it may run
        redoc_url=None,
        lifespan=_lifespan,
        dependencies=[Depends(only_known)],
        responses={422: {"description": "A parameter is not as documented.", "content": problems.PROBLEM}},
    )
    app.state.settings = settings
    app.state.address = f"http://{settings.host}:{settings.port}"
    # What runs models gives way to what answers: refusals and signs of life must not wait for windows.
    app.state.models = LiveModels(settings, opened=lambda bundle, own: behind(lambda: open_engine(bundle, own)))
    app.state.gate = Gate(settings.max_waiting)
    app.state.database = DatabaseHandle(settings)
    app.state.fetcher = fetcher_of(settings)
    authenticator = open_authenticator(settings, app.state.database)
    access.install(app, authenticator, PixelLimiter(settings.pixels_per_minute))
    telemetry.install(app, settings)
    app.add_middleware(Door, rules=rules_of(settings))
    problems.install(app)
    inference.install(app, settings)
    docs.install(app)
    for router in ROUTERS:
        app.include_router(router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state = app.state
    settings: Settings = state.settings
    async with AsyncExitStack() as stack:
        await run_sync(make_state, settings)
        database = await run_sync(state.database)
        stack.push_async_callback(run_sync, state.database.close)
        readers = LateReaders(Terms.of(settings), state.metrics.reader_died)
        stack.push_async_callback(run_sync, readers.close)
        desk = await run_sync(open_desk, settings, database, state.models, state.pixels, state.fetcher, readers)
        state.desk = desk
        stack.push_async_callback(telemetry.close_tracer, app)
        telemetry.watch(app, desk.store)
        stack.enter_context(UseNotes(state.authenticator))
        state.readiness.add("flushing", desk.disk.check)
        state.readiness.add("keys", state.authenticator.check)
        base: str = settings.public_url or state.address
        stack.enter_context(Janitor(desk.store, StateFolders.of(settings), settings.keep_jobs_s))
        stack.enter_context(Notifier(desk, state.fetcher, f"{base.rstrip('/')}/"))
        stack.push_async_callback(run_sync, state.batchers.close)
        await stack.enter_async_context(tiles_at_work(app, desk))
        await run_sync(state.models.start)
        stack.push_async_callback(run_sync, state.models.stop)
        try:
            await run_sync(state.models.engine)
        except SteppeError as error:
            # The service starts all the same: /livez answers, /readyz says what is wrong, other models may work.
            _log.warning("the default model does not run: %s", sentence(error))
        yield

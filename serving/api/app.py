"""The application factory."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio.to_thread import run_sync
from fastapi import FastAPI

from landcover.errors import SteppeError
from serving.access.limits import PixelLimiter
from serving.access.opening import open_authenticator
from serving.api import access, catalog, classify, docs, health, models, problems
from serving.api.door.entrance import Door
from serving.api.door.rules import rules_of
from serving.api.gate import Gate
from serving.database.handle import DatabaseHandle
from serving.registry.live import LiveModels
from serving.sentence import sentence
from serving.settings import Settings, load_settings
from serving.version import VERSION

_log = logging.getLogger(__name__)

DESCRIPTION = """\
Classify satellite scenes into land-cover maps.

`POST /classify` takes a GeoTIFF and answers a cloud-optimized GeoTIFF of class codes, a PNG quicklook or a JSON table
of areas, by the `Accept` header. Every error is an RFC 9457 problem document.
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the service.

    Args:
        settings: default: from the environment.

    Returns:
        An ASGI application. At start it loads the default model and runs its golden sample; until that has
        succeeded ``/readyz`` answers 503.
    """
    settings = settings or load_settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        live: LiveModels = app.state.models
        await run_sync(live.start)
        try:
            await run_sync(live.engine)
        except SteppeError as error:
            # The service starts all the same: /livez answers, /readyz says what is wrong, other models may work.
            _log.warning("the default model does not run: %s", sentence(error))
        try:
            yield
        finally:
            await run_sync(live.stop)
            app.state.database.close()

    app = FastAPI(
        title="Steppe",
        version=VERSION,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses={422: {"description": "A parameter is not as documented.", "content": problems.PROBLEM}},
    )
    app.state.settings = settings
    app.state.models = LiveModels(settings)
    app.state.gate = Gate(settings.max_concurrent, settings.max_waiting)
    app.state.database = DatabaseHandle(settings)
    authenticator = open_authenticator(settings, app.state.database)
    access.install(app, authenticator, PixelLimiter(settings.pixels_per_minute))
    app.add_middleware(Door, rules=rules_of(settings))
    problems.install(app)
    docs.install(app)
    for router in (health.router, models.router, classify.router, catalog.router):
        app.include_router(router)
    return app

"""The application factory."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio.to_thread import run_sync
from fastapi import FastAPI

from landcover.errors import SteppeError
from serving.api import catalog, classify, health, models, problems
from serving.api.gate import Gate
from serving.api.inference import router as inference
from serving.engines import Engines
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
        try:
            await run_sync(app.state.engines.get)
        except SteppeError as error:
            # The service starts all the same: /livez answers, /readyz says what is wrong, other models may work.
            _log.warning("the default model does not run: %s", sentence(error))
        yield
        await run_sync(batchers.close)

    app = FastAPI(
        title="Steppe",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        responses={422: {"description": "A parameter is not as documented.", "content": problems.PROBLEM}},
    )
    app.state.settings = settings
    app.state.engines = Engines(settings)
    app.state.gate = Gate(settings.max_concurrent, settings.max_waiting)
    problems.install(app)
    batchers = inference.install(app, settings)
    for router in (health.router, models.router, classify.router, catalog.router):
        app.include_router(router)
    return app

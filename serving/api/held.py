"""A model for the length of a request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from anyio.to_thread import run_sync

from serving.engine import Engine
from serving.registry.live import LiveModels
from serving.registry.words import Resolved


@asynccontextmanager
async def held(models: LiveModels, asked: Resolved | str | None) -> AsyncIterator[Engine]:
    """The engine of a model, which stays this one until the request ends, whatever is promoted or removed meanwhile.

    Raises:
        SteppeError: as ``LiveModels.engine``.
    """
    with ExitStack() as uses:
        yield await run_sync(uses.enter_context, models.lease(asked))

"""What the routes of tiles work with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from anyio.to_thread import run_sync
from fastapi import FastAPI, Request

from serving.api.ogc.desk import Desk
from serving.reader.terms import Terms
from serving.settings import Settings
from serving.tiles.cache import ByteCache
from serving.tiles.classifying import SourceTiles
from serving.tiles.maps import ResultMaps
from serving.tiles.readers import LateReaders
from serving.tiles.scenes import OpenScenes
from serving.tiles.sources import SourceFolder

SWEEP_S: Final = 10.0
"""Seconds between looks for what nobody uses any more."""

_ENTRY: Final = 256  # bytes of an entry beside its PNG


@dataclass(frozen=True, slots=True)
class Tiles:
    """Everything for tiles.

    Attributes:
        maps: of finished jobs.
        sources: of the operator's folder.
        drawn: PNG files by entity tag.
        timeout_s: seconds for an answer.
    """

    maps: ResultMaps
    sources: SourceTiles
    drawn: ByteCache[str, bytes]
    timeout_s: float


def tiles_of(request: Request) -> Tiles:
    """What the service that got a request has."""
    tiles: Tiles = request.app.state.tiles
    return tiles


@asynccontextmanager
async def tiles_at_work(app: FastAPI, desk: Desk) -> AsyncIterator[None]:
    """Put ``app.state.tiles`` together, and give back at the end what it holds.

    Args:
        app: has ``state.models``, ``state.batchers``, ``state.metrics``.
        desk: where results are.
    """
    settings: Settings = app.state.settings
    readers = LateReaders(Terms.of(settings), app.state.metrics.reader_died)
    scenes = OpenScenes(readers, limit=settings.tile_sources, idle_s=settings.tile_idle_s)
    looking = OpenScenes(readers, limit=0, idle_s=0)
    sources = SourceTiles(
        SourceFolder(settings.data_folder),
        scenes,
        looking=looking,
        models=app.state.models,
        batchers=app.state.batchers,
        most_blocks=settings.tile_blocks,
        block_bytes=settings.tile_block_bytes,
    )
    maps = ResultMaps(desk.results)
    drawn: ByteCache[str, bytes] = ByteCache(settings.tile_png_bytes, lambda png: len(png) + _ENTRY)
    app.state.tiles = Tiles(maps, sources, drawn, settings.tile_timeout_s)
    async with AsyncExitStack() as stack:
        for close in (readers.close, scenes.close, maps.close):
            stack.push_async_callback(run_sync, close)
        sweeper = asyncio.create_task(_sweep(scenes, maps))
        stack.push_async_callback(_end, sweeper)
        yield


async def _sweep(scenes: OpenScenes, maps: ResultMaps) -> None:
    while True:
        await asyncio.sleep(SWEEP_S)
        await run_sync(scenes.close_idle)
        await run_sync(maps.drop_gone)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

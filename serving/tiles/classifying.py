"""Tiles of scenes that are classified while somebody looks at them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from numpy.typing import NDArray

from landcover.errors import ConfigError, DataError, RasterChanged
from landcover.manifest import Manifest
from landcover.raster.protocol import Block as Pixels
from serving.batching.pool import Batchers
from serving.engine import Engine
from serving.reader.errors import ReaderEnded, ReadingLimit
from serving.registry.live import LiveModels
from serving.registry.words import Resolved
from serving.sources import TwoDatesWanted
from serving.tiles.blocks import BLOCK, NOTHING, ClassifiedBlock, Lattice, classified, harmonised, look_up
from serving.tiles.cache import ByteCache
from serving.tiles.errors import ZoomTooSmall
from serving.tiles.flights import Flights
from serving.tiles.matrix import Tile
from serving.tiles.placing import Placing, Zooms
from serving.tiles.scenes import OpenScenes
from serving.tiles.sources import Source, SourceFolder

TOGETHER: Final = 4
"""Blocks that are read together; while the model has them, the next ones are read."""

AT_ONCE: Final = 4
"""Such groups that are read or classified at the same time, of all requests: each takes about 12 MB."""

THREADS: Final = 4
"""Threads that read, cut and draw."""

_PASSING: Final = (ReaderEnded, ReadingLimit, RasterChanged)
"""What another attempt may not meet again."""

_VIEWS: Final = 1 << 20  # bytes of what is known of sources; a view counts as 1000

type BlockKey = tuple[str, str, str, int]
"""Name and stamp of a source, digest of a model, number of a block."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A source and a model, exactly as they are now.

    Attributes:
        source: the source.
        model: the version.
        manifest: of the model.
    """

    source: Source
    model: Resolved
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class View:
    """What is known of a source that a model can classify.

    Attributes:
        placing: where it lies.
        zooms: at which its tiles can be had.
        level: its processing level, or None.
        datetime: when it was acquired, or None.
    """

    placing: Placing
    zooms: Zooms
    level: str | None
    datetime: str | None

    @property
    def lattice(self) -> Lattice:
        """Its blocks."""
        return Lattice.of(self.placing.grid)


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks for a tile.

    Attributes:
        owner: for whom the model works.
        spend: counts pixels that are about to be computed; may refuse.
    """

    owner: str
    spend: Callable[[int], None]


class SourceTiles:
    """Tiles and points of sources; for one event loop.

    Args:
        folder: the sources.
        scenes: readers that hold them open.
        looking: readers that are only asked what a source is.
        models: where engines come from.
        batchers: what runs them.
        most_blocks: blocks that one tile may need.
        block_bytes: bytes of classified blocks that are kept.
    """

    def __init__(
        self,
        folder: SourceFolder,
        scenes: OpenScenes,
        *,
        looking: OpenScenes,
        models: LiveModels,
        batchers: Batchers,
        most_blocks: int,
        block_bytes: int,
    ) -> None:
        self.folder, self.scenes, self._looking = folder, scenes, looking
        self._models, self._batchers, self._most_blocks = models, batchers, most_blocks
        self.blocks: ByteCache[BlockKey, ClassifiedBlock] = ByteCache(block_bytes, lambda block: block.nbytes)
        self._flights = Flights(self.blocks, TOGETHER)
        self._views: ByteCache[tuple[str, str, str], View | DataError | ConfigError] = ByteCache(_VIEWS, lambda _: 1000)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self.threads = CapacityLimiter(THREADS)

    def pin(self, name: str, reference: str | None) -> Pinned:
        """A source and a model by their names.

        Raises:
            SourceNotFound: when there is no such source.
            TwoDatesWanted: when the model compares two images, which those that see an overview do.
            SteppeError: as ``LiveModels.resolve``.
        """
        return self.pinned(self.folder.find(name), self.model(reference))

    def model(self, reference: str | None) -> Resolved:
        """A model that can make tiles; raises what ``pin`` raises of it."""
        model = self._models.resolve(reference)
        manifest = self._models.bundle(model).manifest
        if manifest.dates != 1:
            raise TwoDatesWanted(
                f"model {model.identifier} compares images of {manifest.dates} dates, and a source is one image; "
                "choose another one with ?model="
            )
        return model

    def pinned(self, source: Source, model: Resolved) -> Pinned:
        """A source and a model that are known."""
        return Pinned(source, model, self._models.bundle(model).manifest)

    def view(self, pinned: Pinned, *, stay: bool = True) -> View:
        """What is known of a source; it is opened for that once. Waits for a reader: not for an event loop.

        Args:
            pinned: source and model.
            stay: whether it stays open, for tiles to come.

        Raises:
            SteppeError: when the model cannot classify it, with the reason.
        """
        key = pinned.source.name, pinned.source.stamp, pinned.model.sha256
        known = self._views.get(key)
        if known is None:
            known = self._look(pinned, self.scenes if stay else self._looking)
            if not isinstance(known, _PASSING):
                self._views.put(key, known)
        if isinstance(known, DataError | ConfigError):
            raise type(known)(str(known))
        return known

    def _look(self, pinned: Pinned, scenes: OpenScenes) -> View | DataError | ConfigError:
        """Open a source, to find out about it."""
        try:
            with scenes.use(pinned.source, pinned.manifest) as scene:
                placing = Placing(scene.grid)
                return View(placing, placing.zooms_for(BLOCK, self._most_blocks), scene.level, scene.datetime)
        except (DataError, ConfigError) as error:
            return error

    async def index(self, pinned: Pinned, tile: Tile, client: Client) -> tuple[View, NDArray[np.uint8] | None]:
        """Class indices of a tile (row, col), 255 = no data; None where the source does not reach.

        Raises:
            ZoomTooSmall: when the tile needs too many blocks.
            SteppeError: when the source cannot be read, the model does not run, or the client may not ask for more.
        """
        view = await self._in_thread(self.view, pinned)
        if tile.zoom < view.zooms.least and view.lattice.count > self._most_blocks:
            raise ZoomTooSmall(
                f"a tile of zoom {tile.zoom} needs more of this source classified than {self._most_blocks} blocks of "
                f"{BLOCK} x {BLOCK} pixels; ask for zoom {view.zooms.least} or more, or start a job, whose map has all "
                "zooms"
            )
        row_HW, col_HW, inside_HW = await self._in_thread(view.placing.pixels, tile)
        if not inside_HW.any():
            return view, None
        lattice = view.lattice
        numbers_HW = lattice.numbers(row_HW, col_HW)
        blocks = await self._blocks(pinned, lattice, lattice.needed(numbers_HW, inside_HW), client)
        return view, look_up(blocks, numbers_HW, (row_HW, col_HW, inside_HW))

    async def at(self, pinned: Pinned, lon: float, lat: float, client: Client) -> tuple[View, int | None, int | None]:
        """Class index and percent of confidence at a place; None where there is no data.

        Raises:
            PointOutside: when it lies outside of the source.
            SteppeError: as ``index``.
        """
        view = await self._in_thread(self.view, pinned)
        row, col = await self._in_thread(view.placing.point, lon, lat)
        number = row // BLOCK * view.lattice.cols + col // BLOCK
        block = (await self._blocks(pinned, view.lattice, [number], client))[number]
        place = row % BLOCK, col % BLOCK
        index = int(block.index_HW[place])
        if index >= len(pinned.manifest.legend):
            return view, None, None
        return view, index, int(block.percent_HW[place])

    async def _blocks(
        self, pinned: Pinned, lattice: Lattice, numbers: Sequence[int], client: Client
    ) -> dict[int, ClassifiedBlock]:
        """Classified blocks by number."""
        base = pinned.source.name, pinned.source.stamp, pinned.model.sha256
        found = await self._flights.get(
            [(*base, number) for number in numbers],
            partial(self._classify, pinned, lattice, client.owner),
            partial(self._spend, pinned.model, client),
        )
        return {key[-1]: block for key, block in found.items()}

    def _spend(self, model: Resolved, client: Client, count: int) -> None:
        """Count blocks that are about to be classified; where there is no place in the queue they cost nothing.

        Raises:
            QueueFull: when there is none.
            SteppeError: when the client may not ask for so many.
        """
        engine = self._models.held(model)
        if engine is not None:
            self._batchers.get(engine).check_room(client.owner)
        client.spend(count * BLOCK * BLOCK)

    async def _classify(
        self, pinned: Pinned, lattice: Lattice, owner: str, keys: Sequence[BlockKey]
    ) -> Mapping[BlockKey, ClassifiedBlock]:
        """Read and classify some blocks."""
        async with self._turns, self._engine(pinned.model) as engine:
            batcher = self._batchers.get(engine)
            batcher.check_room(owner)
            windows = await self._in_thread(self._read, pinned, lattice, [key[-1] for key in keys])
            full = [window for window in windows if window is not None]
            if not full:
                return dict.fromkeys(keys, NOTHING)
            dn_NBHW = np.stack([window.data for window in full])
            answers_NKHW = await self._batchers.get(engine).submit(dn_NBHW, owner=owner)
            return await self._in_thread(_finished, keys, windows, answers_NKHW)

    def _read(self, pinned: Pinned, lattice: Lattice, numbers: Sequence[int]) -> list[Pixels | None]:
        origin = lattice.window(numbers)
        scene, pixels = self.scenes.read(pinned.source, pinned.manifest, lambda _: origin)
        ready = harmonised(scene, pixels, pinned.manifest)
        return [lattice.cut(number, ready, origin) for number in numbers]

    @asynccontextmanager
    async def _engine(self, model: Resolved) -> AsyncIterator[Engine]:
        with ExitStack() as uses:
            yield await run_sync(uses.enter_context, self._models.lease(model))

    async def _in_thread[*Args, Result](self, work: Callable[[*Args], Result], *args: *Args) -> Result:
        return await run_sync(work, *args, limiter=self.threads)


def _finished(
    keys: Sequence[BlockKey], windows: Sequence[Pixels | None], answers_NKHW: NDArray[np.float32]
) -> dict[BlockKey, ClassifiedBlock]:
    answers = iter(answers_NKHW)
    return {
        key: NOTHING if window is None else classified(next(answers), window.valid)
        for key, window in zip(keys, windows, strict=True)
    }

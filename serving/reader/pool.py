"""Readers for whoever opens rasters, one of them always ready: a fresh interpreter takes a third of a second."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Final, Self
from weakref import WeakSet

import numpy as np

from landcover.grid import Grid
from landcover.raster.categorical import CodeMap
from landcover.raster.protocol import DEFAULT_POLICY, Mask, ReadPolicy, Scene, SceneRequest
from landcover.raster.scene import existing, place_of
from landcover.sensors import Radiometry
from serving.opener import Opener
from serving.reader.codes import open_remote_codes
from serving.reader.errors import ReaderUnavailable
from serving.reader.lanes import LANES
from serving.reader.process import NO_FILES, FarFiles, Reader
from serving.reader.remote import RemoteMask, RemoteScene
from serving.reader.terms import Terms


class ReaderPool:
    """Opens scenes, masks and maps of codes, each in a reader of its own; see ``serving.opener.Opener``. Close it.

    Threads may open at the same time. Readers are started by one thread, which lives as long as the pool: the system
    ends them with the thread that started them.

    Args:
        terms: limits of the readers.
        spare: how many are kept ready.
        died: told in a word of every reader with an input that ended before it had answered; from several threads.
    """

    def __init__(self, terms: Terms, *, spare: int = 1, died: Callable[[str], None] | None = None) -> None:
        self._terms, self._spare, self._died = terms, spare, died
        self._nursery = ThreadPoolExecutor(1, "steppe-readers")
        self._lock, self._closed = Lock(), False
        self._ready: deque[Future[Reader]] = deque()
        self._busy: WeakSet[Reader] = WeakSet()
        self._order(spare)

    def scene(
        self,
        path: str | Path,
        *,
        bands_wanted: Sequence[str],
        bands: Sequence[str] | None = None,
        level: str | None = None,
        radiometry: Radiometry | None = None,
        dtype_wanted: str = "uint16",
        policy: ReadPolicy = DEFAULT_POLICY,
    ) -> RemoteScene:
        """Open a local raster as a scene, with the arguments and errors of ``landcover.raster.scene.open_scene``.

        Raises:
            DataError: when it cannot be used.
            ReadingLimit: when opening it takes more time or memory than allowed.
            ReaderEnded: when the reader ends.
            ReaderUnavailable: when no reader can be started.
        """
        request = SceneRequest(
            bands_wanted=tuple(bands_wanted),
            bands=None if bands is None else tuple(bands),
            level=level,
            radiometry=radiometry,
            dtype=np.dtype(dtype_wanted),
            policy=policy,
        )
        return self.open(path, request)

    def open(self, path: str | Path, request: SceneRequest, files: FarFiles = NO_FILES) -> RemoteScene:
        """Open a raster as a scene.

        Args:
            path: the input.
            request: what is wanted and what the caller states.
            files: those whose bytes lie elsewhere; they stay open as long as the scene.

        Raises:
            DataError: see ``scene``.
            Upstream: when a host fails.
        """
        place = existing(path)
        reader = self.take()
        try:
            return RemoteScene.open(reader, place, request, files)
        except BaseException:
            reader.close()
            raise

    def mask(
        self, source: str | Path, grid: Grid, *, bands: Sequence[str] | None = None, files: FarFiles = NO_FILES
    ) -> RemoteMask | None:
        """The mask band that came with a scene; arguments and errors of ``landcover.raster.quality.open_mask``.

        Raises:
            DataError: when there is one that cannot be used.
            ReadingLimit: when opening it takes more time or memory than allowed.
            ReaderEnded: when the reader ends.
            ReaderUnavailable: when no reader can be started.
            Upstream: when a host fails.
        """
        place, mask = existing(source), None
        reader = self.take()
        try:
            mask = RemoteMask.open(reader, place, grid, bands, files)
        finally:
            if mask is None:
                reader.close()
        return mask

    def codes(self, path: str | Path, *, policy: ReadPolicy = DEFAULT_POLICY, files: FarFiles = NO_FILES) -> CodeMap:
        """Open a local raster of class codes; arguments and errors of ``landcover.raster.categorical.open_codes``.

        Raises:
            DataError: when it cannot be used.
            ReadingLimit: when opening it takes more time or memory than allowed.
            ReaderEnded: when the reader ends.
            ReaderUnavailable: when no reader can be started.
            Upstream: when a host fails.
        """
        place = existing(path)
        reader = self.take()
        try:
            return open_remote_codes(reader, place, policy, files)
        except BaseException:
            reader.close()
            raise

    def with_files(self, files: FarFiles) -> Opener:
        """See ``serving.opener.FarOpener``."""
        return _WithFiles(self, files)

    def take(self) -> Reader:
        """A reader for one input, which whoever takes it closes; another one is made ready.

        Raises:
            ReaderUnavailable: when none can be started, or the pool is closed.
        """
        reader = self._next()
        if not reader.alive:  # a spare that something ended while it waited
            reader.close()
            reader = self._next()
        reader.died = self._died
        with self._lock:  # others may be going through them
            self._busy.add(reader)
        if self._closed:
            reader.end()
        return reader

    def _next(self) -> Reader:
        with self._lock:
            self._order(self._spare + 1)
            waiting = self._ready.popleft()
        try:
            return waiting.result()
        except CancelledError as error:
            raise ReaderUnavailable("the readers of rasters are closed; start the service again") from error

    def _order(self, wanted: int) -> None:
        """Have readers started until there are as many as wanted.

        Raises:
            ReaderUnavailable: when the pool is closed.
        """
        if self._closed:
            raise ReaderUnavailable("the readers of rasters are closed; start the service again")
        while len(self._ready) < wanted:
            self._ready.append(self._nursery.submit(Reader.start, self._terms))

    def stop_reading(self) -> None:
        """End all readers that have an input: who waits for one gets ``ReaderEnded`` at once. The pool stays."""
        with self._lock:
            busy = list(self._busy)
        for reader in busy:
            reader.end()

    def close(self) -> None:
        """End all readers, those with an input included."""
        with self._lock:
            self._closed = True
            waiting, self._ready = list(self._ready), deque()
        self._nursery.shutdown(wait=True, cancel_futures=True)
        for future in waiting:
            if not future.cancelled() and future.exception() is None:
                future.result().close()
        self.stop_reading()

    def __enter__(self) -> Self:
        """The pool itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


_AT_ONCE: Final = ReadPolicy(threads=LANES)
"""Hosts answer late rather than slowly: several pieces are waited for at a time."""


@dataclass(frozen=True, slots=True)
class _WithFiles:
    """Opens inputs some of whose files lie elsewhere; see ``serving.opener.Opener``."""

    pool: ReaderPool
    files: FarFiles

    def scene(
        self,
        path: Path,
        *,
        bands_wanted: Sequence[str],
        bands: Sequence[str] | None,
        level: str | None,
        radiometry: Radiometry | None,
        dtype_wanted: str,
    ) -> Scene:
        request = SceneRequest(
            bands_wanted=tuple(bands_wanted),
            bands=None if bands is None else tuple(bands),
            level=level,
            radiometry=radiometry,
            dtype=np.dtype(dtype_wanted),
        )
        files = self._of(path)
        return self.pool.open(path, replace(request, policy=_AT_ONCE) if files else request, files)

    def mask(self, source: Path, grid: Grid, *, bands: Sequence[str] | None) -> Mask | None:
        return self.pool.mask(source, grid, bands=bands, files=self._of(source))

    def codes(self, path: Path) -> CodeMap:
        files = self._of(path)
        return self.pool.codes(path, policy=_AT_ONCE if files else DEFAULT_POLICY, files=files)

    def _of(self, path: Path) -> FarFiles:
        """The files of one input: a file itself, or those in a folder."""
        place = place_of(path)
        return {file: source for file, source in self.files.items() if place in {file, file.parent}}

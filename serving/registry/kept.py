"""Loaded engines by the digest of their bundle: loaded once, dropped when nobody uses them and others need the room."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from landcover.bundle import Bundle
from serving.engine import Engine
from serving.memory import drop_unused_memory

Load = Callable[[Bundle], Engine]


class KeptEngines:
    """Engines, least recently used dropped first, never one in use; safe to share between threads.

    Args:
        limit: engines kept; more only while more are in use or guarded.
        dropped: told of each that was dropped.
    """

    def __init__(self, limit: int, dropped: Callable[[Bundle], None]) -> None:
        self._limit, self._tell = limit, dropped
        self._held: OrderedDict[str, Engine] = OrderedDict()
        self._loading: dict[str, Future[Engine]] = {}
        self._uses: Counter[str] = Counter()
        self._guarded: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    def get(self, bundle: Bundle, load: Load) -> Engine:
        """The engine of a bundle; who comes while it is loaded waits for that load, nobody else waits.

        Room is made when its use ends: callers are within ``using``.

        Raises:
            Exception: whatever ``load`` raises, for all who waited.
        """
        with self._lock:
            engine = self._held.get(bundle.digest)
            if engine is not None:
                self._held.move_to_end(bundle.digest)
                return engine
            waiting = self._loading.get(bundle.digest)
            mine = waiting is None
            promise: Future[Engine] = waiting or Future()
            self._loading[bundle.digest] = promise
        if mine:
            self._fill(promise, bundle, load)
        return promise.result()

    @contextmanager
    def using(self, digest: str) -> Iterator[None]:
        """Have an engine, in memory or about to be, stay there until this ends."""
        with self._lock:
            self._uses[digest] += 1
        try:
            yield
        finally:
            with self._lock:
                self._uses[digest] -= 1
                if not self._uses[digest]:
                    del self._uses[digest]
            self._trim()

    def all(self) -> list[Engine]:
        """Engines in memory."""
        with self._lock:
            return list(self._held.values())

    def holds(self, digest: str) -> bool:
        """Whether the engine is in memory."""
        return digest in self._held

    def held(self, digest: str) -> Engine | None:
        """The engine, if it is in memory; nothing is loaded, and nobody is waited for."""
        with self._lock:
            engine = self._held.get(digest)
            if engine is not None:
                self._held.move_to_end(digest)
            return engine

    def guard(self, digests: frozenset[str]) -> None:
        """Never drop these, because they could not be loaded again, or must answer at once."""
        with self._lock:
            self._guarded = digests

    def cool(self, digest: str) -> None:
        """Have it dropped first: it was loaded to be tested, not because somebody asked for it."""
        with self._lock:
            if digest in self._held:
                self._held.move_to_end(digest, last=False)

    def _fill(self, promise: Future[Engine], bundle: Bundle, load: Load) -> None:
        try:
            engine = load(bundle)
        except BaseException as error:
            with self._lock:
                del self._loading[bundle.digest]
            promise.set_exception(error)
            raise
        with self._lock:
            self._held[bundle.digest] = engine
            del self._loading[bundle.digest]
        promise.set_result(engine)

    def _trim(self) -> None:
        """Drop what is too much."""
        with self._lock:
            free = [digest for digest in self._held if digest not in {*self._uses, *self._guarded}]
            gone = [self._held.pop(digest) for digest in free[: max(0, len(self._held) - self._limit)]]
        for engine in gone:
            self._tell(engine.bundle)
        if gone:
            gone.clear()
            drop_unused_memory()

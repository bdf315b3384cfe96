"""Scenes that readers hold open for tiles: opening one takes a process and a header, and a tile needs a small window.

A reader ends when its file changed, when it failed, when nobody asked for a while, or when others need its place.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from landcover.errors import RasterChanged
from landcover.grid import Window
from landcover.manifest import Manifest
from landcover.raster.protocol import Block, Scene
from serving.opener import Opener
from serving.reader.errors import ReaderEnded, ReadingLimit
from serving.request import Inputs
from serving.sources import open_input
from serving.tiles.sources import Source

type Key = tuple[str, str, str]
"""Name and stamp of a source, and what the model wants of it."""

_OVER: Final = (ReaderEnded, ReadingLimit, RasterChanged)
"""What another reader may do better: one has processor time for one input, but this one is asked again and again."""


@dataclass(slots=True)
class _Held:
    """A scene in a reader.

    Attributes:
        lock: one thread reads at a time; held while it is opened, too.
        scene: None until it is open.
        users: how many have it.
        used: when it was given back last, monotonic.
        dropped: whether it is to be closed when nobody has it.
    """

    lock: Lock = field(default_factory=Lock)
    scene: Scene | None = None
    users: int = 0
    used: float = 0.0
    dropped: bool = False


class OpenScenes:
    """The scenes asked for last. Threads may share it.

    Args:
        opener: who opens them.
        limit: how many stay open; more only while more are in use.
        idle_s: seconds after which one that nobody uses is closed.
        clock: monotonic seconds.
    """

    def __init__(
        self, opener: Opener, *, limit: int, idle_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._opener, self._limit, self._idle_s, self._clock = opener, limit, idle_s, clock
        self._held: OrderedDict[Key, _Held] = OrderedDict()
        self._lock = Lock()

    @contextmanager
    def use(self, source: Source, manifest: Manifest) -> Iterator[Scene]:
        """The scene of a source, for one thread at a time.

        Raises:
            SteppeError: when it cannot be opened; see ``serving.sources.open_input``.
        """
        key = key_of(source, manifest)
        held = self._take(key)
        try:
            with held.lock:
                if held.scene is None:
                    held.scene = open_input(Inputs(source=source.place, opener=self._opener), manifest)
                yield held.scene
        except BaseException:
            held.dropped = True
            raise
        finally:
            self._give_back(key, held)

    def read(self, source: Source, manifest: Manifest, windows: Callable[[Scene], Window]) -> tuple[Scene, Block]:
        """Pixels of a source; by a second reader when the first one ends over it.

        Args:
            source: the source.
            manifest: of the model that is to classify it.
            windows: says which pixels of the scene.

        Returns:
            The scene, for what its header says, and its pixels.

        Raises:
            SteppeError: when it cannot be opened or read.
        """
        try:
            return self._read(source, manifest, windows)
        except _OVER:
            return self._read(source, manifest, windows)

    def close_idle(self) -> None:
        """Close those that nobody has used for a while."""
        limit = self._clock() - self._idle_s
        with self._lock:
            old = [key for key, held in self._held.items() if not held.users and held.used <= limit]
            gone = [self._held.pop(key) for key in old]
        _close(gone)

    def close(self) -> None:
        """Close all that nobody has, and the others when they are given back."""
        with self._lock:
            gone = [held for held in self._held.values() if not held.users]
            for held in self._held.values():
                held.dropped = True
            self._held.clear()
        _close(gone)

    def __len__(self) -> int:
        """Scenes that are open, or being opened."""
        return len(self._held)

    def _read(self, source: Source, manifest: Manifest, windows: Callable[[Scene], Window]) -> tuple[Scene, Block]:
        with self.use(source, manifest) as scene:
            return scene, scene.read(windows(scene))

    def _take(self, key: Key) -> _Held:
        with self._lock:
            held = self._held.get(key)
            if held is None or held.dropped:
                held = self._held[key] = _Held()
            held.users += 1
            self._held.move_to_end(key)
        return held

    def _give_back(self, key: Key, held: _Held) -> None:
        with self._lock:
            held.users -= 1
            held.used = self._clock()
            if held.dropped and self._held.get(key) is held:
                del self._held[key]
            gone = [held] if held.dropped and not held.users else []
            surplus = [name for name, other in self._held.items() if not other.users]
            gone += [self._held.pop(name) for name in surplus[: max(0, len(self._held) - self._limit)]]
        _close(gone)


def key_of(source: Source, manifest: Manifest) -> Key:
    """What decides how a source is opened and refused for a model."""
    wanted = (manifest.bands, manifest.dtype, manifest.levels, manifest.gsd_m, manifest.nodata)
    return source.name, source.stamp, repr(wanted)


def _close(gone: list[_Held]) -> None:
    for held in gone:
        if held.scene is not None:
            held.scene.close()

"""A batcher for each model that is asked."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from serving.batching.batcher import Batcher
from serving.batching.protocol import SIZES, Limits, Observer
from serving.engine import Engine
from serving.settings import Settings

KEPT: Final = 8
"""Models with threads of their own; that of the model not asked for longest ends when another one comes."""

GPUS: Final = frozenset({"cuda", "tensorrt"})


def limits_for(engine: Engine, settings: Settings) -> Limits:
    """What is joined into one call of an engine.

    ONNX Runtime on processors gains by small windows only, until a call has about as many pixels as a window of 256.
    OpenVINO runs the windows of a call one after the other, and GPUs fill up calls themselves to the batch they are
    built for: there a call may have any number of windows, and none is added.
    """
    most = settings.batch_windows
    sizes = tuple(size for size in SIZES if size <= most)
    pixels = settings.batch_pixels
    if engine.provider in GPUS:
        batch = min(most, settings.batch_size or engine.bundle.manifest.batch_size)
        sizes, pixels = tuple(range(1, batch + 1)), batch * settings.v2_max_pixels
    elif engine.provider == "openvino":
        sizes = tuple(range(1, most + 1))
    return Limits(
        sizes=sizes,
        call_pixels=pixels,
        wait_s=settings.batch_wait_ms / 1000,
        queue_pixels=settings.batch_queue_pixels,
        queue_requests=settings.batch_queue_requests,
    )


class Batchers:
    """Batchers by engine; safe to share between threads.

    Args:
        settings: how much is joined and how much may wait.
        observe: what is told what happens to the requests of an engine.
    """

    def __init__(self, settings: Settings, observe: Callable[[Engine], Observer] | None = None) -> None:
        self._settings, self._observe = settings, observe
        self._batchers: OrderedDict[int, tuple[Engine, Batcher]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, engine: Engine) -> Batcher:
        """The batcher of an engine. Submit to it without waiting in between: it may be drained for another one."""
        with self._lock:
            held = self._batchers.get(id(engine))
            if held is None:
                observer = self._observe(engine) if self._observe else None
                batcher = Batcher(engine, limits_for(engine, self._settings), observer=observer)
                held = self._batchers[id(engine)] = engine, batcher
            self._batchers.move_to_end(id(engine))
            while len(self._batchers) > KEPT:
                self._batchers.popitem(last=False)[1][1].drain()
        return held[1]

    def discard(self, engine: Engine) -> None:
        """Answer what waits for an engine, and let it go; does not wait for that."""
        with self._lock:
            held = self._batchers.pop(id(engine), None)
        if held is not None:
            held[1].drain()

    def close(self) -> None:
        """Answer all that waits, and end the threads."""
        with self._lock:
            batchers = [batcher for _, batcher in self._batchers.values()]
            self._batchers.clear()
        for batcher in batchers:
            batcher.drain()
        for batcher in batchers:
            batcher.close()

"""Count what batching does, for the metrics."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from serving.batching.protocol import Observer
from serving.engine import Engine
from serving.telemetry.metrics import Metrics


class _Counted(Observer):
    """One engine's batching."""

    def __init__(self, model: str, metrics: Metrics, queues: dict[str, int]) -> None:
        self._model, self._metrics, self._queues = model, metrics, queues

    def waiting(self, requests: int, pixels: int) -> None:  # noqa: ARG002 - requests are what a queue has
        self._queues[self._model] = requests

    def ran(self, windows: int, filled: int, pixels: int, seconds: float) -> None:  # noqa: ARG002
        self._metrics.batch(self._model, windows)


def counting(metrics: Metrics) -> Callable[[Engine], Observer]:
    """What makes an observer for each engine; the length of their queues becomes a metric."""
    queues: dict[str, int] = {}
    lock = threading.Lock()

    def lengths() -> Mapping[str, int]:
        with lock:
            return dict(queues)

    def observe(engine: Engine) -> Observer:
        model = engine.bundle.manifest.identifier
        with lock:
            queues.setdefault(model, 0)
        return _Counted(model, metrics, queues)

    metrics.watch_queue(lengths)
    return observe

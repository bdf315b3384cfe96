"""Keep loaded engines, so that a model is read and self-tested once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from landcover.augmentation import Augmentation
from landcover.bundle import Bundle
from landcover.manifest import Manifest
from landcover.precision import Precision
from serving.backends.gpu import GpuSettings
from serving.backends.protocol import Ahead
from serving.engine import Engine
from serving.memory import drop_unused_memory
from serving.registry import open_registry
from serving.settings import Settings

KEPT: Final = 2
"""Engines held in memory; one takes the weights plus several hundred megabytes of intermediates."""


def open_engine(
    bundle: Bundle,
    settings: Settings,
    *,
    provider: str | None = None,
    precision: Precision | None = None,
    augmentation: Augmentation | None = None,
    ahead: Ahead | None = None,
) -> Engine:
    """The engine of a bundle by the settings; what is given here wins over theirs.

    Raises:
        VariantMissing: when the bundle does not have that variant.
        BundleInvalid: when it is broken.
        ProviderUnavailable: when the provider cannot be had.
    """
    engine = Engine(
        bundle,
        provider=provider or settings.provider,
        threads=settings.threads,
        precision=precision or settings.precision,
        augmentation=augmentation or settings.tta,
        settings=GpuSettings(batch=settings.batch_size or bundle.manifest.batch_size, cache=settings.tensorrt_cache),
        ahead=ahead,
    )
    drop_unused_memory()
    return engine


@dataclass(frozen=True, slots=True)
class Making:
    """An engine that is being loaded.

    Attributes:
        manifest: the model's.
        ahead: waits to be told what the engine is going to be asked.
        engine: the engine; waits, too.
    """

    manifest: Manifest
    ahead: Ahead
    engine: Future[Engine]


@contextmanager
def loading(
    bundle: Bundle,
    settings: Settings,
    *,
    provider: str | None = None,
    precision: Precision | None = None,
    augmentation: Augmentation | None = None,
) -> Generator[Making]:
    """Load an engine on a thread of its own, while the caller opens what it is wanted for; see ``open_engine``.

    Runtimes load and compile without Python's lock. When the caller fails, this ends as soon as the engine is there.
    """
    ahead: Ahead = Future()
    make = partial(
        open_engine,
        bundle,
        settings,
        provider=provider,
        precision=precision,
        augmentation=augmentation,
        ahead=ahead,
    )
    with ThreadPoolExecutor(1, "steppe-load") as pool:
        try:
            yield Making(bundle.manifest, ahead, pool.submit(make))
        finally:
            ahead.cancel()  # nobody waits for what was not told


class Engines:
    """Engines by bundle digest, least recently used dropped first; safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, reference: str | None = None) -> Engine:
        """The engine of ``name`` or ``name@version``; the default model when none is named.

        A bundle that changed on disk has another digest and is loaded and self-tested anew.

        Raises:
            ModelNotFound: when there is no such model.
            VariantMissing: when it does not have the configured precision.
            BundleInvalid: when it is broken or fails its self-test.
            ProviderUnavailable: when the configured provider cannot be had.
        """
        bundle = open_registry(self._settings).get(reference or self._settings.model)
        with self._lock:
            engine = self._engines.get(bundle.digest)
            if engine is None:
                engine = open_engine(bundle, self._settings)
                engine.self_test()
                self._engines[bundle.digest] = engine
            self._engines.move_to_end(bundle.digest)
            while len(self._engines) > KEPT:
                self._engines.popitem(last=False)
        return engine

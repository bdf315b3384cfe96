"""Make engines as the settings say."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from landcover.augmentation import Augmentation
from landcover.bundle import Bundle
from landcover.manifest import Manifest
from landcover.precision import Precision
from serving.backends.gpu import GpuSettings
from serving.backends.protocol import Ahead
from serving.engine import Engine
from serving.memory import drop_unused_memory
from serving.settings import Settings


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

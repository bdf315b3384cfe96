"""What a scene in one file and a scene in many files have in common: header, threads, closing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from landcover.grid import Grid, Window
from landcover.raster.digest import Stopped
from landcover.raster.far import adopt
from landcover.raster.handles import HandlePool
from landcover.raster.protocol import ReadPolicy
from landcover.raster.strips import Job, StripCache, run_jobs
from landcover.sensors import Radiometry


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneHeader:
    """What is known of a scene before a pixel is read; the fields are those of ``protocol.Scene``."""

    grid: Grid
    bands: tuple[str, ...]
    dtype: np.dtype[Any]
    level: str | None
    radiometry: Radiometry | None
    datetime: str | None
    identifier: str


class HeadedScene(ABC):
    """What is known of an opened scene before a pixel is read.

    Args:
        header: what is known.
    """

    def __init__(self, header: SceneHeader) -> None:
        self._header = header

    @property
    def grid(self) -> Grid:
        """Position of the pixels."""
        return self._header.grid

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands that ``read`` returns, in order."""
        return self._header.bands

    @property
    def dtype(self) -> np.dtype[Any]:
        """Sample type of a block."""
        return self._header.dtype

    @property
    def level(self) -> str | None:
        """Processing level, or None when nobody states it."""
        return self._header.level

    @property
    def radiometry(self) -> Radiometry | None:
        """Scale and offset, or None when nobody states them."""
        return self._header.radiometry

    @property
    def datetime(self) -> str | None:
        """Acquisition, ISO 8601, or None."""
        return self._header.datetime

    @property
    def identifier(self) -> str:
        """Product or file name without extension."""
        return self._header.identifier

    @abstractmethod
    def close(self) -> None:
        """Give the files back."""

    def __enter__(self) -> Self:
        """The scene itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


class BaseScene(HeadedScene):
    """Header, handles and decoding threads of an opened scene.

    Args:
        header: what is known.
        pools: handles on every file of the scene; closed with it.
        policy: limits and habits.
    """

    def __init__(self, header: SceneHeader, pools: Sequence[HandlePool], policy: ReadPolicy) -> None:
        super().__init__(header)
        self._pools = tuple(pools)
        self._digest: str | None = None
        self._closed = False
        self._executor = ThreadPoolExecutor(
            policy.decode_threads, thread_name_prefix="decode", initializer=adopt, initargs=(copy_context(),)
        )

    def input_digest(self) -> str:
        """SHA-256 of the input, hexadecimal, or what stands for it, see ``digest``; taken at the first call.

        Raises:
            RasterUnreadable: when a file can no longer be read.
            DigestStopped: when the scene is closed before all of it is read.
            RasterChanged: when one is no longer what was opened: the digest would not be that of the pixels.
        """
        if self._digest is None:
            digest = self._take_digest([pool.file.path for pool in self._pools], lambda: self._closed)
            self._check_unchanged()
            self._digest = digest
        return self._digest

    def _check_unchanged(self) -> None:
        for pool in self._pools:
            pool.file.check_unchanged()

    @abstractmethod
    def _take_digest(self, paths: list[Path], stopped: Stopped) -> str:
        """SHA-256 of the scene's files; what counts beside their bytes differs between kinds of scenes."""

    def _fetch(self, window: Window) -> None:
        """Load what a window needs into the caches; after an error no cache holds anything.

        Raises:
            RasterTruncated: when pixels are missing or damaged.
            RasterChanged: when a file is no longer what was opened.
            ValueError: when the scene is closed.
        """
        if self._closed:
            raise ValueError(f"the scene {self.identifier!r} is closed")
        plans = tuple(self._plans(window))
        try:
            self._load([job for cache, window in plans for job in cache.plan(window)])
        except BaseException:
            for cache, _ in plans:
                cache.clear()
            raise

    def pass_over(self, window: Window | None) -> None:
        """Forget decoded pixels that a window does not need; None = all of them."""
        for cache, part in self._plans(window or self.grid.extent):
            if window is None:
                cache.clear()
            else:
                cache.keep(part)

    @abstractmethod
    def _plans(self, window: Window) -> Iterator[tuple[StripCache, Window]]:
        """What ``read`` needs: every cache, and the pixels of its file that a window depends on."""

    def _load(self, jobs: Sequence[Job]) -> None:
        if not jobs:
            return
        try:
            run_jobs(self._executor, jobs)
        finally:  # damaged pixels are no news of a file that is being written
            self._check_unchanged()

    def close(self) -> None:
        """Give the files back."""
        self._closed = True
        self._executor.shutdown()
        for pool in self._pools:
            pool.close()

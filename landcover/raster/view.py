"""A scene seen otherwise: what every view of one scene passes on unchanged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, ClassVar, Self

import numpy as np

from landcover.grid import Grid, Window
from landcover.raster.protocol import Block, Scene
from landcover.sensors import Radiometry


class SceneView(ABC):
    """One scene on another grid. Closing the view closes the scene.

    Args:
        scene: the scene that is looked at.
        grid: grid of the view.
    """

    resampling: ClassVar[str | None] = None
    """How new pixels are made of the scene's; None where they are the scene's own."""

    def __init__(self, scene: Scene, grid: Grid) -> None:
        self._scene, self._grid = scene, grid

    @property
    def grid(self) -> Grid:
        """Position of the view's pixels."""
        return self._grid

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands that ``read`` returns, in order."""
        return self._scene.bands

    @property
    def dtype(self) -> np.dtype[Any]:
        """Sample type of a block."""
        return self._scene.dtype

    @property
    def level(self) -> str | None:
        """Processing level, or None when nobody states it."""
        return self._scene.level

    @property
    def radiometry(self) -> Radiometry | None:
        """Scale and offset, or None when nobody states them."""
        return self._scene.radiometry

    @property
    def datetime(self) -> str | None:
        """Acquisition, ISO 8601, or None."""
        return self._scene.datetime

    @property
    def identifier(self) -> str:
        """Name of the scene."""
        return self._scene.identifier

    def input_digest(self) -> str:
        """SHA-256 of the input as it lies on the disk; a view does not change it."""
        return self._scene.input_digest()

    @abstractmethod
    def read(self, window: Window) -> Block:
        """The pixels of a window of the view's grid."""

    def pass_over(self, window: Window | None) -> None:
        """Forget decoded pixels that a window of the view does not need; None = all of them."""
        self._scene.pass_over(None if window is None else self._source_window(window))

    @abstractmethod
    def _source_window(self, window: Window) -> Window | None:
        """The scene's pixels around a window of the view; None when the window lies outside."""

    def close(self) -> None:
        """Close the scene."""
        self._scene.close()

    def __enter__(self) -> Self:
        """The view itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def empty_block(bands: int, window: Window, dtype: np.dtype[Any], nodata: float) -> Block:
    """A window without data."""
    shape = window.height, window.width
    return Block(np.full((bands, *shape), nodata, dtype), np.zeros(shape, np.bool_))

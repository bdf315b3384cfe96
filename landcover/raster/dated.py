"""A scene whose files do not say when it was taken, and somebody who knows it."""

from __future__ import annotations

from landcover.grid import Window
from landcover.raster.protocol import Block, Scene
from landcover.raster.view import SceneView


class DatedScene(SceneView):
    """A scene with a date. Closing it closes the scene.

    Args:
        scene: the scene.
        acquired: when it was taken, ISO 8601.
    """

    def __init__(self, scene: Scene, acquired: str) -> None:
        super().__init__(scene, scene.grid)
        self._acquired = acquired

    @property
    def datetime(self) -> str:
        """Acquisition, ISO 8601."""
        return self._acquired

    def read(self, window: Window) -> Block:
        """The pixels of a window."""
        return self._scene.read(window)

    def _source_window(self, window: Window) -> Window:
        return window

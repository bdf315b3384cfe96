"""What opened maps of codes and of numbers have in common."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from landcover.grid import Grid
from landcover.raster.nearest import codes_on
from landcover.raster.protocol import Scene


@dataclass(frozen=True, slots=True)
class OpenedMap[N: (int, float)]:
    """An opened map. Use as a context manager, or close it.

    Attributes:
        scene: its pixels.
        nodata: value that missing samples have; None where only ``Block.valid`` says what is data.
    """

    scene: Scene
    nodata: N | None

    @property
    def grid(self) -> Grid:
        """Position of its pixels."""
        return self.scene.grid

    def on(self, grid: Grid) -> Self:
        """The map on another grid, by the nearest pixel; the same map where the grid is its own."""
        return replace(self, scene=codes_on(self.scene, grid, nodata=0 if self.nodata is None else self.nodata))

    def close(self) -> None:
        """Give the file back."""
        self.scene.close()

    def __enter__(self) -> Self:
        """The map itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

"""Tiles of WebMercatorQuad (OGC 17-083r4, annex D.1), and where their pixels lie on Earth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from affine import Affine
from pyproj import CRS

from landcover.grid import Grid, Window
from serving.tiles.errors import MatrixSetUnknown, TileOutside

NAME: Final = "WebMercatorQuad"
"""The only tile matrix set there is."""

MAX_ZOOM: Final = 24
"""The last one of the standard: pixels of 9 mm."""

SIDE: Final = 256
"""Pixels of a tile's side."""

MAX_LATITUDE: Final = 85.0511287798066
"""Where the square ends."""

EQUATOR_M: Final = 156543.03392804097
"""Metres of a pixel of zoom 0 at the equator."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile.

    Attributes:
        zoom: 0 is the whole Earth.
        x: column, from the west.
        y: row, from the north.
    """

    zoom: int
    x: int
    y: int

    def __post_init__(self) -> None:
        """Refuse what does not exist.

        Raises:
            TileOutside: with what there is.
        """
        count = 1 << self.zoom
        if not (0 <= self.x < count and 0 <= self.y < count):
            raise TileOutside(f"zoom {self.zoom} has columns and rows 0 to {count - 1}; ask for one of those")

    @property
    def window(self) -> Window:
        """Its pixels on ``zoom_grid``."""
        return Window(self.y * SIDE, self.x * SIDE, SIDE, SIDE)


def check_name(name: str) -> None:
    """Refuse other tile matrix sets.

    Raises:
        MatrixSetUnknown: naming the one there is.
    """
    if name != NAME:
        raise MatrixSetUnknown(f"tiles are made in {NAME} only; ask for that")


@cache
def zoom_grid(zoom: int) -> Grid:
    """All pixels of a zoom as one grid."""
    from morecantile import tms  # noqa: PLC0415 - a quarter of a second, which no other command should take

    matrix = tms.get(NAME).matrix(zoom)
    left, top = matrix.pointOfOrigin
    transform = Affine(matrix.cellSize, 0, left, 0, -matrix.cellSize, top)
    return Grid(
        CRS.from_epsg(3857), transform, matrix.matrixHeight * matrix.tileHeight, matrix.matrixWidth * matrix.tileWidth
    )

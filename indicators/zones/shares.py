"""Which share of each pixel a polygon covers: exact, by exactextract.

exactextract walks along the sides of a polygon and adds up the area that they cut from each pixel (Baston, ISciences,
https://github.com/isciences/exactextract). It keeps shares in 32 bits: they are good to about 1e-7.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely
from exactextract import exact_extract
from exactextract.feature import Feature, FeatureSource
from exactextract.raster import NumPyRasterSource
from numpy.typing import NDArray

from landcover.grid import Window


def shares_of(shape: shapely.Geometry, window: Window) -> NDArray[np.float64]:
    """The share of each pixel that lies in a polygon.

    Args:
        shape: a Polygon or MultiPolygon in columns and rows; whole numbers are corners of pixels.
        window: pixels of that grid.

    Returns:
        float64 (row, col) of the window, 0 to 1.
    """
    pixels = np.broadcast_to(np.uint8(1), (window.height, window.width))
    # Rows count downwards, y upwards: exactextract's last row is our first one.
    raster = NumPyRasterSource(pixels, window.col, window.row, window.col_stop, window.row_stop)
    (found,) = exact_extract(raster, _OneShape(shape), ["cell_id", "coverage"])
    share_HW = np.zeros((window.height, window.width))
    properties: dict[str, Any] = found["properties"]
    if properties["cell_id"] is not None:
        np.add.at(share_HW.reshape(-1), properties["cell_id"], properties["coverage"])
    return share_HW[::-1]


class _OneShape(FeatureSource):  # type: ignore[misc] # exactextract has no types
    """A source of one feature, handed over as well-known binary."""

    def __init__(self, shape: shapely.Geometry) -> None:
        super().__init__()
        self._shape = _Shape(shape)

    def count(self) -> int:
        return 1

    def __iter__(self) -> Iterator[_Shape]:
        yield self._shape

    def srs_wkt(self) -> None:
        return None


class _Shape(Feature):  # type: ignore[misc] # exactextract has no types
    def __init__(self, shape: shapely.Geometry) -> None:
        super().__init__()
        # exactextract loses what lies behind a point that comes three times in a row, as drawn and snapped ones may.
        self._wkb: bytes = shapely.to_wkb(shapely.remove_repeated_points(shape))

    def geometry(self) -> bytes:
        return self._wkb

    def fields(self) -> list[str]:
        return []

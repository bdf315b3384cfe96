"""Compare a class map with polygons of another source, class by class.

The share of pixels inside the polygons of a class that the map gives the expected code. It is agreement, not
accuracy: polygons have their own errors, another date, and were not drawn as a probability sample.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize

from landcover.errors import ConfigError, GridMismatch
from landcover.grid import Grid
from landcover.legends import CLASS_NODATA
from landcover.raster.maps import read_map


@dataclass(frozen=True, slots=True)
class Agreement:
    """One class of the polygons.

    Attributes:
        name: class of the polygons.
        expected: code the map should have there.
        polygons: number of polygons.
        pixels: valid pixels whose centre lies in one of them.
        agreeing: those of them with the expected code.
        mode: most frequent code there, or None without pixels.
    """

    name: str
    expected: int
    polygons: int
    pixels: int
    agreeing: int
    mode: int | None

    @property
    def share(self) -> float | None:
        """Agreeing pixels by pixels; None without pixels."""
        return self.agreeing / self.pixels if self.pixels else None


def agreement_with_polygons(
    map_path: Path, polygons: Path, expected: Mapping[str, int], *, column: str = "fclass"
) -> list[Agreement]:
    """Compare a map in memory with a vector file.

    Args:
        map_path: class map.
        polygons: any vector file GDAL reads, in the CRS of the map.
        expected: code by class of the polygons; other classes are left out.
        column: field with the class.

    Returns:
        One row per class, in the order of ``expected``.

    Raises:
        GridMismatch: when the polygons are in another CRS.
        ConfigError: when the packages for reading vectors are missing.
    """
    codes_HW, grid = read_map(map_path)
    shapes = _read_polygons(polygons, column, grid)
    return [_compare(name, code, shapes.get(name, []), codes_HW, grid) for name, code in expected.items()]


def _read_polygons(path: Path, column: str, grid: Grid) -> dict[str, list[Any]]:
    """Geometries by class."""
    try:
        import pyogrio.raw  # noqa: PLC0415 - only the demo installs it
        import shapely  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigError(f"reading polygons needs {error.name}; install steppe[demo]") from error
    meta, _, blobs, fields = pyogrio.raw.read(path, columns=[column])
    if grid.crs != type(grid.crs).from_user_input(meta["crs"]):
        raise GridMismatch(f"polygons of {path.name!r} are in {meta['crs']}, the map is not; reproject them first")
    shapes: dict[str, list[Any]] = {}
    for name, geometry in zip(fields[0], shapely.from_wkb(blobs), strict=True):
        shapes.setdefault(str(name), []).append(geometry)
    return shapes


def _compare(name: str, code: int, shapes: list[Any], codes_HW: NDArray[np.uint8], grid: Grid) -> Agreement:
    if not shapes:
        return Agreement(name, code, 0, 0, 0, None)
    inside_HW = rasterize(shapes, out_shape=codes_HW.shape, transform=grid.transform, dtype="uint8").astype(np.bool_)
    found = Counter(codes_HW[inside_HW & (codes_HW != CLASS_NODATA)].tolist())
    mode = found.most_common(1)[0][0] if found else None
    return Agreement(name, code, len(shapes), found.total(), found[code], mode)

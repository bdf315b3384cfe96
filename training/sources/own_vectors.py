"""Vector files that label images: which features, of which class, where in the image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyogrio
import pyogrio.raw
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from landcover.errors import ConfigError, DataError, NoCrs
from landcover.grid import Grid, Window
from landcover.legends import Legend
from training.sources.own_burn import POINTS, POLYGONS, Shapes, burn
from training.sources.own_choices import VectorLabels
from training.sources.own_errors import LabelFormat, StrayCodes
from training.sources.own_handles import OPEN, stamp

_REST: Final = "*"
_LEFT_OUT: Final = -1


class VectorUnreadable(DataError):
    """The bytes are not a vector file that GDAL reads."""

    slug = "vector-unreadable"


@dataclass(frozen=True, slots=True)
class VectorFile:
    """A vector file that labels an image.

    Attributes:
        path: The file.
        layer: Its layer.
        grid: Grid of the image.
        choice: What the config says.
        values: Value of the column to class index, -1 for features that are left out.
    """

    path: Path
    layer: str
    grid: Grid
    choice: VectorLabels
    values: tuple[tuple[str, int], ...]

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Class indices of a window, 255 without a label.

        Args:
            window: Inside the image.
        """
        return self.burn(window)[0]

    def burn(self, window: Window) -> tuple[NDArray[np.uint8], int]:
        """Class indices of a window, and how many of its pixels lost their label because classes overlap."""
        shapes = OPEN.get((self.path, stamp(self.path), self.layer, self.grid), self._load)
        margin = max(self.choice.erode, self.choice.radius)
        return burn(shapes.within(window, margin), window, erode=self.choice.erode, radius=self.choice.radius)

    def _load(self) -> Shapes:
        geometries, names = read_features(self.path, self.layer, self.choice.column, self.grid)
        by_value = dict(self.values)
        classes = np.array([by_value.get(name, _LEFT_OUT) for name in names], dtype=np.int64)
        kept = (classes != _LEFT_OUT) & ~shapely.is_missing(geometries) & ~shapely.is_empty(geometries)
        return Shapes(geometries[kept], classes[kept], shapely.STRtree(geometries[kept]))


def open_vectors(path: Path, grid: Grid, choice: VectorLabels, legend: Legend) -> VectorFile:
    """Look at a vector file that labels an image.

    Args:
        path: The file.
        grid: Grid of the image.
        choice: What the config says.
        legend: Legend of the source.

    Raises:
        VectorUnreadable: It is no vector file.
        ConfigError: It has no such layer or column, or ``classes`` names no class of the legend.
        StrayCodes: Values of the column that are no class, with their features.
        NoCrs: It has no CRS.
    """
    layer = _layer(path, choice.layer)
    names = [str(value) for value in _column(path, layer, choice.column).tolist()]
    return VectorFile(path, layer, grid, choice, class_of_values(names, choice, legend, path.name))


def _layer(path: Path, wanted: str | None) -> str:
    try:
        layers = [str(name) for name, _ in pyogrio.list_layers(path)]
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise VectorUnreadable(f"{path.name!r} is no vector file that can be read: {error}") from error
    if wanted is not None and wanted not in layers:
        raise ConfigError(f"{path.name!r} has no layer {wanted!r}; it has {', '.join(layers)}")
    if not layers:
        raise VectorUnreadable(f"{path.name!r} has no layer")
    return wanted or layers[0]


def _column(path: Path, layer: str, column: str) -> NDArray[Any]:
    info = pyogrio.read_info(path, layer=layer)
    if column not in info["fields"]:
        raise ConfigError(f"{path.name!r} has no column {column!r}; it has {', '.join(info['fields'])}")
    if info["crs"] is None:
        raise NoCrs(f"{path.name!r} has no coordinate reference system; assign the right one, for example with ogr2ogr")
    _, _, _, fields = pyogrio.raw.read(path, layer=layer, columns=[column], read_geometry=False)
    values: NDArray[Any] = fields[0]
    return values


def class_of_values(
    names: Sequence[str], choice: VectorLabels, legend: Legend, file: str
) -> tuple[tuple[str, int], ...]:
    """Class index of each value of the column, -1 for those that are left out.

    Raises:
        StrayCodes: Values that are no class, with their features.
        ConfigError: ``classes`` names no class of the legend.
    """
    own = {key: index for index, row in enumerate(legend.classes) for key in (row.name, row.title, str(row.code))}
    listed = {str(value): _class_index(target, own, legend) for value, target in choice.classes.items()}
    counts = Counter(names)
    rest = {_REST: listed[_REST]} if _REST in listed else {}
    found = {name: listed.get(name, own.get(name, rest.get(_REST))) for name in counts}
    stray = {name: counts[name] for name, index in found.items() if index is None}
    if stray:
        said = ", ".join(f"{name}: {count}" for name, count in sorted(stray.items()))
        raise StrayCodes(
            f"{file!r} holds values of {choice.column!r} that are no class (value: features): {said}; list them under "
            "vectors.classes, null to leave them out, '*' for all the rest",
            stray,
        )
    return tuple((name, index) for name, index in sorted(found.items()) if index is not None)


def _class_index(target: str | int | None, own: dict[str, int], legend: Legend) -> int:
    if target is None:
        return _LEFT_OUT
    if str(target) not in own:
        known = ", ".join(f"{row.code} {row.name}" for row in legend.classes)
        raise ConfigError(f"vectors.classes: {target!r} is no class of {legend.id!r}; its classes are {known}")
    return own[str(target)]


def read_features(path: Path, layer: str, column: str, grid: Grid) -> tuple[NDArray[Any], list[str]]:
    """Features near an image: geometries in pixels of its grid, and the values of a column.

    Raises:
        LabelFormat: Geometries that are neither polygons nor points.
    """
    info = pyogrio.read_info(path, layer=layer)
    try:
        crs = CRS.from_user_input(info["crs"])
    except CRSError as error:
        raise NoCrs(f"{path.name!r} has a coordinate reference system unknown to PROJ; assign an EPSG code") from error
    box = _bounds_in(grid, crs)
    _, _, blobs, fields = pyogrio.raw.read(path, layer=layer, columns=[column], bbox=box, force_2d=True)
    geometries = shapely.from_wkb(blobs)
    kinds = shapely.get_type_id(geometries[~shapely.is_missing(geometries)])
    other = ~np.isin(kinds, (*POLYGONS, *POINTS))
    if other.any():
        kind = shapely.GeometryType(int(kinds[other][0])).name.lower()
        raise LabelFormat(
            f"{path.name!r} holds {int(other.sum())} features of the kind {kind}; expected polygons or points"
        )
    return _to_pixels(geometries, crs, grid), [str(value) for value in fields[0].tolist()]


def _bounds_in(grid: Grid, crs: CRS) -> tuple[float, float, float, float]:
    """Box around the image in the CRS of the vectors, a little wider: borders of an image may be curved there."""
    to_vectors = Transformer.from_crs(grid.crs, crs, always_xy=True)
    corners = [grid.transform @ (float(col), float(row)) for col in (0, grid.width) for row in (0, grid.height)]
    xs, ys = zip(*corners, strict=True)
    west, south, east, north = to_vectors.transform_bounds(min(xs), min(ys), max(xs), max(ys), densify_pts=21)
    margin = 0.02 * max(east - west, north - south)
    return west - margin, south - margin, east + margin, north + margin


def _to_pixels(geometries: NDArray[Any], crs: CRS, grid: Grid) -> NDArray[Any]:
    to_image = Transformer.from_crs(crs, grid.crs, always_xy=True)
    inverse = ~grid.transform

    def convert(xy_P2: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = to_image.transform(xy_P2[:, 0], xy_P2[:, 1])
        cols, rows = inverse.a * x + inverse.b * y + inverse.c, inverse.d * x + inverse.e * y + inverse.f
        return np.column_stack([cols, rows])

    moved: NDArray[Any] = shapely.transform(geometries, convert)
    return moved

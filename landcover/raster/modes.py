"""Overviews of class maps by the most frequent class, several times as fast as GDAL makes them.

Each pixel of a level is the class that most of the four pixels below it have; of several the one that comes first, row
by row. Pixels without data do not count. A level is made from the level below, as GDAL does it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.io import DatasetReader
from rasterio.shutil import copy
from rasterio.windows import Window as RasterioWindow

type Codes = npt.NDArray[Any]

_ROWS: Final = 512
"""Rows of a level made at once."""

_CHUNK: Final = 1 << 18
"""Pixels looked at at once."""


def with_modes(raw: Path, *, block: int, nodata: float) -> Path:
    """A virtual raster of a map and its overviews, all beside the map; the map itself where it needs none.

    Args:
        raw: the map, one band.
        block: sides of tiles, and the most pixels per side of the last level.
        nodata: code of pixels without data.

    Raises:
        RasterioError: when a level cannot be written.
    """
    below, levels = raw, list[Path]()
    while (level := _next_level(below, len(levels), block, nodata)) is not None:
        levels.append(level)
        below = level
    return _bound(raw, levels) if levels else raw


def _next_level(below: Path, number: int, block: int, nodata: float) -> Path | None:
    """The level above a level; None when that is small enough."""
    with rasterio.open(below) as source:
        if max(source.shape) <= block:
            return None
        path = below.with_name(f"level{number}.tif")
        profile = {"driver": "GTiff", "count": 1, "dtype": source.dtypes[0], "nodata": nodata, "tiled": True}
        profile |= {"height": -(-source.height // 2), "width": -(-source.width // 2)}
        profile |= {"crs": source.crs, "transform": source.transform @ Affine.scale(2)}
        profile |= {"blockxsize": block, "blockysize": block, "SPARSE_OK": True, "BIGTIFF": "IF_SAFER"}
        with rasterio.open(path, "w", **profile) as level:
            for row, codes_RC in _strips(source, nodata):
                modes_RC = _modes(codes_RC, codes_RC.dtype.type(nodata))
                level.write(modes_RC[None], window=RasterioWindow(0, row, modes_RC.shape[1], modes_RC.shape[0]))
        return path


def _strips(source: DatasetReader, nodata: float) -> Iterator[tuple[int, Codes]]:
    """Rows of the level below with the row of the level they make, an even number of rows and columns."""
    shape = 2 * _ROWS, source.width + source.width % 2
    codes_RC = np.full(shape, nodata, source.dtypes[0])  # the same pages for all rows
    for row in range(0, source.height, 2 * _ROWS):
        rows = min(2 * _ROWS, source.height - row)
        source.read(1, window=RasterioWindow(0, row, source.width, rows), out=codes_RC[:rows, : source.width])
        codes_RC[rows:] = nodata
        yield row // 2, codes_RC[: rows + rows % 2]


def _modes(codes_RC: Codes, nodata: Any) -> Codes:
    """The most frequent code of each square of two by two pixels, the first of several; no data does not count."""
    out_RC = np.empty((codes_RC.shape[0] // 2, codes_RC.shape[1] // 2), codes_RC.dtype)
    step = max(1, _CHUNK // codes_RC.shape[1])
    for start in range(0, len(out_RC), step):  # what lies between stays in the cache
        pairs_RC = codes_RC[2 * start : 2 * (start + step)]
        upper, lower = (np.ascontiguousarray(pairs_RC[row::2]).reshape(-1) for row in (0, 1))
        out_RC[start : start + step] = _squares(upper, lower, nodata).reshape(-1, out_RC.shape[1])
    return out_RC


def _squares(upper: Codes, lower: Codes, nodata: Any) -> Codes:
    """Modes of squares by their upper and lower pixels, in turn the left and the right one.

    Most squares are of one class. They are told by comparing two pixels at once, read as one number.
    """
    both = f"u{2 * upper.itemsize}"
    left, right = (np.ascontiguousarray(upper[side::2]) for side in (0, 1))
    mixed = np.flatnonzero((upper.view(both) != lower.view(both)) | (left != right))
    if len(mixed):
        lower_left, lower_right = (lower[2 * mixed + side] for side in (0, 1))
        left[mixed] = _mode(left[mixed], right[mixed], lower_left, lower_right, nodata=nodata)
    return left


def _mode(first: Codes, second: Codes, third: Codes, fourth: Codes, *, nodata: Any) -> Codes:
    mode = first.copy()
    for other in (second, third, fourth):  # the first that has data
        np.copyto(mode, other, where=mode == nodata)
    np.copyto(mode, third, where=(third == fourth) & (third != nodata))
    np.copyto(mode, second, where=((second == third) | (second == fourth)) & (second != nodata))
    pairs = (first == second) | (first == third) | (first == fourth)
    np.copyto(mode, first, where=pairs & (first != nodata))
    return mode


def _bound(raw: Path, levels: list[Path]) -> Path:
    """A virtual raster that says all that the map says, and where its overviews are."""
    path = raw.with_suffix(".vrt")
    copy(raw, path, driver="VRT")
    tree = ET.parse(path)  # noqa: S314 (see above)
    band = tree.getroot().find("VRTRasterBand")
    if band is None:
        raise ValueError(f"GDAL wrote {path.name!r} without a band")
    for level in levels:
        overview = ET.SubElement(band, "Overview")
        ET.SubElement(overview, "SourceFilename", relativeToVRT="1").text = level.name
        ET.SubElement(overview, "SourceBand").text = "1"
    tree.write(path, encoding="utf-8")
    return path

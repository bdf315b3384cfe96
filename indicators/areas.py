"""Ground area of raster pixels, and of the classes of a map, in km2.

A pixel's nominal size is not its ground area: a UTM pixel is wrong by -0.08 to +0.2 %, a Web Mercator pixel by tens of
percent. Here every pixel has its area on the ellipsoid of its CRS. Longitude enters only as a difference, so that a
grid across the antimeridian is nothing special.

The sums are *mapped area (pixel count)*. They inherit the map's errors and are therefore biased; an area estimate
needs a reference sample (Olofsson et al. 2014, doi:10.1016/j.rse.2014.02.015).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indicators.counting import Counted, count_rows, weigh
from indicators.pixels import PixelRows, pixel_rows
from landcover.errors import DtypeMismatch, UnmappedCodes, WindowError
from landcover.grid import Grid
from landcover.legends import CLASS_NODATA, Legend

_BLOCK_PIXELS: Final = 1 << 18
"""Pixels handled at once: 2 MiB of float64 per intermediate array, which stays in the cache."""


class PixelAreas:
    """Ground area of every pixel of a grid.

    Attributes:
        grid: the grid.
        method: how the areas are computed, one phrase for people.
    """

    def __init__(self, grid: Grid) -> None:
        """Choose the computation that the CRS of ``grid`` allows.

        Args:
            grid: any grid; rotated and south-up ones too.

        Raises:
            NoCrs: the CRS is neither geographic nor projected.
        """
        self.grid = grid
        self._rows: PixelRows = pixel_rows(grid)
        self.method: str = self._rows.method

    def rows(self, row_start: int, row_stop: int) -> NDArray[np.float64]:
        """Areas of the pixels of some rows.

        Args:
            row_start: first row.
            row_stop: first row after the last.

        Returns:
            km2, float64: shape (rows,) when all pixels of a row are equal, else (rows, cols).

        Raises:
            WindowError: the rows are not rows of the grid.
            NoGeoreference: pixels lie outside the part of the plane that the CRS maps to the Earth.
        """
        _check_rows(self.grid, row_start, row_stop)
        return self._rows.areas_km2(row_start, row_stop)


@dataclass(frozen=True, slots=True)
class ClassArea:
    """Mapped area of one class.

    Attributes:
        code: code in the legend.
        name: machine name.
        title: English title.
        pixels: number of pixels.
        area_km2: mapped area (pixel count), not rounded.
        share_percent: share of the valid area; 0 when the map has no valid pixel.
    """

    code: int
    name: str
    title: str
    pixels: int
    area_km2: float
    share_percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaTable:
    """Mapped area (pixel count) of every class of a map, in the order of its legend.

    Attributes:
        legend_id: legend of the codes.
        legend_version: version of that legend.
        rows: one row per class, classes without pixels too.
        nodata_code: code of pixels without a class.
        nodata_pixels: their number.
        nodata_area_km2: their area.
        method: how pixel areas were computed.
    """

    legend_id: str
    legend_version: str
    rows: tuple[ClassArea, ...]
    nodata_code: int
    nodata_pixels: int
    nodata_area_km2: float
    method: str

    @property
    def valid_pixels(self) -> int:
        """Pixels that have a class."""
        return sum(row.pixels for row in self.rows)

    @property
    def valid_area_km2(self) -> float:
        """Sum of the unrounded class areas."""
        return math.fsum(row.area_km2 for row in self.rows)

    @property
    def total_pixels(self) -> int:
        """All pixels."""
        return self.valid_pixels + self.nodata_pixels

    @property
    def total_area_km2(self) -> float:
        """Valid area plus nodata area."""
        return self.valid_area_km2 + self.nodata_area_km2

    @property
    def nodata_percent(self) -> float:
        """Share of the total area without a class."""
        return 100.0 * self.nodata_area_km2 / self.total_area_km2


class ClassAreas:
    """Adds up the area of each class while a map streams by.

    Memory does not depend on the map, but for one bit of bookkeeping per row. Blocks of rows may come in any order;
    each row once.
    """

    def __init__(self, grid: Grid, legend: Legend, *, nodata: int = CLASS_NODATA) -> None:
        """Start at zero.

        Args:
            grid: grid of the map.
            legend: what its codes mean.
            nodata: code of pixels without a class.

        Raises:
            NoCrs: the CRS has no areas.
        """
        self.grid = grid
        self.legend = legend
        self.nodata = nodata
        self._areas = PixelAreas(grid)
        self._bins: dict[int, int] = {code: i for i, code in enumerate((*legend.codes, nodata))}
        self._lookups: dict[str, NDArray[np.intp]] = {}
        self._index = np.empty((max(1, _BLOCK_PIXELS // grid.width), grid.width), np.intp)
        bins = len(self._bins) + 1  # the last bin takes the codes that the legend does not have
        self._pixels = np.zeros(bins, np.int64)
        self._km2 = np.zeros(bins, np.float64)
        self._seen = np.zeros(grid.height, np.bool_)

    def add(self, row_start: int, codes_RW: NDArray[np.uint8] | NDArray[np.int16]) -> None:
        """Count some whole rows.

        Args:
            row_start: first row.
            codes_RW: class codes, shape (rows, width of the grid), uint8, or int16 for degradation maps.

        Raises:
            WindowError: the rows do not fit the grid or were counted before.
            DtypeMismatch: the codes are neither uint8 nor int16.
            UnmappedCodes: codes that the legend does not have, with their pixel counts; nothing is counted then.
        """
        if codes_RW.ndim != 2 or codes_RW.shape[1] != self.grid.width:  # noqa: PLR2004 (rows and columns)
            raise WindowError(f"rows of shape {codes_RW.shape}: expected (rows, {self.grid.width})")
        row_stop = row_start + codes_RW.shape[0]
        _check_rows(self.grid, row_start, row_stop)
        if self._seen[row_start:row_stop].any():
            raise WindowError(f"rows {row_start} to {row_stop - 1} hold rows that were counted before")
        step = len(self._index)
        pixels, km2 = np.zeros_like(self._pixels), np.zeros_like(self._km2)
        for start in range(0, len(codes_RW), step):
            block = codes_RW[start : start + step]
            more_pixels, more_km2 = self._count(row_start + start, block)
            pixels += more_pixels
            km2 += more_km2
        if pixels[-1]:
            raise UnmappedCodes(_unmapped(codes_RW, self._bins, self.legend.id))
        self._pixels += pixels
        self._km2 += km2
        self._seen[row_start:row_stop] = True

    def table(self) -> AreaTable:
        """The areas of the whole map.

        Raises:
            WindowError: rows are missing; a table of part of a map would understate every class.
        """
        missing = int(np.count_nonzero(~self._seen))
        if missing:
            raise WindowError(f"{missing} of {self.grid.height} rows were not counted: add them before the table")
        k = len(self.legend.codes)
        valid = math.fsum(self._km2[:k])
        rows = tuple(
            ClassArea(
                code=land.code,
                name=land.name,
                title=land.title,
                pixels=int(self._pixels[i]),
                area_km2=float(self._km2[i]),
                share_percent=100.0 * float(self._km2[i]) / valid if valid else 0.0,
            )
            for i, land in enumerate(self.legend.classes)
        )
        return AreaTable(
            legend_id=self.legend.id,
            legend_version=self.legend.version,
            rows=rows,
            nodata_code=self.nodata,
            nodata_pixels=int(self._pixels[k]),
            nodata_area_km2=float(self._km2[k]),
            method=self._areas.method,
        )

    def _count(self, row_start: int, codes_RW: NDArray[np.uint8] | NDArray[np.int16]) -> Counted:
        """Pixels and km2 per bin of one block of rows."""
        bins = len(self._pixels)
        rows, _ = codes_RW.shape
        table, bits = self._lookup(codes_RW.dtype), f"u{codes_RW.itemsize}"
        # Into the same pages again; and "clip", which never clips here, writes there without an array in between.
        index_RW = table.take(codes_RW.view(bits), out=self._index[:rows], mode="clip")
        areas = self._areas.rows(row_start, row_start + rows)
        return count_rows(index_RW, areas, bins) if areas.ndim == 1 else weigh(index_RW, areas, bins)

    def _lookup(self, dtype: np.dtype[np.uint8] | np.dtype[np.int16]) -> NDArray[np.intp]:
        """Table from the bits of a code, as an unsigned number, to its bin."""
        if dtype.name not in ("uint8", "int16"):
            raise DtypeMismatch(f"class codes are {dtype.name}: expected uint8 or int16")
        table = self._lookups.get(dtype.name)
        if table is None:
            size = 1 << (8 * dtype.itemsize)
            table = np.full(size, len(self._bins), np.intp)
            limits = np.iinfo(dtype)
            for code, index in self._bins.items():
                if limits.min <= code <= limits.max:
                    table[code] = index  # a negative code counts from the end, where its bits are
            self._lookups[dtype.name] = table
        return table


def _check_rows(grid: Grid, row_start: int, row_stop: int) -> None:
    if not 0 <= row_start < row_stop <= grid.height:
        raise WindowError(f"rows {row_start} to {row_stop - 1} are not rows of a grid of {grid.height} rows")


def _unmapped(codes_RW: NDArray[np.uint8] | NDArray[np.int16], known: Mapping[int, int], legend_id: str) -> str:
    codes, counts = np.unique(codes_RW, return_counts=True)
    found = {int(c): int(n) for c, n in zip(codes, counts, strict=True) if int(c) not in known}
    listed = ", ".join(f"{code}: {count} pixels" for code, count in found.items())
    return f"legend {legend_id!r} has no class for these codes ({listed}); apply a crosswalk first"

"""A stack of annual NDVI in files: one band a year in one file, or one file a year, read window by window."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from indicators.productivity.ndvi import NDVI_SCALE, Ndvi, ndvi_stack
from landcover.errors import BandCount, BandMapping, DtypeMismatch, GridMismatch
from landcover.grid import Grid, Window
from landcover.raster.numbers import NumberMap
from landcover.raster.pair import GRID_TOLERANCE
from landcover.raster.protocol import Block
from serving.report.covering import Openers
from serving.report.productivityrequest import ProductivityRequest

_YEAR: Final = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


@dataclass(frozen=True, slots=True)
class AnnualNdvi:
    """Opened annual NDVI. Use as a context manager.

    Attributes:
        maps: the files; each has one year or more, and says itself what is no data in it.
        scale: factor that makes their numbers NDVI x 10000.
        closing: closes the files.
    """

    maps: tuple[NumberMap, ...]
    scale: float
    closing: ExitStack

    @property
    def grid(self) -> Grid:
        """Grid of all years."""
        return self.maps[0].grid

    @property
    def row_bytes(self) -> int:
        """Bytes of one row of all years."""
        scenes = [each.scene for each in self.maps]
        return sum(len(scene.bands) * scene.dtype.itemsize * scene.grid.width for scene in scenes)

    def read(self, window: Window) -> tuple[Block, ...]:
        """The numbers of a window as the files hold them; copies, so that no more than the window is kept.

        Raises:
            RasterTruncated: when pixels are missing or damaged.
        """
        blocks = (each.scene.read(window) for each in self.maps)
        return tuple(Block(block.data.copy(), block.valid.copy()) for block in blocks)

    def annual(self, blocks: Sequence[Block], rows: slice) -> Ndvi:
        """NDVI of some rows of what was read, (year, row, col) int16, NDVI x 10000, -32768 = missing.

        A pixel of a block is valid where any of its years is there, so each year is held against the nodata value of
        its own file, too.

        Raises:
            NdviUnfit: when the numbers are not NDVI under the scale.
        """
        found = [
            ndvi_stack(block.data[:, rows], scale=self.scale, nodata=each.nodata, valid_RC=block.valid[rows])
            for each, block in zip(self.maps, blocks, strict=True)
        ]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def __enter__(self) -> Self:
        """The stack itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the files."""
        self.closing.close()


def open_annual(request: ProductivityRequest, openers: Openers) -> AnnualNdvi:
    """Open the NDVI of a request; only the bands of the years that count are read.

    Raises:
        BandCount: when there are not as many bands or files as years.
        BandMapping: when bands or files are named by other years.
        GridMismatch: when files of years differ in their grid.
        DtypeMismatch: when some files state a scale and others do not.
        DataError: when a file cannot be used.
    """
    with ExitStack() as stack:
        if len(request.ndvi) == 1:
            maps: tuple[NumberMap, ...] = (
                stack.enter_context(openers.stack(request.ndvi[0], request.bands, request.nodata)),
            )
            _check_bands(maps[0], request)
        else:
            _check_files(request)
            maps = tuple(
                stack.enter_context(openers.stack(path, slice(None), request.nodata))
                for path in request.ndvi[request.bands]
            )
            _check_alike(maps)
        scale = request.scale
        if scale is None:
            scale = float(NDVI_SCALE) if maps[0].scaled else 1.0
        return AnnualNdvi(maps, scale, stack.pop_all())


def _check_bands(ndvi: NumberMap, request: ProductivityRequest) -> None:
    """As many bands as years, and none that is named by another year."""
    name, bands = request.ndvi[0].name, ndvi.descriptions
    if len(bands) != len(request.years):
        raise BandCount(
            f"{name!r} has {len(bands)} bands for the {len(request.years)} years {request.years[0]} to "
            f"{request.years[-1]}; expected one band a year, in order"
        )
    _check_names(bands, request.years, f"bands of {name!r}")


def _check_files(request: ProductivityRequest) -> None:
    if len(request.ndvi) != len(request.years):
        raise BandCount(
            f"{len(request.ndvi)} files for the {len(request.years)} years {request.years[0]} to {request.years[-1]}; "
            "expected one file a year, in order, or one file with a band a year"
        )
    _check_names([path.stem for path in request.ndvi], request.years, "files of NDVI")


def _check_names(names: Sequence[str], years: Sequence[int], what: str) -> None:
    """Refuse an order that contradicts names: where each of them holds one year, and not the year of its place."""
    said = [_YEAR.findall(name) for name in names]
    if any(len(found) != 1 for found in said):
        return
    for name, (found,), year in zip(names, said, years, strict=True):
        if int(found) != year:
            raise BandMapping(
                f"{what} are named by their years, and {name!r} stands in the place of {year}; order them by year, or "
                "give the years that they are of"
            )


def _check_alike(maps: Sequence[NumberMap]) -> None:
    first = maps[0]
    for each in maps:
        if len(each.scene.bands) != 1:
            raise BandCount(f"{each.scene.identifier!r} has {len(each.scene.bands)} bands; a file of one year has one")
        if not first.grid.aligned_with(each.grid, tolerance_px=GRID_TOLERANCE):
            raise GridMismatch(
                f"{each.scene.identifier!r} has another grid than {first.scene.identifier!r}: bring all years to one "
                "grid first, for example with gdalwarp -te -ts"
            )
        if each.scaled != first.scaled:
            raise DtypeMismatch(
                f"{each.scene.identifier!r} and {first.scene.identifier!r} differ in whether they state a scale: store "
                "all years alike"
            )

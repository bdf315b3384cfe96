"""Corrections by experts on the pixels of a grid, row by row, and what they change.

A pixel is corrected when its centre lies in the polygon; a polygon too small to hold a centre corrects the pixel that
it lies in (`landcover.raster.area`). Where two corrections of one period meet, the result would depend on their order,
so they are refused. UNCCD PRAIS 4 manual, SO1.md, table SO1-4.T3; codes as in Trends.Earth (LDN facts 4.7).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from indicators.areas import PixelAreas
from indicators.condition.corrections import Correction
from indicators.condition.positions import SIZE, conditions
from indicators.condition.recoding import CorrectionInvalid
from indicators.productivity.positions import Codes, condition_positions
from landcover.errors import AreaInvalid, WindowError
from landcover.grid import Grid, Window
from landcover.raster.area import place_area
from landcover.raster.polygons import Polygon, covered

_SCAN_ROWS = 512

type Shares = Callable[[Window], npt.NDArray[np.float64]]
"""From a window to the share of each of its pixels that counts, 0 to 1."""


class CorrectionsOverlap(CorrectionInvalid):
    """Two corrections of one period correct the same pixels."""

    slug = "corrections-overlap"


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A correction on a grid.

    Attributes:
        correction: the correction.
        polygons: its polygons in columns and rows of the grid.
        window: the pixels that it may touch.
    """

    correction: Correction
    polygons: tuple[Polygon, ...]
    window: Window

    def inside(self, window: Window) -> npt.NDArray[np.bool_]:
        """True for the pixels of a window that are corrected, (row, col)."""
        return covered(self.polygons, window)


def place(corrections: Sequence[Correction], grid: Grid) -> tuple[Placed, ...]:
    """Corrections of one period on a grid.

    Args:
        corrections: those of one period, ``Corrections.of_period``.
        grid: grid of the layer to correct.

    Raises:
        AreaInvalid: when a polygon does not touch the grid, naming it.
        CorrectionsOverlap: when two correct the same pixel, naming both.
    """
    placed = tuple(_place(correction, grid) for correction in corrections)
    for i, one in enumerate(placed):
        for other in placed[i + 1 :]:
            _refuse_overlap(one, other)
    return placed


@dataclass(frozen=True, slots=True, eq=False)
class CorrectionTotal:
    """What one correction changes: mapped area (pixel count).

    Attributes:
        correction: the correction.
        pixels_BA: int64, number of pixels by condition before and after; rows and columns -1, 0, 1, no data.
        km2_BA: float64, their area.
    """

    correction: Correction
    pixels_BA: npt.NDArray[np.int64]
    km2_BA: npt.NDArray[np.float64]

    @property
    def changed_pixels(self) -> int:
        """Pixels with another condition than before."""
        return int(self.pixels_BA.sum() - np.trace(self.pixels_BA))

    @property
    def changed_km2(self) -> float:
        """Their area."""
        return float(self.km2_BA.sum() - np.trace(self.km2_BA))

    @property
    def degraded_km2(self) -> float:
        """Degraded land, km2 more (above 0) or less than before."""
        return float(self.km2_BA[:, 0].sum() - self.km2_BA[0].sum())


class Correcting:
    """Corrects the layer of one period while its rows stream by, and adds up what changes.

    Rows may come in any order; each row once. Memory holds the polygons and one block.

    Args:
        corrections: those of the period, ``Corrections.of_period``.
        grid: grid of the layer.
        within: share of each pixel of a window that counts, float64 (row, col), for example in the zones of a report;
            None = all of it.

    Raises:
        AreaInvalid: when a polygon does not touch the grid, naming it.
        CorrectionsOverlap: when two correct the same pixel, naming both.
        NoCrs: when the grid's CRS has no areas.
    """

    def __init__(self, corrections: Sequence[Correction], grid: Grid, within: Shares | None = None) -> None:
        self._grid, self._within = grid, within
        self._areas = PixelAreas(grid)
        self._placed = place(corrections, grid)
        self._pixels_CBA = np.zeros((len(self._placed), SIZE, SIZE), np.int64)
        self._km2_CBA = np.zeros((len(self._placed), SIZE, SIZE), np.float64)

    def apply(self, row_start: int, codes_RW: Codes) -> npt.NDArray[np.int16]:
        """Correct whole rows.

        Args:
            row_start: first row.
            codes_RW: -1, 0, 1, -32768; shape (rows, width of the grid).

        Returns:
            int16 of the same shape, a copy: -1, 0, 1, -32768.

        Raises:
            WindowError: when the rows do not fit the grid.
            UnmappedCodes: for any other code, with its number of pixels.
        """
        height, width = self._grid.height, self._grid.width
        if codes_RW.shape[1:] != (width,) or not 0 <= row_start <= height - len(codes_RW):
            raise WindowError(
                f"rows of shape {codes_RW.shape} from row {row_start} are none of a grid of {height} x {width}"
            )
        before_RW = condition_positions(codes_RW, owner="the layer to correct")
        after_RW = before_RW.copy()
        for i, placed in enumerate(self._placed):
            part = _common(placed.window, Window(row_start, 0, len(codes_RW), width))
            if part is not None:
                self._correct(i, part, before_RW, after_RW, row_start)
        return conditions(after_RW)

    def totals(self) -> tuple[CorrectionTotal, ...]:
        """What each correction changed in the rows that came, in the order of the corrections."""
        return tuple(
            CorrectionTotal(placed.correction, pixels_BA.copy(), km2_BA.copy())
            for placed, pixels_BA, km2_BA in zip(self._placed, self._pixels_CBA, self._km2_CBA, strict=True)
        )

    def _correct(
        self,
        i: int,
        part: Window,
        before_RW: npt.NDArray[np.uint8],
        after_RW: npt.NDArray[np.uint8],
        row_start: int,
    ) -> None:
        """Correct the pixels of one correction in a part of the rows, and count them."""
        placed = self._placed[i]
        inside = placed.inside(part)
        rows = slice(part.row - row_start, part.row_stop - row_start)
        before = before_RW[rows, part.cols][inside]
        table = condition_positions(np.array(placed.correction.recoding.after, np.int16), owner="a recoding")
        after = table[before]
        after_RW[rows, part.cols][inside] = after
        cells = before.astype(np.intp) * SIZE + after
        weights, counted = self._weights(part, inside)
        shape = (SIZE, SIZE)
        self._pixels_CBA[i] += np.bincount(cells[counted], minlength=SIZE**2).reshape(shape)
        self._km2_CBA[i] += np.bincount(cells, weights=weights, minlength=SIZE**2).reshape(shape)

    def _weights(
        self, part: Window, inside: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Km2 of the corrected pixels, and whether any of each counts."""
        km2 = self._areas.rows(part.row, part.row_stop)
        km2 = np.broadcast_to(km2[:, None], inside.shape) if km2.ndim == 1 else km2[:, part.cols]
        if self._within is None:
            return km2[inside], np.ones(np.count_nonzero(inside), np.bool_)
        share = self._within(part)[inside]
        return km2[inside] * share, share > 0


def _place(correction: Correction, grid: Grid) -> Placed:
    try:
        polygons, window = place_area(correction.area, grid)
    except AreaInvalid as error:
        raise AreaInvalid(f"correction {correction.name} cannot be placed: {error}") from error
    return Placed(correction, polygons, window)


def _refuse_overlap(one: Placed, other: Placed) -> None:
    common = _common(one.window, other.window)
    if common is None:
        return
    pixels = 0
    for row in range(common.row, common.row_stop, _SCAN_ROWS):
        part = Window(row, common.col, min(_SCAN_ROWS, common.row_stop - row), common.width)
        pixels += int(np.count_nonzero(one.inside(part) & other.inside(part)))
    if pixels:
        raise CorrectionsOverlap(
            f"corrections {one.correction.name} and {other.correction.name} overlap in {pixels} pixels of one period; "
            "draw them apart, or make one of them"
        )


def _common(one: Window, other: Window) -> Window | None:
    """The pixels of both windows."""
    row, col = max(one.row, other.row), max(one.col, other.col)
    row_stop, col_stop = min(one.row_stop, other.row_stop), min(one.col_stop, other.col_stop)
    return Window(row, col, row_stop - row, col_stop - col) if row < row_stop and col < col_stop else None

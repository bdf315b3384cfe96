"""Two passes over annual NDVI: the percentiles of units, then trend, state, performance and productivity dynamics.

Rows are read ahead in a thread, computed by several threads, and written. Memory has no part in the height of the
raster; it holds one strip of blocks of the NDVI file (320 MiB at most) and a few windows of some rows.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from indicators.areas import PixelAreas
from indicators.codes import NODATA
from indicators.cover.joint_areas import JointAreas, Positions
from indicators.joint import PRODUCTIVITY, JointTable, condition_axis, lpd_axis
from indicators.productivity.lpd import LpdTable
from indicators.productivity.positions import CONDITION_CODES, LPD_CODES, decoded
from indicators.productivity.unit_percentiles import UnitHistogram, UnitPercentiles
from indicators.productivity.units import Units, unit_codes
from indicators.zones.placed import ZonePart, ZonesOnGrid
from landcover.errors import NoValidData
from landcover.grid import Grid, Window
from landcover.processors import available_processors
from landcover.raster.categorical import CodeMap
from landcover.raster.protocol import AnyArray, Block
from serving.prefetch import prefetch
from serving.report.annualndvi import AnnualNdvi
from serving.report.productivitymethods import NdviMethods, ndvi_layers
from serving.report.productivityunits import UnitCovers
from serving.report.streaming import Progress

TREND: Final = "trend"
STATE: Final = "state"
PERFORMANCE: Final = "performance"
LPD: Final = "lpd"
TRAJECTORY: Final = "trajectory"

_WINDOW_BYTES: Final = 48 * 2**20
"""Most NDVI of a window; two or three windows are held."""

_WINDOW_ROWS: Final = 256
"""Most rows of a window; powers of two fit into the blocks of most files."""

_PIECE: Final = 1 << 16
"""Pixels that a thread works on at once; what is computed of them takes some hundred bytes a pixel."""

_MOST_THREADS: Final = 8

type Write = Callable[[int, str, AnyArray], None]
"""Takes the first row, the name of a raster and its rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What the passes go over.

    Attributes:
        ndvi: annual NDVI.
        soil: soil codes on ``grid``.
        cover: land cover on ``grid``.
        covers: what makes numbers of its codes.
        grid: the part of the NDVI's grid that is computed.
        place: where that lies on the NDVI's grid.
        zones: areas on ``grid``; None = all of it.
        methods: of trend, state and performance.
        table: how trend, state and performance combine.
    """

    ndvi: AnnualNdvi
    soil: CodeMap
    cover: CodeMap
    covers: UnitCovers
    grid: Grid
    place: Window
    zones: ZonesOnGrid | None
    methods: NdviMethods
    table: LpdTable


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows as they were read."""

    window: Window
    ndvi: tuple[Block, ...]
    soil: Block
    cover: Block


def count_percentiles(grounds: Grounds, extent: str, tick: Callable[[], None]) -> UnitPercentiles:
    """First pass: the percentile of each unit within the areas.

    Args:
        grounds: what to go over.
        extent: what the areas are, one phrase for people.
        tick: called after every window.

    Raises:
        NoValidData: when no pixel of the areas has NDVI of all years, a soil and a land cover.
        NdviUnfit: when the NDVI cannot be used.
        TooManyUnits: when the soils are not a layer of classes.
        DataError: when a file cannot be read.
    """
    histogram = UnitHistogram(grounds.methods.performance)
    with _pool() as pool, closing(prefetch(_read(grounds), depth=1)) as blocks:
        for rows in blocks:
            parts = _parts(grounds, rows.window)
            inside = np.ones(rows.soil.valid.shape, np.bool_) if parts is None else _inside(parts, rows.window)
            for piece, annual, units in pool.map(_prepare(grounds, rows), _pieces(rows.window)):
                histogram.add(annual, units, within_RC=inside[piece])
            tick()
    found = histogram.percentiles(extent)
    if not found.units.size:
        raise NoValidData(
            "no pixel of the areas has NDVI of all years, a soil and a land cover: performance compares pixels of one "
            "soil and land cover; check that the rasters lie on one place and what means no data in them"
        )
    return found


def compute(
    grounds: Grounds, percentiles: UnitPercentiles, write: Write, tick: Callable[[], None]
) -> tuple[JointTable, ...]:
    """Second pass: the layers.

    Args:
        grounds: what to go over.
        percentiles: of the first pass.
        write: takes the rows of every raster, from top to bottom.
        tick: called after every window.

    Returns:
        for each area pixels and km2 by productivity dynamics and productivity in three classes.

    Raises:
        DataError: when a file cannot be read.
        OutputNotWritable: when a raster cannot be written.
    """
    zones = 1 if grounds.zones is None else len(grounds.zones.zones.zones)
    joint = JointAreas((lpd_axis(), condition_axis(PRODUCTIVITY)), PixelAreas(grounds.grid), zones=zones)
    with _pool() as pool, closing(prefetch(_read(grounds), depth=1)) as blocks:
        for rows in blocks:
            layers = _Layers.empty(rows.window)
            job = _computing(grounds, percentiles, rows, layers)
            list(pool.map(job, _pieces(rows.window)))
            parts = _parts(grounds, rows.window)
            if parts is not None:
                layers.blank(~_inside(parts, rows.window))
            for name, values in layers.rasters.items():
                write(rows.window.row, name, values)
            joint.add(rows.window.row, (layers.lpd, layers.productivity), parts)
            tick()
    return joint.tables()


def windows(grounds: Grounds) -> list[Window]:
    """Windows of whole rows of the grid, as many rows as fit into the memory of a window."""
    step = _WINDOW_ROWS
    while step > 1 and step * grounds.ndvi.row_bytes > _WINDOW_BYTES:
        step //= 2
    return [
        Window(row, 0, min(step, grounds.grid.height - row), grounds.grid.width)
        for row in range(0, grounds.grid.height, step)
    ]


def ticking(progress: Progress | None, total: int) -> Callable[[], None]:
    """Tells progress, one step a call."""
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    return tick


def _pool() -> ThreadPoolExecutor:
    """Threads for pieces of a window."""
    return ThreadPoolExecutor(min(_MOST_THREADS, available_processors()), thread_name_prefix="steppe-ndvi")


def _read(grounds: Grounds) -> Generator[_Rows]:
    for window in windows(grounds):
        place = Window(grounds.place.row + window.row, grounds.place.col, window.height, window.width)
        yield _Rows(window, grounds.ndvi.read(place), grounds.soil.scene.read(window), grounds.cover.scene.read(window))


def _pieces(window: Window) -> list[slice]:
    step = max(1, _PIECE // window.width)
    return [slice(row, min(row + step, window.height)) for row in range(0, window.height, step)]


def _prepare(grounds: Grounds, rows: _Rows) -> Callable[[slice], tuple[slice, npt.NDArray[np.int16], Units]]:
    """Makes NDVI and units of a piece."""

    def job(piece: slice) -> tuple[slice, npt.NDArray[np.int16], Units]:
        soil, cover = (Block(block.data[:, piece], block.valid[piece]) for block in (rows.soil, rows.cover))
        units = unit_codes(np.where(soil.valid, soil.data[0], 0), grounds.covers.of(cover))
        return piece, grounds.ndvi.annual(rows.ndvi, piece), units

    return job


@dataclass(frozen=True, slots=True, eq=False)
class _Layers:
    """Layers of a window; arrays are filled piece by piece."""

    three: npt.NDArray[np.uint8]  # trend, state and performance, positions (3, row, col)
    lpd: Positions
    productivity: Positions
    trajectory: npt.NDArray[np.float32]  # slope and significance (2, row, col)

    @classmethod
    def empty(cls, window: Window) -> _Layers:
        shape = window.height, window.width
        return cls(
            np.empty((3, *shape), np.uint8),
            np.empty(shape, np.uint8),
            np.empty(shape, np.uint8),
            np.empty((2, *shape), np.float32),
        )

    def blank(self, outside_RC: npt.NDArray[np.bool_]) -> None:
        """Take pixels out that lie in no area; what is counted of them has no area either."""
        self.three[:, outside_RC] = len(CONDITION_CODES) - 1
        self.lpd[outside_RC] = len(LPD_CODES) - 1
        self.trajectory[:, outside_RC] = NODATA

    @property
    def rasters(self) -> dict[str, AnyArray]:
        """Rows of every raster."""
        trend, state, performance = decoded(self.three, CONDITION_CODES)
        return {
            TREND: trend,
            STATE: state,
            PERFORMANCE: performance,
            LPD: decoded(self.lpd, LPD_CODES),
            TRAJECTORY: self.trajectory,
        }


def _computing(grounds: Grounds, percentiles: UnitPercentiles, rows: _Rows, layers: _Layers) -> Callable[[slice], None]:
    """Computes a piece into the layers of its window."""
    prepare = _prepare(grounds, rows)

    def job(piece: slice) -> None:
        _, annual, units = prepare(piece)
        found = ndvi_layers(grounds.methods, annual, units, percentiles)
        three = found.positions
        layers.three[:, piece] = three
        layers.lpd[piece], layers.productivity[piece] = grounds.table.positions(*three)
        significance, slope = found.trajectory.significance, found.trajectory.slope
        layers.trajectory[0, piece] = np.where(significance == NODATA, NODATA, slope)
        layers.trajectory[1, piece] = significance

    return job


def _parts(grounds: Grounds, window: Window) -> list[ZonePart] | None:
    return None if grounds.zones is None else list(grounds.zones.parts(window))


def _inside(parts: Sequence[ZonePart], window: Window) -> npt.NDArray[np.bool_]:
    """Pixels that an area has any of."""
    inside = np.zeros((window.height, window.width), np.bool_)
    for part in parts:
        rows = slice(part.window.row - window.row, part.window.row_stop - window.row)
        inside[rows, part.window.cols] |= True if part.share is None else part.share > 0
    return inside

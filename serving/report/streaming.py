"""The pass over the maps: rows are read, counted and written at the same time, in memory that has no part in height.

Three stages overlap: a thread reads (and the maps decode with threads of their own), the caller's thread recodes and
counts, a thread writes. What a report needs beside land cover takes part as an `Extension` of each block of rows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from indicators.areas import PixelAreas
from indicators.cover.account import CoverAccount, CoverRows, MapCodes
from indicators.cover.joint_areas import JointAreas, Positions, ZonePart
from indicators.joint import Axis, JointTable
from indicators.soilcarbon.zone_stocks import ZoneStocks
from landcover.errors import NoValidData
from landcover.grid import Grid, Window
from landcover.raster.cog import MapWriter
from landcover.raster.protocol import AnyArray, Block
from serving.prefetch import prefetch
from serving.report.pairing import Pairing
from serving.report.rasters import DEGRADATION, TRANSITIONS, ReportRaster, writer_of

BLOCK_ROWS: Final = 512
"""Rows of a block: those of a tile of most maps, and of the maps that are written."""

BLOCK_PIXELS: Final = 1 << 25
"""Most pixels of a block; wider maps have lower blocks."""

AHEAD: Final = 1
"""Blocks that may be read ahead, and blocks that may wait for being written."""


@dataclass(frozen=True, slots=True)
class AccountRows:
    """A block of rows on its way.

    Attributes:
        row_start: its first row on the grid.
        cover: what the land-cover maps say.
        layers: the pixels of further maps of codes, by name, one band each.
    """

    row_start: int
    cover: CoverRows
    layers: Mapping[str, Block]


@dataclass(frozen=True, slots=True)
class Extension:
    """What a report adds to a block of rows.

    Attributes:
        positions: for each further axis the positions of the pixels, uint8 (rows, cols).
        maps: rows of further rasters, by name.
        stocks: soil carbon of the initial and the final year, t/ha (rows, cols), NaN = missing; None without.
    """

    positions: Sequence[Positions] = ()
    maps: Mapping[str, AnyArray] = field(default_factory=dict)
    stocks: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]] | None = None


class Extend(Protocol):
    """Makes the extension of every block, from top to bottom."""

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The further axes."""

    def of(self, rows: AccountRows, /) -> Extension:
        """The extension of some rows."""


class Zones(Protocol):
    """The areas that each get a table."""

    def parts(self, window: Window, /) -> Iterable[ZonePart]:
        """Where the zones lie in some rows of the grid, see ``indicators.zones``."""


class _Plain:
    """Land cover alone."""

    axes: tuple[Axis, ...] = ()

    def of(self, _rows: AccountRows, /) -> Extension:
        return Extension()


type Progress = Callable[[int, int], None]
"""Called with (blocks of rows done, blocks in all)."""

type Regions = Callable[[int, int], Positions]
"""From the first row and the row after the last to the pixels' region, uint8 (rows, cols)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPlan:
    """What to make of a pairing.

    Attributes:
        account: crosswalks and matrices of the first and the last map of the pairing.
        zones: the areas that each get a table; None = one table of the whole grid.
        zone_count: their number.
        regions: which matrix holds where; needed with several matrices.
        extend: what a report adds to the account.
        rasters: what to write, by name: ``degradation``, ``transitions``, and names of ``Extension.maps``. They appear
            one after the other when all rows are done; who wants all or none gives staged paths.
        stocks: adds up the stocks of soil carbon that the extension gives, for as many zones.
    """

    account: CoverAccount
    zones: Zones | None = None
    zone_count: int = 1
    regions: Regions | None = None
    extend: Extend = field(default_factory=_Plain)
    rasters: Mapping[str, ReportRaster] = MappingProxyType({})
    stocks: ZoneStocks | None = None


def run_account(pairing: Pairing, plan: AccountPlan, *, progress: Progress | None = None) -> tuple[JointTable, ...]:
    """Pass over the maps once.

    Args:
        pairing: the maps, the initial one first and the final one last.
        plan: what to make of them.
        progress: told after every block of rows; whatever it raises ends the pass.

    Returns:
        a table for each zone, over the axes of the account and those of the extension.

    Raises:
        UnmappedCodes: when a map has codes that its crosswalk does not have, with the pixels of each in the whole map.
        NoValidData: when no pixel of any zone has a class in both maps.
        DataError: when a map cannot be read.
        OutputNotWritable: when a raster cannot be written.
        DiskFull: when there is no space.
    """
    axes = (*plan.account.axes, *plan.extend.axes)
    joint = JointAreas(axes, PixelAreas(pairing.grid), zones=plan.zone_count)
    with ExitStack() as stack:
        writers = {name: stack.enter_context(writer_of(each, pairing.grid)) for name, each in plan.rasters.items()}
        behind = stack.enter_context(_Behind(writers))
        blocks = stack.enter_context(closing(prefetch(_read(pairing), depth=AHEAD)))
        total = -(-pairing.grid.height // block_rows(pairing.grid))
        for done, block in enumerate(blocks, start=1):
            rows = _cover(block, plan)
            if rows is not None:
                _count(rows, plan, joint, behind)
            if progress is not None:
                progress(done, total)
        plan.account.refuse_strangers()
        tables = joint.tables()
        _refuse_empty(tables, plan.account)
        behind.wait()
    return tables


def block_rows(grid: Grid) -> int:
    """Rows of a block."""
    rows = BLOCK_ROWS
    while rows > 1 and rows * grid.width > BLOCK_PIXELS:
        rows //= 2
    return rows


@dataclass(frozen=True, slots=True)
class _Read:
    """Rows as they were read: the initial and the final map, and layers."""

    row_start: int
    maps: tuple[MapCodes, MapCodes]
    layers: Mapping[str, Block]


def _read(pairing: Pairing) -> Iterator[_Read]:
    grid, step = pairing.grid, block_rows(pairing.grid)
    for row in range(0, grid.height, step):
        window = Window(row, 0, min(step, grid.height - row), grid.width)
        initial, final = (_codes(pairing, index, window) for index in (0, -1))
        yield _Read(row, (initial, final), {name: map_.scene.read(window) for name, map_ in pairing.layers.items()})


def _codes(pairing: Pairing, index: int, window: Window) -> MapCodes:
    codes = pairing.maps[index]
    block = codes.scene.read(window)
    return MapCodes(codes=block.data[0], valid=block.valid if codes.nodata is None else None)


def _cover(block: _Read, plan: AccountPlan) -> AccountRows | None:
    """What the maps say; None when codes without a class came."""
    initial, final = block.maps
    row_stop = block.row_start + len(initial.codes)
    region = None if plan.regions is None else plan.regions(block.row_start, row_stop)
    cover = plan.account.rows(initial, final, region=region)
    return None if cover is None else AccountRows(block.row_start, cover, block.layers)


def _count(rows: AccountRows, plan: AccountPlan, joint: JointAreas, behind: _Behind) -> None:
    more = plan.extend.of(rows)
    maps: dict[str, AnyArray] = {DEGRADATION: rows.cover.degradation, **more.maps}
    if TRANSITIONS in plan.rasters:
        maps[TRANSITIONS] = plan.account.map_codes(rows.cover)
    window = Window(rows.row_start, 0, *rows.cover.initial.shape)
    parts = None if plan.zones is None else list(plan.zones.parts(window))
    behind.write(rows.row_start, maps if parts is None else _within(parts, window, maps, plan.rasters))
    joint.add(rows.row_start, (*rows.cover.positions, *more.positions), parts)
    if plan.stocks is not None and more.stocks is not None:
        covers = rows.cover.initial, rows.cover.final
        plan.stocks.add(rows.row_start, list(zip(covers, more.stocks, strict=True)), parts)


def _within(
    parts: Iterable[ZonePart], window: Window, maps: Mapping[str, AnyArray], rasters: Mapping[str, ReportRaster]
) -> Mapping[str, AnyArray]:
    """Rows of the rasters with no data in pixels that no zone has any of."""
    outside = np.ones((window.height, window.width), np.bool_)
    for part in parts:
        rows = slice(part.window.row - window.row, part.window.row_stop - window.row)
        outside[rows, part.window.cols] &= False if part.share is None else part.share == 0
    if not outside.any():
        return maps
    return {name: np.where(outside, rasters[name].nodata, maps[name]).astype(maps[name].dtype) for name in rasters}


def _refuse_empty(tables: Sequence[JointTable], account: CoverAccount) -> None:
    first, second = (axis.name for axis in account.axes[:2])
    if not any(table.over((first, second)).pixels[:-1, :-1].any() for table in tables):
        raise NoValidData("no pixel of the areas has a class in both maps: nothing to report; check areas and maps")


class _Behind:
    """Writes rows in a thread while the next ones are counted; an error is raised at the next call.

    Args:
        writers: the maps, by name; others are passed over.
    """

    def __init__(self, writers: Mapping[str, MapWriter]) -> None:
        self._writers = writers
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="steppe-write")
        self._pending: deque[Future[None]] = deque()

    def write(self, row_start: int, maps: Mapping[str, AnyArray]) -> None:
        """Write some rows soon; waits while too many are waiting."""
        wanted = {name: maps[name] for name in self._writers}
        self._pending.append(self._pool.submit(self._write, row_start, wanted))
        while len(self._pending) > AHEAD:
            self._pending.popleft().result()

    def wait(self) -> None:
        """Return when everything is written."""
        while self._pending:
            self._pending.popleft().result()

    def _write(self, row_start: int, maps: Mapping[str, AnyArray]) -> None:
        for name, values in maps.items():
            self._writers[name].write_rows(row_start, np.ascontiguousarray(values))

    def __enter__(self) -> _Behind:
        return self

    def __exit__(self, *_error: object) -> None:
        self._pool.shutdown(cancel_futures=True)

"""The pass of a comparison: the rasters of both reports on one grid, counted together, and where they disagree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.areas import PixelAreas
from indicators.codes import NODATA
from indicators.comparison.factors import FIRST, LAYERS, SECOND, axis_of
from indicators.cover.joint_areas import JointAreas, Positions, WholePart, ZonePart
from indicators.joint import FINAL, INITIAL, PRODUCTIVITY, SOC, Axis, JointTable, condition_axis, cover_axis
from indicators.productivity.positions import condition_positions
from landcover.errors import NoValidData
from landcover.grid import Grid, Window
from landcover.legends import get_legend
from landcover.lookup import build_table, look_up
from landcover.raster.cog import MapWriter
from landcover.raster.protocol import Block
from serving.prefetch import prefetch
from serving.report.comparingfolder import ReadReport
from serving.report.covering import Openers
from serving.report.page.disagreement import CONDITION_DIGITS, WATER_DIGIT
from serving.report.pairing import Pairing, pair_maps
from serving.report.rasters import ReportRaster, writer_of
from serving.report.request import REPORT_LEGEND
from serving.report.streaming import AHEAD, Progress, block_rows

_FACTOR: Final = 10
"""Of the initial class in map codes of UNCCD-7."""

type Names = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compared:
    """What the pass has found.

    Attributes:
        grid: the grid of both.
        joint: mapped area (pixel count) by the codes of both reports, of the pixels that are compared.
        indicator: whether the indicator is compared, or land cover alone.
        resampled: rasters that were brought to other pixels, for example ``b transitions``.
    """

    grid: Grid
    joint: JointTable
    indicator: bool
    resampled: Names


@dataclass(frozen=True, slots=True)
class _Some:
    """The pixels of some rows that count."""

    window: Window
    share: npt.NDArray[np.float32]
    zone: int = 0


class Verdicts:
    """The condition that each report gives a pixel, as a digit of the codes of ``serving.report.page.disagreement``.

    Args:
        report: whose rules hold.
        indicator: whether the indicator is told, or land cover alone.
    """

    def __init__(self, report: ReadReport, *, indicator: bool) -> None:
        legend = get_legend(REPORT_LEGEND)
        size = len(legend) + 1
        codes_KK = np.full((size, size), NODATA, np.int16)
        codes_KK[:-1, :-1] = report.matrix.signs
        self._cover = condition_positions(codes_KK, owner="the transition matrix")
        policy = report.grounds.policy
        self._combine = policy.table() if indicator and policy is not None else None
        self._water = np.zeros(size, np.bool_)
        self._water[[legend.index_of(code) for code in report.account.water]] = indicator

    def of(self, positions: Mapping[str, Positions]) -> npt.NDArray[np.int16]:
        """Digits of the conditions of some pixels.

        Args:
            positions: by layer, on its axis.
        """
        found = self._cover[positions[INITIAL], positions[FINAL]]
        if self._combine is not None:
            found = self._combine[positions[PRODUCTIVITY], found, positions[SOC]]
        digits = np.array(CONDITION_DIGITS, np.int16)[found]
        return np.where(self._water[positions[INITIAL]], np.int16(WATER_DIGIT), digits)


def pass_over_both(
    first: ReadReport,
    second: ReadReport,
    raster: ReportRaster,
    *,
    openers: Openers,
    progress: Progress | None = None,
) -> Compared:
    """Go over the rasters of two reports once.

    Where both reports are of the same areas, pixels are compared of which at least one has land cover of both years;
    of other areas those of which both have: what has no data there may lie outside.

    Args:
        first: report ``a``.
        second: report ``b``.
        raster: the raster of disagreement to write.
        openers: who opens rasters.
        progress: told after every block of rows.

    Raises:
        GridMismatch: when they have no place in common.
        NoValidData: when no pixel can be compared.
        DataError: when a raster cannot be read, or has codes that no report has.
    """
    with ExitStack() as stack:
        reports = {FIRST: first, SECOND: second}
        layers = tuple(name for name in (PRODUCTIVITY, SOC) if all(name in each.layers for each in reports.values()))
        maps = [stack.enter_context(openers.codes(each.transitions)) for each in reports.values()]
        beside = {
            axis_of(account, name): stack.enter_context(openers.codes(each.layers[name]))
            for account, each in reports.items()
            for name in layers
        }
        pairing = pair_maps(maps, beside)
        indicator = len(layers) == len((PRODUCTIVITY, SOC))
        counting = _Counting(
            axes=_axes(layers),
            verdicts={account: Verdicts(each, indicator=indicator) for account, each in reports.items()},
            every=first.grounds.areas == second.grounds.areas,
        )
        joint = JointAreas(counting.axes, PixelAreas(pairing.grid))
        writer = stack.enter_context(writer_of(raster, pairing.grid))
        _run(pairing, counting, joint, writer, progress)
        (table,) = joint.tables()
    names = {"0": f"{FIRST} transitions", "1": f"{SECOND} transitions"}
    return Compared(
        grid=pairing.grid,
        joint=table,
        indicator=indicator,
        resampled=tuple(names.get(name, name.replace("_", " ")) for name in pairing.resampled),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counting:
    """How rows are counted: the axes, the rules of both, and whether land counts that only one tells of."""

    axes: tuple[Axis, ...]
    verdicts: Mapping[str, Verdicts]
    every: bool

    def counted(self, positions: Mapping[str, Positions]) -> npt.NDArray[np.bool_]:
        missing = len(get_legend(REPORT_LEGEND))
        first, second = (positions[axis_of(account, INITIAL)] != missing for account in (FIRST, SECOND))
        found: npt.NDArray[np.bool_] = first | second if self.every else first & second
        return found

    def codes(self, positions: Mapping[str, Positions]) -> npt.NDArray[np.int16]:
        first, second = (
            self.verdicts[account].of(
                {name: positions[axis_of(account, name)] for name in LAYERS if axis_of(account, name) in positions}
            )
            for account in (FIRST, SECOND)
        )
        return first * np.int16(_FACTOR) + second


def _run(
    pairing: Pairing, counting: _Counting, joint: JointAreas, writer: MapWriter, progress: Progress | None
) -> None:
    step, any_counted = block_rows(pairing.grid), False
    total = -(-pairing.grid.height // step)
    with closing(prefetch(_read(pairing, step), depth=AHEAD)) as blocks:
        for done, (window, positions) in enumerate(blocks, start=1):
            inside = counting.counted(positions)
            codes = np.where(inside, counting.codes(positions), np.int16(NODATA))
            joint.add(window.row, [positions[axis.name] for axis in counting.axes], _parts(window, inside))
            writer.write_rows(window.row, np.ascontiguousarray(codes))
            any_counted = any_counted or bool(inside.any())
            if progress is not None:
                progress(done, total)
    if not any_counted:
        raise NoValidData("no pixel has land cover in both reports: nothing to compare; check their areas and maps")


def _parts(window: Window, inside: npt.NDArray[np.bool_]) -> Sequence[ZonePart]:
    if inside.all():
        return [WholePart(0, window)]
    return [_Some(window, inside.astype(np.float32))] if inside.any() else []


def _read(pairing: Pairing, step: int) -> Iterator[tuple[Window, Mapping[str, Positions]]]:
    grid = pairing.grid
    for row in range(0, grid.height, step):
        window = Window(row, 0, min(step, grid.height - row), grid.width)
        found: dict[str, Positions] = {}
        for account, map_ in zip((FIRST, SECOND), pairing.maps, strict=True):
            initial, final = _classes(map_.scene.read(window))
            found |= {axis_of(account, INITIAL): initial, axis_of(account, FINAL): final}
        for name, layer in pairing.layers.items():
            found[name] = condition_positions(_codes(layer.scene.read(window)), owner=f"the raster {name}")
        yield window, found


def _codes(block: Block) -> npt.NDArray[Any]:
    return np.where(block.valid, block.data[0], NODATA)


def _classes(block: Block) -> tuple[Positions, Positions]:
    """Positions of both classes from a raster of transitions."""
    codes, (initial, final) = _codes(block), _class_tables()
    owner = "a raster of transitions"
    return look_up(initial, codes, owner=owner), look_up(final, codes, owner=owner)


@lru_cache(maxsize=1)
def _class_tables() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Positions of the initial and of the final class by map code (LDN facts 2.2)."""
    places = {code: place for place, code in enumerate(get_legend(REPORT_LEGEND).codes)}
    missing = (NODATA, len(places))
    pairs = {(a if a == b else _FACTOR * a + b): (places[a], places[b]) for a, b in product(places, places)}
    first, second = ([(code, pair[end]) for code, pair in pairs.items()] for end in (0, 1))
    return build_table([*first, missing]), build_table([*second, missing])


def _axes(layers: Sequence[str]) -> tuple[Axis, ...]:
    legend = get_legend(REPORT_LEGEND)
    covers = (cover_axis(axis_of(account, year), legend) for year in (INITIAL, FINAL) for account in (FIRST, SECOND))
    more = (condition_axis(axis_of(account, name)) for name in layers for account in (FIRST, SECOND))
    return (*covers, *more)

"""Blocks of the layers of a report as positions on the axes of a joint table.

Layers come as `Block`s on the grid of the land-cover maps, by the names of ``layers``; where a block is not valid there
is no data, whatever its pixels hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.codes import CONDITIONS, NODATA
from indicators.productivity.imported import lpd_positions
from indicators.productivity.ndvi import Ndvi, NdviUnfit, ndvi_stack
from indicators.productivity.performance import performance
from indicators.productivity.positions import LPD_CODES, Codes, Positions, check_alike, condition_positions
from indicators.productivity.recodes import state_positions, trajectory_positions
from indicators.productivity.state import state
from indicators.productivity.trajectory import Trajectory, trajectory
from indicators.productivity.unit_percentiles import UnitHistogram, UnitPercentiles
from indicators.productivity.units import Units, unit_codes
from indicators.soilcarbon.change import CarbonRule, condition_of_percent, percent_change
from indicators.soilcarbon.covers import CLASSES, NO_COVER
from indicators.soilcarbon.factors import zone_positions
from indicators.soilcarbon.two_maps import two_map_ratios
from landcover.errors import DtypeMismatch, WrongUse
from landcover.raster.protocol import Block
from serving.report import layers as names
from serving.report.layers import (
    LpdLayer,
    NdviStack,
    ProductivityInputs,
    ReferenceStock,
    SocConditionLayer,
    SoilCarbonInputs,
    SubIndicatorLayers,
)

type Blocks = Mapping[str, Block]

_NO_LPD: Final = len(LPD_CODES) - 1
_NO_CONDITION: Final = len(CONDITIONS)
_WATER: Final = CLASSES - 1  # position of class 7

_PIECE: Final = 1 << 18  # pixels whose annual NDVI is worked on at once


@dataclass(frozen=True, slots=True, eq=False)
class ProductivityPositions:
    """Positions of a block, for the axes of ``ProductivityInputs.axes``, in that order.

    Attributes:
        lpd: uint8 (row, col): LPD 1 to 5 at 0 to 4, no data at 5.
        productivity: uint8 (row, col): -1, 0, 1 at 0 to 2, no data at 3.
    """

    lpd: Positions
    productivity: Positions


@dataclass(frozen=True, slots=True, eq=False)
class CarbonPositions:
    """Positions of a block, and the stocks they come from.

    Attributes:
        soc: uint8 (row, col): -1, 0, 1 at 0 to 2, no data at 3.
        stocks: float32 (row, col) of the initial and the final year, t/ha, NaN = missing; only where a stock was
            followed.
    """

    soc: Positions
    stocks: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]] | None = None


def productivity_positions(
    inputs: ProductivityInputs,
    blocks: Blocks,
    *,
    cover_RC: Codes | None = None,
    percentiles: UnitPercentiles | None = None,
) -> ProductivityPositions:
    """Positions of land productivity.

    Args:
        inputs: where it comes from.
        blocks: of each of ``inputs.rasters``; annual NDVI with its years as bands.
        cover_RC: (row, col), land-cover codes of any legend, for the units of performance; with annual NDVI.
        percentiles: of the first pass; with annual NDVI.

    Raises:
        WrongUse: without land cover or percentiles where they are needed, or without a block.
        GridMismatch: when the shapes differ.
        DtypeMismatch: when a layer of classes is not of an integer type.
        UnmappedCodes: with codes that mean nothing and their pixel counts.
        NdviUnfit: when annual NDVI cannot be used.
    """
    match inputs.given:
        case LpdLayer(_, source):
            lpd = _looked_up(blocks, names.LPD_LAYER, lambda codes: lpd_positions(codes, source), _NO_LPD)
            return ProductivityPositions(lpd, inputs.table.three_of_lpd(lpd))
        case SubIndicatorLayers(raw=raw):
            three = _sub_indicators(blocks, raw=raw)
        case NdviStack() as stack:
            three = _of_ndvi(stack, blocks, cover_RC, percentiles)
    return ProductivityPositions(*inputs.table.positions(*three))


def count_units(
    histogram: UnitHistogram,
    stack: NdviStack,
    blocks: Blocks,
    *,
    cover_RC: Codes,
    within_RC: npt.NDArray[np.bool_] | None = None,
) -> None:
    """First pass over annual NDVI: count a block for the percentiles of performance.

    Args:
        histogram: what counts; made with ``stack.performance``.
        stack: what was given.
        blocks: ``ndvi`` and ``soil``.
        cover_RC: (row, col), land-cover codes of any legend, the same in both passes.
        within_RC: (row, col), True = in the areas of the report.

    Raises:
        SteppeError: as ``productivity_positions``.
        TooManyUnits: when the soils are not a layer of classes.
    """
    within = np.ones(cover_RC.shape, np.bool_) if within_RC is None else within_RC
    for rows, part, cover in _pieces(blocks, cover_RC):
        histogram.add(_annual(stack, part), _units(part, cover), within_RC=within[rows])


def carbon_positions(
    inputs: SoilCarbonInputs, blocks: Blocks, *, initial: Positions, final: Positions
) -> CarbonPositions:
    """Positions of soil carbon; water in the initial year is no data (LDN facts 4.2 and 4.3).

    Args:
        inputs: where it comes from.
        blocks: of each of ``inputs.rasters``.
        initial: (row, col) uint8, positions of the initial land cover in UNCCD-7: 0 to 6, and 7 for no data.
        final: the same of the final land cover.

    Raises:
        WrongUse: without a block.
        GridMismatch: when the shapes differ.
        DtypeMismatch: when a layer is not of numbers, or of classes not of integers.
        UnmappedCodes: with codes that mean nothing and their pixel counts.
    """
    if isinstance(inputs.given, ReferenceStock):
        return _followed(inputs.given, inputs.rule, blocks, initial, final)
    water = initial == _WATER
    if isinstance(inputs.given, SocConditionLayer):
        soc = _looked_up(blocks, names.SOC_CONDITION_LAYER, _condition("soil carbon"), _NO_CONDITION)
        check_alike(land_cover=initial, soil_carbon=soc)
        return CarbonPositions(np.where(water, np.uint8(_NO_CONDITION), soc))
    block = _block(blocks, names.SOC_PERCENT_LAYER)
    check_alike(land_cover=initial, soil_carbon=block.valid)
    codes = condition_of_percent(block.data[0], water=water | ~block.valid, rule=inputs.rule)
    return CarbonPositions(_positions(codes))


def _sub_indicators(blocks: Blocks, *, raw: bool) -> tuple[Positions, Positions, Positions]:
    trend = trajectory_positions if raw else _condition("trend")
    of_state = state_positions if raw else _condition("state")
    return (
        _looked_up(blocks, names.TREND_LAYER, trend, _NO_CONDITION),
        _looked_up(blocks, names.STATE_LAYER, of_state, _NO_CONDITION),
        _looked_up(blocks, names.PERFORMANCE_LAYER, _condition("performance"), _NO_CONDITION),
    )


def _of_ndvi(
    stack: NdviStack, blocks: Blocks, cover_RC: Codes | None, percentiles: UnitPercentiles | None
) -> tuple[Positions, Positions, Positions]:
    if cover_RC is None or percentiles is None:
        raise WrongUse("productivity of annual NDVI needs land cover and the percentiles of a first pass")
    if percentiles.method != stack.performance:
        raise WrongUse(
            f"percentiles were counted by {percentiles.method.identity}, performance is asked for by "
            f"{stack.performance.identity}; count with the same method"
        )
    found = np.empty((3, *cover_RC.shape), np.uint8)
    for rows, part, cover in _pieces(blocks, cover_RC):
        layers = ndvi_layers(stack, _annual(stack, part), _units(part, cover), percentiles)
        found[0, rows], found[1, rows], found[2, rows] = layers.positions
    return found[0], found[1], found[2]


@dataclass(frozen=True, slots=True, eq=False)
class NdviLayers:
    """What annual NDVI says of some pixels.

    Attributes:
        trajectory: slope, significance and trend.
        state: int16 (row, col): -1, 0, 1, -32768.
        performance: int16 (row, col): -1, 0, -32768.
    """

    trajectory: Trajectory
    state: npt.NDArray[np.int16]
    performance: npt.NDArray[np.int16]

    @property
    def positions(self) -> tuple[Positions, Positions, Positions]:
        """Trend, state and performance in positions of a condition axis."""
        return _positions(self.trajectory.trend), _positions(self.state), _positions(self.performance)


def ndvi_layers(stack: NdviStack, annual_YRC: Ndvi, units_RC: Units, percentiles: UnitPercentiles) -> NdviLayers:
    """Trend, state and performance of a few rows; takes some hundred bytes a pixel.

    Args:
        stack: the methods.
        annual_YRC: (year, row, col) int16, NDVI x 10000, -32768 = missing.
        units_RC: (row, col), see ``indicators.productivity.units``.
        percentiles: of the first pass.

    Raises:
        NdviUnfit: when the stack cannot be used.
        GridMismatch: when the shapes differ.
    """
    return NdviLayers(
        trajectory(annual_YRC, stack.trend),
        state(annual_YRC, stack.state).state,
        performance(annual_YRC, units_RC, percentiles),
    )


def _pieces(blocks: Blocks, cover_RC: Codes) -> Iterator[tuple[slice, Blocks, Codes]]:
    """A few rows at a time: what is computed of NDVI takes some hundred bytes a pixel."""
    rows, cols = cover_RC.shape
    check_alike(land_cover=cover_RC, **{name: block.valid for name, block in blocks.items()})
    step = max(1, _PIECE // max(1, cols))
    for start in range(0, rows, step):
        part = slice(start, start + step)
        yield part, {name: Block(b.data[:, part], b.valid[part]) for name, b in blocks.items()}, cover_RC[part]


def _annual(stack: NdviStack, blocks: Blocks) -> Ndvi:
    block = _block(blocks, names.NDVI_LAYER)
    if len(block.data) != len(stack.years):
        raise NdviUnfit(
            f"annual NDVI of {len(block.data)} bands for {len(stack.years)} years: expected one band a year"
        )
    if block.valid.all():
        return ndvi_stack(block.data, scale=stack.scale, nodata=stack.nodata)
    found = np.full(block.data.shape, NODATA, np.int16)
    found[:, block.valid] = ndvi_stack(block.data[:, block.valid][..., None], scale=stack.scale, nodata=stack.nodata)[
        ..., 0
    ]
    return found


def _units(blocks: Blocks, cover_RC: Codes) -> Units:
    block = _block(blocks, names.SOIL_LAYER)
    return unit_codes(np.where(block.valid, block.data[0], 0), cover_RC)


def _followed(
    stock: ReferenceStock, rule: CarbonRule, blocks: Blocks, initial: Positions, final: Positions
) -> CarbonPositions:
    """A stock followed from one map to the other, by the table of what is left of it."""
    block, zone, f = _block(blocks, names.SOC_STOCK_LAYER), *_climate(stock, blocks)
    check_alike(initial=initial, final=final, stock=block.valid)
    left = two_map_ratios(f, first=stock.first, last=stock.last, change_year=stock.year_of_change, table=stock.table)
    percent = percent_change(np.ones_like(left), left)
    water = np.broadcast_to((np.arange(left.shape[1]) == _WATER)[:, None], left.shape)
    condition = _positions(condition_of_percent(percent, water=water, rule=rule))
    reference = _reference(block)
    place = (zone * left.shape[1] + initial) * left.shape[2] + final
    soc = condition.reshape(-1)[place]
    soc[~(reference > 0)] = _NO_CONDITION
    reference[initial == NO_COVER] = np.nan
    return CarbonPositions(soc, (reference, reference * left.reshape(-1).astype(np.float32)[place]))


def _reference(block: Block) -> npt.NDArray[np.float32]:
    """Stocks in t/ha, NaN where there is none."""
    if block.data.dtype.kind not in "iuf":
        raise DtypeMismatch(f"stocks of soil carbon came as {block.data.dtype}: expected numbers, t/ha")
    stock: npt.NDArray[np.float32] = block.data[0].astype(np.float32)
    stock[~block.valid | (stock < 0)] = np.nan
    return stock


def _climate(stock: ReferenceStock, blocks: Blocks) -> tuple[npt.NDArray[np.uint16] | np.uint16, Sequence[float]]:
    """Which climate each pixel has, and f of each climate."""
    if stock.climate_name is not None:
        return np.uint16(0), (stock.table.f_of(stock.climate_name),)
    zone = _looked_up(blocks, names.CLIMATE_LAYER, zone_positions, 0)
    return zone.astype(np.uint16), stock.table.f_by_zone


def _condition(name: str) -> Callable[[Codes], Positions]:
    return lambda codes: condition_positions(codes, owner=f"the {name} layer")


def _positions(codes: npt.NDArray[np.int16]) -> Positions:
    """Positions of codes that were computed here."""
    return condition_positions(codes, owner="a computed layer")


def _looked_up(blocks: Blocks, name: str, look: Callable[[Codes], Positions], nodata: int) -> Positions:
    """Positions of a layer's codes; where it is not valid its codes are not looked at."""
    block = _block(blocks, name)
    codes: npt.NDArray[Any] = block.data[0]
    if block.valid.all():
        return look(codes)
    found = np.full(codes.shape, nodata, np.uint8)
    found[block.valid] = look(codes[block.valid])
    return found


def _block(blocks: Blocks, name: str) -> Block:
    if name not in blocks:
        raise WrongUse(f"no layer {name!r} was read; the layers are {', '.join(blocks) or 'none'}")
    return blocks[name]

"""Blocks of the layers of a report as positions on the axes of a joint table.

Layers come as `Block`s on the grid of the land-cover maps, by the names of ``layers``; where a block is not valid there
is no data, whatever its pixels hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.codes import CONDITIONS
from indicators.productivity.imported import lpd_positions
from indicators.productivity.positions import LPD_CODES, Codes, Positions, check_alike, condition_positions
from indicators.productivity.recodes import state_positions, trajectory_positions
from indicators.soilcarbon.change import CarbonRule, condition_of_percent, percent_change
from indicators.soilcarbon.covers import CLASSES, NO_COVER
from indicators.soilcarbon.factors import zone_positions
from indicators.soilcarbon.two_maps import two_map_ratios
from landcover.errors import DtypeMismatch, WrongUse
from landcover.raster.protocol import Block
from serving.report import layers as names
from serving.report.layers import (
    LpdLayer,
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


def productivity_positions(inputs: ProductivityInputs, blocks: Blocks) -> ProductivityPositions:
    """Positions of land productivity.

    Args:
        inputs: where it comes from.
        blocks: of each of ``inputs.rasters``.

    Raises:
        WrongUse: without a block.
        GridMismatch: when the shapes differ.
        DtypeMismatch: when a layer of classes is not of an integer type.
        UnmappedCodes: with codes that mean nothing and their pixel counts.
    """
    match inputs.given:
        case LpdLayer(_, source):
            lpd = _looked_up(blocks, names.LPD_LAYER, lambda codes: lpd_positions(codes, source), _NO_LPD)
            return ProductivityPositions(lpd, inputs.table.three_of_lpd(lpd))
        case SubIndicatorLayers(raw=raw):
            return ProductivityPositions(*inputs.table.positions(*_sub_indicators(blocks, raw=raw)))


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

"""What a report adds to each block of rows: productivity, soil carbon, the indicator, corrections, the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.codes import NODATA, WATER
from indicators.condition.correcting import Correcting, CorrectionTotal
from indicators.condition.oneout import NodataPolicy
from indicators.condition.positions import conditions
from indicators.condition.status import status
from indicators.joint import SDG, UNCORRECTED, WATER_BEFORE, Axis, baseline_axis, condition_axis
from indicators.productivity.positions import CONDITION_CODES, condition_positions
from landcover.lookup import build_table, look_up
from landcover.raster.protocol import AnyArray, Block
from serving.report.layer_positions import CarbonPositions, carbon_positions, productivity_positions
from serving.report.layers import ProductivityInputs, ReferenceStock, SoilCarbonInputs
from serving.report.streaming import AccountRows, Extension

BASELINE_LAYER: Final = "baseline-indicator"
"""Name of the layer that holds the indicator of the baseline."""
BASELINE_COVER: Final = "baseline-transitions"
"""Name of the layer that holds the baseline's transitions of land cover, which say what was water."""

INDICATOR_MAP: Final = "indicator"
STATUS_MAP: Final = "status"
SOC_STOCK_MAP: Final = "soc-stock"
"""Stocks of soil carbon of the final year, which a later report can begin with."""
PRODUCTIVITY_MAP: Final = "productivity"
SOC_MAP: Final = "soc"

type Positions = npt.NDArray[np.uint8]

_CLASSES: Final = range(1, 8)
_TENS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the further axes come from.

    Attributes:
        productivity: land productivity, or None.
        soil: soil organic carbon, or None.
        policy: what the indicator makes of a missing sub-indicator.
        correcting: corrects the indicator of the period, or None.
        baseline: whether there are layers of the baseline's indicator and of its transitions.
    """

    productivity: ProductivityInputs | None
    soil: SoilCarbonInputs | None
    policy: NodataPolicy
    correcting: Correcting | None = None
    baseline: bool = False


class LayerExtension:
    """Makes the further axes and rasters of a report, see ``streaming.Extend``.

    Args:
        sources: where they come from.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._indicator = sources.productivity is not None and sources.soil is not None
        self._table = sources.policy.table()

    @property
    def axes(self) -> tuple[Axis, ...]:
        """See ``Extend``."""
        sources = self._sources
        return (
            *(() if sources.productivity is None else sources.productivity.axes),
            *(() if sources.soil is None else sources.soil.axes),
            *((condition_axis(SDG),) if self._indicator else ()),
            *((condition_axis(UNCORRECTED),) if self._indicator and sources.correcting else ()),
            *((baseline_axis(),) if self._indicator and sources.baseline else ()),
        )

    @property
    def maps(self) -> tuple[str, ...]:
        """Names of the rasters whose rows it makes."""
        sources = self._sources
        return (
            *(() if sources.productivity is None else (PRODUCTIVITY_MAP,)),
            *(() if sources.soil is None else (SOC_MAP,)),
            *((INDICATOR_MAP,) if self._indicator else ()),
            *((STATUS_MAP,) if self._indicator and sources.baseline else ()),
            *((SOC_STOCK_MAP,) if self.has_stocks else ()),
        )

    @property
    def has_stocks(self) -> bool:
        """Whether it follows stocks of soil carbon."""
        return self._sources.soil is not None and isinstance(self._sources.soil.given, ReferenceStock)

    def of(self, rows: AccountRows, /) -> Extension:
        """See ``Extend``."""
        productivity, soil = self._productivity(rows), self._soil(rows)
        layers = [*productivity, *(() if soil is None else (soil.soc,))]
        maps: dict[str, AnyArray] = {PRODUCTIVITY_MAP: conditions(productivity[-1])} if productivity else {}
        if soil is not None:
            maps[SOC_MAP] = conditions(soil.soc)
        stocks = None if soil is None else soil.stocks
        if stocks is not None:
            maps[SOC_STOCK_MAP] = _filled(stocks[1])
        if not self._indicator:
            return Extension(positions=layers, maps=maps, stocks=stocks)
        plain = self._table[layers[1], condition_positions(rows.cover.degradation, owner="land cover"), layers[2]]
        corrected = self._corrected(rows.row_start, plain)
        more = [corrected] if self._sources.correcting is None else [corrected, plain]
        maps[INDICATOR_MAP] = conditions(corrected)
        if self._sources.baseline:
            before = _baseline(rows.layers[BASELINE_LAYER], rows.layers[BASELINE_COVER])
            more.append(before)
            # what was water is read as no data
            maps[STATUS_MAP] = status(_BEFORE_CODES.take(before), maps[INDICATOR_MAP])
        return Extension(positions=[*layers, *more], maps=maps, stocks=stocks)

    @property
    def corrections(self) -> tuple[CorrectionTotal, ...]:
        """What each correction changed in the rows that came."""
        return () if self._sources.correcting is None else self._sources.correcting.totals()

    def _productivity(self, rows: AccountRows) -> Sequence[Positions]:
        if self._sources.productivity is None:
            return ()
        found = productivity_positions(self._sources.productivity, rows.layers)
        return found.lpd, found.productivity

    def _soil(self, rows: AccountRows) -> CarbonPositions | None:
        if self._sources.soil is None:
            return None
        cover = rows.cover
        return carbon_positions(self._sources.soil, rows.layers, initial=cover.initial, final=cover.final)

    def _corrected(self, row_start: int, plain: Positions) -> Positions:
        if self._sources.correcting is None:
            return plain
        corrected = self._sources.correcting.apply(row_start, conditions(plain))
        return condition_positions(corrected, owner="the corrected indicator")


def _filled(stock: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Stocks as they are written: -32768 where there is none."""
    return np.where(np.isnan(stock), np.float32(NODATA), stock)


def _baseline(indicator: Block, transitions: Block) -> Positions:
    """Positions on ``baseline_axis``: what the baseline calls water in its initial year is no land of it."""
    codes = _valid(indicator)
    positions = _BEFORE.take(condition_positions(codes, owner="the indicator of the baseline"))
    water = look_up(_initial_water(), _valid(transitions), owner="the transitions of the baseline")
    return np.where(water, np.uint8(_BEFORE_CODES.tolist().index(WATER_BEFORE)), positions)


def _valid(block: Block) -> npt.NDArray[Any]:
    return np.where(block.valid, block.data[0], NODATA)


@lru_cache(maxsize=1)
def _initial_water() -> npt.NDArray[np.uint8]:
    """1 at map codes of transitions that begin with water: one digit where the class stayed, else two (LDN 2.2)."""
    pairs = [(_TENS * before + after, int(before == WATER)) for before in _CLASSES for after in _CLASSES]
    return build_table([*pairs, *((code, int(code == WATER)) for code in _CLASSES), (NODATA, 0)])


_BEFORE_CODES: Final = np.array(baseline_axis().codes, np.int16)
_BEFORE: Final = np.array([baseline_axis().index(code) for code in CONDITION_CODES], np.uint8)
"""Positions on ``baseline_axis`` of those on an axis of conditions."""

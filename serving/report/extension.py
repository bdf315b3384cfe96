"""What a report adds to each block of rows: productivity, soil carbon, the indicator, corrections, the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.codes import NODATA
from indicators.condition.correcting import Correcting, CorrectionTotal
from indicators.condition.oneout import NodataPolicy
from indicators.condition.positions import conditions
from indicators.condition.status import status
from indicators.joint import BASELINE, SDG, UNCORRECTED, Axis, condition_axis
from indicators.productivity.positions import condition_positions
from landcover.raster.protocol import AnyArray, Block
from serving.report.layer_positions import CarbonPositions, carbon_positions, productivity_positions
from serving.report.layers import ProductivityInputs, ReferenceStock, SoilCarbonInputs
from serving.report.streaming import AccountRows, Extension

BASELINE_LAYER: Final = "baseline-indicator"
"""Name of the layer that holds the indicator of the baseline."""

INDICATOR_MAP: Final = "indicator"
STATUS_MAP: Final = "status"
SOC_STOCK_MAP: Final = "soc-stock"
"""Stocks of soil carbon of the final year, which a later report can begin with."""
PRODUCTIVITY_MAP: Final = "productivity"
SOC_MAP: Final = "soc"

type Positions = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the further axes come from.

    Attributes:
        productivity: land productivity, or None.
        soil: soil organic carbon, or None.
        policy: what the indicator makes of a missing sub-indicator.
        correcting: corrects the indicator of the period, or None.
        baseline: whether there is a layer of the baseline's indicator.
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
            *((condition_axis(BASELINE),) if self._indicator and sources.baseline else ()),
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
            before = _baseline(rows.layers[BASELINE_LAYER])
            more.append(before)
            maps[STATUS_MAP] = status(conditions(before), maps[INDICATOR_MAP])
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


def _baseline(block: Block) -> Positions:
    codes: npt.NDArray[Any] = np.where(block.valid, block.data[0], NODATA)
    return condition_positions(codes, owner="the indicator of the baseline")

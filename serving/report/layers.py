"""What a report is given beside land cover: layers of productivity and of soil carbon, and what they assume.

Productivity is a layer in five classes or three layers, which ``steppe report productivity`` makes of annual NDVI, too;
soil carbon is a layer, or a stock to follow. ``layer_positions`` turns their pixels into positions on the axes of a
joint table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol

from indicators.joint import PRODUCTIVITY, SOC, Axis, condition_axis, lpd_axis
from indicators.productivity.imported import CaveatText, LpdSource
from indicators.productivity.lpd import PRAIS2026, LpdTable
from indicators.soilcarbon.change import CARBON_RULE, CarbonRule
from indicators.soilcarbon.factors import TIER1, FactorTable
from indicators.soilcarbon.spread import TWO_MAPS_CAVEAT, check_change_year, middle_year
from landcover.errors import WrongUse
from landcover.identity import canonical_sha256

type Raster = str | Path
type AssumptionFields = tuple[str, str, str, str, str]
"""Name, id, version, sha256 and note: the fields of ``indicators.reporting.assumptions.Assumption``, in order."""

LPD_LAYER: Final = "lpd"
TREND_LAYER: Final = "trend"
STATE_LAYER: Final = "state"
PERFORMANCE_LAYER: Final = "performance"
SOC_PERCENT_LAYER: Final = "soc-percent"
SOC_CONDITION_LAYER: Final = "soc-condition"
SOC_STOCK_LAYER: Final = "soc-stock"
CLIMATE_LAYER: Final = "climate"

NUMBER_LAYERS: Final = frozenset({SOC_PERCENT_LAYER, SOC_STOCK_LAYER})
"""Layers of numbers, which may be floats; all others hold codes."""


class _Object(Protocol):
    """A rule object that names itself with its content."""

    def to_document(self) -> dict[str, Any]: ...


def _assumption(name: str, rule: _Object, note: str = "") -> AssumptionFields:
    document = rule.to_document()
    return name, str(document["id"]), str(document["version"]), canonical_sha256(document), note


@dataclass(frozen=True, slots=True)
class LpdLayer:
    """A layer of land productivity dynamics in five classes.

    Attributes:
        raster: codes 1 to 5; what means no data see ``indicators.productivity.imported.import_lpd``.
        source: who made it.
    """

    raster: Raster
    source: LpdSource


@dataclass(frozen=True, slots=True, kw_only=True)
class SubIndicatorLayers:
    """Layers of trend, state and performance.

    Attributes:
        trend: -1, 0, 1 and -32768.
        state: the same codes.
        performance: -1, 0 and -32768.
        raw: whether trend and state are Trends.Earth's raw layers: significance -3 to 3 and change of class -10 to 10.
    """

    trend: Raster
    state: Raster
    performance: Raster
    raw: bool = False


@dataclass(frozen=True, slots=True)
class ProductivityInputs:
    """Where land productivity comes from.

    Attributes:
        given: a layer in five classes, or layers of the three sub-indicators.
        table: how the sub-indicators combine.
    """

    given: LpdLayer | SubIndicatorLayers
    table: LpdTable = PRAIS2026

    def __post_init__(self) -> None:
        """Refuse a layer in five classes under a table that it cannot be read with.

        Raises:
            WrongUse: naming the table.
        """
        if isinstance(self.given, LpdLayer):
            _ = self.table.classes_of_lpd

    @property
    def rasters(self) -> Mapping[str, Raster]:
        """The rasters by the name under which their blocks are passed on."""
        match self.given:
            case LpdLayer(raster):
                found = {LPD_LAYER: raster}
            case SubIndicatorLayers() as layers:
                found = {TREND_LAYER: layers.trend, STATE_LAYER: layers.state, PERFORMANCE_LAYER: layers.performance}
        return MappingProxyType(found)

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """The axes of a joint table that the positions belong to."""
        return lpd_axis(), condition_axis(PRODUCTIVITY)

    @property
    def assumptions(self) -> tuple[AssumptionFields, ...]:
        """What the result rests on."""
        table = _assumption("LPD table", self.table, self._note())
        if isinstance(self.given, LpdLayer):
            return table, _assumption("source of the LPD layer", self.given.source)
        return (table,)

    @property
    def caveats(self) -> tuple[CaveatText, ...]:
        """(slug, sentence) of warnings that belong to every output."""
        return self.given.source.caveats if isinstance(self.given, LpdLayer) else ()

    def _note(self) -> str:
        match self.given:
            case LpdLayer():
                return "Three classes follow from the five of the layer: 1 and 2 degraded, 3 and 4 stable, 5 improved."
            case SubIndicatorLayers(raw=True):
                return "Trend and state come from Trends.Earth's raw layers: two steps or more are a change."
        return ""


@dataclass(frozen=True, slots=True)
class SocPercentLayer:
    """A layer of the change of soil carbon in percent, floats or integers; NaN and -32768 = no data.

    Whole numbers, as Trends.Earth stores them, are cut off towards zero, which does not change the class.
    """

    raster: Raster


@dataclass(frozen=True, slots=True)
class SocConditionLayer:
    """A layer of -1, 0, 1 and -32768 of soil carbon."""

    raster: Raster


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceStock:
    """A stock of soil carbon to follow from the initial to the final land-cover map.

    Attributes:
        raster: stock of the initial year, t/ha; below 0 = missing.
        climate: raster of IPCC climate zones 0 to 12, or None with ``climate_name``.
        climate_name: climate of the whole area, such as ``temperate_dry``.
        first: year of the initial map.
        last: year of the final map.
        change_year: first year with the new class; None for the middle of the period, as in Trends.Earth.
        table: land-use factors.
    """

    raster: Raster
    climate: Raster | None = None
    climate_name: str | None = None
    first: int
    last: int
    change_year: int | None = None
    table: FactorTable = TIER1

    def __post_init__(self) -> None:
        """Refuse what cannot be computed.

        Raises:
            WrongUse: without a climate, or with two.
            ConfigError: when the climate is not known, or the years are in the wrong order.
        """
        if (self.climate is None) == (self.climate_name is None):
            raise WrongUse("stocks of soil carbon need a climate: give a raster of IPCC zones or the name of one")
        if self.climate_name is not None:
            self.table.f_of(self.climate_name)
        check_change_year(self.year_of_change, first=self.first, last=self.last)

    @property
    def year_of_change(self) -> int:
        """First year with the class of the final map."""
        return middle_year(self.first, self.last) if self.change_year is None else self.change_year


@dataclass(frozen=True, slots=True)
class SoilCarbonInputs:
    """Where the change of soil carbon comes from.

    Attributes:
        given: a layer in percent, a layer of -1, 0 and 1, or a stock to follow.
        rule: how many percent are a loss or a gain.
    """

    given: SocPercentLayer | SocConditionLayer | ReferenceStock
    rule: CarbonRule = CARBON_RULE

    @property
    def rasters(self) -> Mapping[str, Raster]:
        """The rasters by the name under which their blocks are passed on."""
        match self.given:
            case SocPercentLayer(raster):
                found = {SOC_PERCENT_LAYER: raster}
            case SocConditionLayer(raster):
                found = {SOC_CONDITION_LAYER: raster}
            case ReferenceStock() as stock:
                found = {SOC_STOCK_LAYER: stock.raster}
                if stock.climate is not None:
                    found[CLIMATE_LAYER] = stock.climate
        return MappingProxyType(found)

    @property
    def axes(self) -> tuple[Axis]:
        """The axis of a joint table that the positions belong to."""
        return (condition_axis(SOC),)

    @property
    def assumptions(self) -> tuple[AssumptionFields, ...]:
        """What the result rests on; a layer of -1, 0 and 1 was made with a threshold of its own."""
        match self.given:
            case SocConditionLayer():
                return ()
            case ReferenceStock() as stock:
                return self._threshold(), _assumption("factors of soil carbon", stock.table, _story(stock))
        return (self._threshold(),)

    @property
    def caveats(self) -> tuple[CaveatText, ...]:
        """(slug, sentence) of warnings that belong to every output."""
        return (TWO_MAPS_CAVEAT,) if isinstance(self.given, ReferenceStock) else ()

    def _threshold(self) -> AssumptionFields:
        note = f"Losses and gains of {self.rule.soc_threshold_percent:g} % or more count."
        return _assumption("threshold of soil carbon", self.rule, note)


def _story(stock: ReferenceStock) -> str:
    climate = "" if stock.climate_name is None else f", in the climate {stock.climate_name}"
    return (
        f"Stocks of {stock.first}; changes of land cover until {stock.last} are put in {stock.year_of_change}{climate}."
    )

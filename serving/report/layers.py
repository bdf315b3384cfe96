"""What a report is given beside land cover: layers of productivity and of soil carbon, and what they assume.

Either is a layer that somebody else made, or data to compute it from. ``layer_positions`` turns their pixels into
positions on the axes of a joint table.
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
from indicators.productivity.ndvi import LONGEST, SHORTEST
from indicators.productivity.performance_methods import PERFORMANCE, PerformanceMethod
from indicators.productivity.state import STATE, StateMethod
from indicators.productivity.trend_methods import KENDALL, TrendMethod
from indicators.productivity.unit_percentiles import UnitPercentiles
from indicators.soilcarbon.annual import check_years
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
NDVI_LAYER: Final = "ndvi"
SOIL_LAYER: Final = "soil"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class NdviStack:
    """Annual NDVI to compute trend, state and performance from.

    Attributes:
        raster: one band a year.
        years: the years of its bands, one after the other.
        soil: soil taxonomy codes (USDA), 0 = none; with land cover they are the units of performance.
        scale: factor that makes the values NDVI x 10000.
        nodata: value of missing years; NaN and -32768 always are.
        trend: rule of the trajectory.
        state: windows and threshold of the state.
        performance: percentile and share of the performance.
    """

    raster: Raster
    years: tuple[int, ...]
    soil: Raster
    scale: float = 1.0
    nodata: float | None = None
    trend: TrendMethod = KENDALL
    state: StateMethod = STATE
    performance: PerformanceMethod = PERFORMANCE

    def __post_init__(self) -> None:
        """Refuse years that the methods cannot use.

        Raises:
            ConfigError: when they do not follow each other.
            WrongUse: when they are too few or too many, or the scale is not above 0.
        """
        check_years(self.years)
        least = max(SHORTEST, self.state.historical_years + self.state.recent_years)
        if not least <= len(self.years) <= LONGEST:
            raise WrongUse(
                f"annual NDVI of {len(self.years)} years: trend and state need {least} to {LONGEST}; give more "
                "bands, or state over shorter windows (Trends.Earth's baseline of 2001 to 2015 has 12 historical and 3 "
                "recent years)"
            )
        if not self.scale > 0:
            raise WrongUse(f"scale of NDVI {self.scale:g}: expected above 0")


@dataclass(frozen=True, slots=True)
class ProductivityInputs:
    """Where land productivity comes from.

    Attributes:
        given: a layer in five classes, layers of the three sub-indicators, or annual NDVI.
        table: how the sub-indicators combine.
    """

    given: LpdLayer | SubIndicatorLayers | NdviStack
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
            case NdviStack() as stack:
                found = {NDVI_LAYER: stack.raster, SOIL_LAYER: stack.soil}
        return MappingProxyType(found)

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """The axes of a joint table that the positions belong to."""
        return lpd_axis(), condition_axis(PRODUCTIVITY)

    @property
    def needs_first_pass(self) -> bool:
        """Whether the percentiles of units must be counted before."""
        return isinstance(self.given, NdviStack)

    def assumptions(self, percentiles: UnitPercentiles | None = None) -> tuple[AssumptionFields, ...]:
        """What the result rests on.

        Args:
            percentiles: of the first pass, with annual NDVI.
        """
        first = _assumption("LPD table", self.table, self._note())
        match self.given:
            case LpdLayer(_, source):
                return first, _assumption("source of the LPD layer", source)
            case NdviStack() as stack:
                return first, *_of_stack(stack, percentiles)
        return (first,)

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
            case NdviStack(years=years):
                return f"Trend, state and performance are computed from annual NDVI of {years[0]} to {years[-1]}."
        return ""


def _of_stack(stack: NdviStack, percentiles: UnitPercentiles | None) -> tuple[AssumptionFields, ...]:
    rules = (
        _assumption("trend method", stack.trend),
        _assumption("state method", stack.state),
        _assumption("performance method", stack.performance),
    )
    if percentiles is None:
        return rules
    return (*rules, _assumption("percentiles of productivity units", percentiles, percentiles.extent))


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

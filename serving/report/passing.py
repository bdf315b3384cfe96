"""The pass of a report: maps and layers are opened, brought to one grid, counted, and written as rasters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from indicators.areas import PixelAreas
from indicators.codes import WATER
from indicators.condition.correcting import Correcting, CorrectionTotal
from indicators.cover.account import CoverAccount
from indicators.joint import Axis, JointTable
from indicators.regions import RegionalMatrices
from indicators.reporting.account import PeriodAccount
from indicators.soilcarbon.totals import StockTable
from indicators.soilcarbon.zone_stocks import ZoneStocks
from indicators.zones.placed import ZonesOnGrid
from landcover.errors import ConfigError, DataError
from landcover.grid import Grid
from landcover.legends import get_legend
from landcover.staging import os_errors
from serving.report import files
from serving.report.covering import OpenedCover, Openers, open_cover
from serving.report.extension import (
    BASELINE_COVER,
    BASELINE_LAYER,
    INDICATOR_MAP,
    PRODUCTIVITY_MAP,
    SOC_MAP,
    SOC_STOCK_MAP,
    STATUS_MAP,
    LayerExtension,
    Sources,
)
from serving.report.layers import NUMBER_LAYERS, ReferenceStock
from serving.report.page.data import Input
from serving.report.pairing import LayerMap, Pairing, pair_maps
from serving.report.rasters import (
    DEGRADATION,
    TRANSITIONS,
    ReportRaster,
    Years,
    degradation_raster,
    indicator_raster,
    layer_raster,
    soc_stock_raster,
    status_raster,
    transitions_raster,
)
from serving.report.regional import RegionsInPass
from serving.report.request import REPORT_LEGEND, CoverMap, ReportRequest
from serving.report.streaming import AccountPlan, AccountRows, Extension, Progress, run_account
from serving.report.tablefiles import read_accounts

type Measured = Callable[[int], None]
"""Is told how many pixels a report has."""

_OTHER_AREA: Final = 0.01
"""Of the area: grids and coasts of two products differ less."""


class BaselineElsewhere(DataError):
    """The report of the baseline is of another area."""

    slug = "baseline-elsewhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """What a pass has found.

    Attributes:
        covers: both land-cover maps; closed by now.
        grid: grid of the rasters.
        zones: where the areas lie on it; None = all of it.
        tables: a joint table for each zone, or one of all.
        corrections: what corrections changed.
        baseline: accounts of the baseline's report, or none.
        layers: files of layers beside land cover, for provenance.
        written: names of the rasters that were written.
        stocks: for each of ``tables`` soil carbon of the initial and the final year; empty where none was followed.
    """

    covers: tuple[OpenedCover, OpenedCover]
    grid: Grid
    zones: ZonesOnGrid | None
    tables: tuple[JointTable, ...]
    corrections: tuple[CorrectionTotal, ...]
    baseline: tuple[PeriodAccount, ...]
    layers: tuple[Input, ...]
    written: tuple[str, ...]
    stocks: tuple[tuple[StockTable, ...], ...] = ()


def pass_over(
    request: ReportRequest,
    folder: Path,
    *,
    openers: Openers,
    progress: Progress | None = None,
    measured: Measured | None = None,
) -> Passed:
    """Open all that a report is made of, and go over it once.

    Args:
        request: what was asked for.
        folder: where the rasters go.
        openers: who opens rasters.
        progress: told after every block of rows.
        measured: see ``prepared``.

    Raises:
        SteppeError: whatever keeps the report from being made.
    """
    with prepared(request, openers=openers, measured=measured) as ready:
        before, after = (cover.digested() for cover in ready.covers)
        paths = _layers(request)
        told = tuple(_told(name, layer, request.origins.get(paths[name])) for name, layer in ready.layers.items())
        rasters = _rasters(request, ready.plan.account, folder, ready.extension)
        tables = run_account(ready.pairing, replace(ready.plan, rasters=rasters), progress=progress)
        if ready.regions is not None:
            ready.regions.refuse()
        _refuse_other_area(ready.baseline, tables)
        return Passed(
            covers=(before, after),
            grid=ready.pairing.grid,
            zones=ready.zones,
            tables=tables,
            corrections=ready.extension.corrections,
            baseline=ready.baseline,
            layers=told,
            written=tuple(raster.path.name for raster in rasters.values()),
            stocks=() if ready.stocks is None else ready.stocks.tables(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Everything that a pass takes, open.

    Attributes:
        covers: both land-cover maps, on grids of their own.
        layers: rasters beside them, by the names of their blocks.
        pairing: all of them on the grid of the report.
        zones: where the areas lie on it; None = all of it.
        plan: what is made of them; no rasters yet.
        extension: what counts beside land cover.
        regions: which matrix holds where, with several.
        stocks: sums of soil carbon, where it is followed.
        baseline: accounts of the baseline's report, or none.
    """

    covers: tuple[OpenedCover, OpenedCover]
    layers: Mapping[str, LayerMap]
    pairing: Pairing
    zones: ZonesOnGrid | None
    plan: AccountPlan
    extension: LayerExtension
    regions: RegionsInPass | None
    stocks: ZoneStocks | None
    baseline: tuple[PeriodAccount, ...]


@contextmanager
def prepared(request: ReportRequest, *, openers: Openers, measured: Measured | None = None) -> Iterator[Prepared]:
    """Open and check everything that a report is made of; no pixel is read, and nothing is written.

    Args:
        request: what was asked for.
        openers: who opens rasters.
        measured: told how many pixels the grid of the report has, as soon as that is known; what it raises ends it.

    Raises:
        SteppeError: whatever keeps the report from being made, as far as that shows without pixels.
    """
    baseline = _baseline_of(request)
    with ExitStack() as stack:
        before, after = (_opened(stack, asked, openers) for asked in (request.before, request.after))
        layers = {name: _layer(stack, name, path, openers) for name, path in _layers(request).items()}
        pairing, zones = _cropped(pair_maps([before.codes, after.codes], layers), request)
        if measured is not None:
            measured(pairing.grid.height * pairing.grid.width)
        regions = None
        if isinstance(request.matrix, RegionalMatrices):
            water = frozenset({get_legend(REPORT_LEGEND).index_of(WATER)})
            regions = RegionsInPass(request.matrix, pairing.grid, zones, water=water)
        extension = LayerExtension(_sources(request, pairing.grid, zones))
        zone_count = 1 if request.zones is None else len(request.zones.zones)
        stocks = ZoneStocks(PixelAreas(pairing.grid), zones=zone_count) if extension.has_stocks else None
        plan = AccountPlan(
            account=CoverAccount(before.positions, after.positions, request.matrices),
            zones=zones,
            zone_count=zone_count,
            regions=regions if len(request.matrices) > 1 else None,
            extend=extension if regions is None else _Watching(extension, regions),
            stocks=stocks,
        )
        yield Prepared(
            covers=(before, after),
            layers=layers,
            pairing=pairing,
            zones=zones,
            plan=plan,
            extension=extension,
            regions=regions,
            stocks=stocks,
            baseline=baseline,
        )


def _refuse_other_area(baseline: tuple[PeriodAccount, ...], tables: tuple[JointTable, ...]) -> None:
    """Refuse a baseline of another area: what changed since then would be the difference of two places."""
    km2 = sum(float(table.km2.sum()) for table in tables)
    for account in baseline:
        if abs(account.country_km2 - km2) > _OTHER_AREA * km2:
            raise BaselineElsewhere(
                f"the baseline's report is of {account.country_km2:,.2f} km2 and this one of {km2:,.2f} km2; give both "
                "the same areas"
            )


class _Watching:
    """An extension that also counts land without a region."""

    def __init__(self, inner: LayerExtension, regions: RegionsInPass) -> None:
        self._inner, self._regions = inner, regions

    @property
    def axes(self) -> tuple[Axis, ...]:
        return self._inner.axes

    def of(self, rows: AccountRows, /) -> Extension:
        self._regions.check(rows.row_start, rows.cover.initial, nodata=len(get_legend(REPORT_LEGEND)))
        return self._inner.of(rows)


def _opened(stack: ExitStack, asked: CoverMap, openers: Openers) -> OpenedCover:
    cover = open_cover(asked, openers)
    stack.callback(cover.codes.close)
    return cover


def _layers(request: ReportRequest) -> dict[str, Path]:
    """Rasters beside land cover, by the names of their blocks."""
    found: dict[str, str | Path] = {}
    for given in (request.productivity, request.soil):
        found |= {} if given is None else dict(given.rasters)
    if request.baseline is not None:
        found[BASELINE_LAYER] = request.baseline / files.INDICATOR
        found[BASELINE_COVER] = request.baseline / files.TRANSITIONS
    return {name: Path(path) for name, path in found.items()}


def _layer(stack: ExitStack, name: str, path: Path, openers: Openers) -> LayerMap:
    layer: LayerMap = openers.of_numbers(path) if name in NUMBER_LAYERS else openers.codes(path)
    stack.callback(layer.close)
    return layer


def _told(name: str, layer: LayerMap, origin: str | None) -> Input:
    return Input(name.replace("-", " "), origin or layer.scene.identifier, layer.scene.input_digest())


def _cropped(pairing: Pairing, request: ReportRequest) -> tuple[Pairing, ZonesOnGrid | None]:
    """Only the rows and columns that the zones need."""
    if request.zones is None:
        return pairing, None
    zones = ZonesOnGrid(request.zones, pairing.grid)
    window = zones.window
    if window == pairing.grid.extent:
        return pairing, zones
    part = pairing.cropped(window)
    return part, ZonesOnGrid(request.zones, part.grid)


def _sources(request: ReportRequest, grid: Grid, zones: ZonesOnGrid | None) -> Sources:
    correcting = None
    if request.corrections is not None:
        within = None if zones is None else zones.covered
        correcting = Correcting(request.corrections.of_period(request.period.role), grid, within)
    return Sources(
        productivity=request.productivity,
        soil=request.soil,
        policy=request.policy,
        correcting=correcting,
        baseline=request.baseline is not None,
    )


def _rasters(
    request: ReportRequest, account: CoverAccount, folder: Path, extension: LayerExtension
) -> Mapping[str, ReportRaster]:
    years = Years(request.period.initial, request.period.final)
    found = {
        DEGRADATION: degradation_raster(folder / files.DEGRADATION, account, years),
        TRANSITIONS: transitions_raster(folder / files.TRANSITIONS, account, years),
    }
    found |= _layer_rasters(request, account, folder)
    names = extension.maps
    rules = {"nodata_policy": request.policy.identity}
    if request.productivity is not None:
        rules["lpd_table"] = request.productivity.table.identity
    if INDICATOR_MAP in names:
        found[INDICATOR_MAP] = indicator_raster(folder / files.INDICATOR, account, years, rules)
    if STATUS_MAP in names:
        found[STATUS_MAP] = status_raster(folder / files.STATUS, account, years, rules)
    if SOC_STOCK_MAP in names:
        found[SOC_STOCK_MAP] = soc_stock_raster(folder / files.SOC_STOCK, account, years, _soil_rules(request))
    return found


def _soil_rules(request: ReportRequest) -> dict[str, str]:
    given = None if request.soil is None else request.soil.given
    return {"soc_factors": given.table.identity} if isinstance(given, ReferenceStock) else {}


def _layer_rasters(request: ReportRequest, account: CoverAccount, folder: Path) -> Mapping[str, ReportRaster]:
    """Sub-indicators beside land cover, so that another report can be compared pixel by pixel."""
    years, found = Years(request.period.initial, request.period.final), {}
    if request.productivity is not None:
        found[PRODUCTIVITY_MAP] = layer_raster(
            folder / files.PRODUCTIVITY,
            account,
            years,
            name="land productivity",
            rule=request.productivity.table.identity,
        )
    if request.soil is not None:
        rule = request.soil.rule.identity if request.soil.assumptions else ""
        found[SOC_MAP] = layer_raster(folder / files.SOC, account, years, name="soil organic carbon", rule=rule)
    return found


def _baseline_of(request: ReportRequest) -> tuple[PeriodAccount, ...]:
    """The accounts of the baseline's report.

    Raises:
        ConfigError: when the folder is none of a report of the baseline with the indicator.
    """
    if request.baseline is None:
        return ()
    path = request.baseline / files.ACCOUNT
    with os_errors(path):
        if not path.is_file():
            raise ConfigError(
                f"{request.baseline.name!r} is no folder of a report: it has no {files.ACCOUNT}; give the folder that "
                "`steppe report` wrote for the baseline"
            )
        found = read_accounts(path.read_bytes()).whole
    roles = [each.period.role for each in found]
    if roles != ["baseline"]:  # its indicator would be that of the later period
        raise ConfigError(
            f"{request.baseline.name!r} is a report of {', '.join(roles)}; all periods are compared with the baseline: "
            "give the report of the baseline alone"
        )
    if found[0].sdg is None or not (request.baseline / files.INDICATOR).is_file():
        raise ConfigError(
            f"{request.baseline.name!r} is no report of the baseline with the indicator; make it with land "
            "productivity and soil carbon first"
        )
    if not (request.baseline / files.TRANSITIONS).is_file():
        raise ConfigError(
            f"{request.baseline.name!r} has no {files.TRANSITIONS}, which says what was water in the baseline; give "
            "the whole folder that `steppe report` wrote for the baseline"
        )
    return (replace(found[0], zone=request.title),)

"""The pass of a report: maps and layers are opened, brought to one grid, counted, and written as rasters."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from indicators.condition.correcting import Correcting, CorrectionTotal
from indicators.cover.account import CoverAccount
from indicators.joint import Axis, JointTable
from indicators.regions import RegionalMatrices
from indicators.reporting.account import PeriodAccount
from indicators.zones.placed import ZonesOnGrid
from landcover.errors import ConfigError
from landcover.grid import Grid, Window
from landcover.legends import get_legend
from landcover.raster.categorical import CodeMap
from landcover.staging import os_errors
from serving.report import files
from serving.report.covering import OpenedCover, Openers, open_cover
from serving.report.extension import (
    BASELINE_LAYER,
    INDICATOR_MAP,
    PRODUCTIVITY_MAP,
    SOC_MAP,
    STATUS_MAP,
    LayerExtension,
    Sources,
)
from serving.report.page.data import Input
from serving.report.pairing import Pairing, pair_maps
from serving.report.rasters import (
    DEGRADATION,
    TRANSITIONS,
    ReportRaster,
    Years,
    degradation_raster,
    indicator_raster,
    layer_raster,
    status_raster,
    transitions_raster,
)
from serving.report.regional import RegionsInPass
from serving.report.request import REPORT_LEGEND, CoverMap, ReportRequest
from serving.report.streaming import BLOCK_ROWS, AccountPlan, AccountRows, Extension, Progress, run_account
from serving.report.tablefiles import read_accounts

WATER: Final = 7
"""Code of water bodies in UNCCD-7."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """What a pass has found.

    Attributes:
        covers: both land-cover maps; closed by now.
        grid: grid of the rasters.
        tables: a joint table for each zone, or one of all.
        corrections: what corrections changed.
        baseline: accounts of the baseline's report, or none.
        layers: files of layers beside land cover, for provenance.
        written: names of the rasters that were written.
    """

    covers: tuple[OpenedCover, OpenedCover]
    grid: Grid
    tables: tuple[JointTable, ...]
    corrections: tuple[CorrectionTotal, ...]
    baseline: tuple[PeriodAccount, ...]
    layers: tuple[Input, ...]
    written: tuple[str, ...]


def pass_over(request: ReportRequest, folder: Path, *, openers: Openers, progress: Progress | None = None) -> Passed:
    """Open all that a report is made of, and go over it once.

    Args:
        request: what was asked for.
        folder: where the rasters go.
        openers: who opens rasters.
        progress: told after every block of rows.

    Raises:
        SteppeError: whatever keeps the report from being made.
    """
    baseline = _baseline_of(request)
    with ExitStack() as stack:
        before, after = (_opened(stack, asked, openers) for asked in (request.before, request.after))
        layers = {name: stack.enter_context(openers.codes(path)) for name, path in _layers(request).items()}
        told = tuple(_told(name, layer) for name, layer in layers.items())
        pairing, zones = _cropped(pair_maps([before.codes, after.codes], layers), request)
        regions = None
        if isinstance(request.matrix, RegionalMatrices):
            water = frozenset({get_legend(REPORT_LEGEND).index_of(WATER)})
            regions = RegionsInPass(request.matrix, pairing.grid, zones, water=water)
        extension = LayerExtension(_sources(request, pairing.grid))
        account = CoverAccount(before.positions, after.positions, request.matrices)
        rasters = _rasters(request, account, folder, extension)
        plan = AccountPlan(
            account=account,
            zones=zones,
            zone_count=1 if request.zones is None else len(request.zones.zones),
            regions=regions,
            extend=extension if regions is None else _Watching(extension, regions),
            rasters=rasters,
        )
        tables = run_account(pairing, plan, progress=progress)
        if regions is not None:
            regions.refuse()
        return Passed(
            covers=(before, after),
            grid=pairing.grid,
            tables=tables,
            corrections=extension.corrections,
            baseline=baseline,
            layers=told,
            written=tuple(raster.path.name for raster in rasters.values()),
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
    return {name: Path(path) for name, path in found.items()}


def _told(name: str, layer: CodeMap) -> Input:
    return Input(name.replace("-", " "), layer.scene.identifier, layer.scene.input_digest())


def _cropped(pairing: Pairing, request: ReportRequest) -> tuple[Pairing, ZonesOnGrid | None]:
    """Only the rows and columns that the zones need; rows begin where tiles of maps mostly do."""
    if request.zones is None:
        return pairing, None
    zones = ZonesOnGrid(request.zones, pairing.grid)
    window = zones.window
    row = window.row - window.row % BLOCK_ROWS
    window = Window(row, window.col, window.row_stop - row, window.width)
    if window == pairing.grid.extent:
        return pairing, zones
    part = pairing.cropped(window)
    return part, ZonesOnGrid(request.zones, part.grid)


def _sources(request: ReportRequest, grid: Grid) -> Sources:
    correcting = None
    if request.corrections is not None:
        correcting = Correcting(request.corrections.of_period(request.period.role), grid)
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
    return found


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
        found = [each for each in read_accounts(path.read_bytes()).whole if each.period.role == "baseline"]
    if not found or found[0].sdg is None or not (request.baseline / files.INDICATOR).is_file():
        raise ConfigError(
            f"{request.baseline.name!r} is no report of the baseline with the indicator; make it with land "
            "productivity and soil carbon first"
        )
    return (replace(found[0], zone=request.title),)

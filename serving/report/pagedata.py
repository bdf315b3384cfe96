"""What the page of a report says, from the accounts; sums and names, nothing computed anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.codes import CONDITIONS, NODATA, OUTSIDE, WATER
from indicators.condition.status import CONDITION_OF
from indicators.joint import LPD, PRODUCTIVITY, SOC
from indicators.reporting.account import PeriodAccount
from indicators.reporting.assumptions import Assumption
from indicators.reporting.finding import Finding
from indicators.reporting.rules import RULES
from indicators.reporting.submission import Submission
from indicators.reporting.totals import Headline
from landcover.grid import Grid
from landcover.legends import get_legend
from landcover.raster.area import polygons_on
from landcover.raster.decimated import read_decimated
from landcover.raster.polygons import covered
from serving.report import files
from serving.report.assembling import Assembled
from serving.report.covering import OpenedCover
from serving.report.page import data as page
from serving.report.page.adapter import conditions, cover_change, cover_conditions, dynamics
from serving.report.page.conditions import Conditions
from serving.report.page.pictures import Outline, map_picture
from serving.report.page.sections import Carbon, Crosstab, Indicator, Productivity, Stock
from serving.report.request import REPORT_LEGEND, ReportRequest
from serving.version import VERSION

MOST_PIXELS: Final = 1000
"""Longest side of the maps on the page."""

MOST_CLASSES: Final = 7
_FACTOR: Final = 10

LICENCE: Final = (
    "Choose a licence before publishing; UNCCD encourages CC0 or CC BY, and assumes CC BY-NC 4.0 otherwise."
)
"""PRAIS 4 manual, annex I."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSource:
    """What a page is made of.

    Attributes:
        request: what was asked for.
        covers: both land-cover maps.
        made: the accounts of this period.
        submission: what the tables were made of.
        findings: what the rules found.
        spots: rows of the list of places.
        time: when the report was made.
        pictures: the maps, or None.
        layers: files of layers beside land cover.
    """

    request: ReportRequest
    covers: tuple[OpenedCover, OpenedCover]
    made: Assembled
    submission: Submission
    findings: Sequence[Finding]
    spots: tuple[page.Spot, ...]
    time: datetime
    pictures: page.Pictures | None
    layers: tuple[page.Input, ...] = ()


def page_data(source: PageSource) -> page.PageData:
    """All that the page says."""
    account, request = source.made.whole, source.request
    water = account.water[0]
    cover = cover_change(account.joint, account.matrices, years=request.period.final - request.period.initial)
    alone = cover_conditions(cover, account.country_km2, "total")
    indicator = _indicator(account, source.submission)
    return page.PageData(
        areas=(account.zone,),
        initial_year=request.period.initial,
        final_year=request.period.final,
        products=tuple(dict.fromkeys(each.asked.product or each.legend.title for each in source.covers)),
        created=source.time,
        software=VERSION,
        method=account.joint.method,
        total_km2=account.country_km2,
        land_km2=account.land_km2("final"),
        water_km2=account.water_km2("final"),
        headline=alone if indicator is None else indicator.conditions,
        headline_of="cover" if indicator is None else "indicator",
        cover=cover,
        cover_conditions=None if indicator is None else alone,
        pictures=source.pictures,
        productivity=_productivity(account, water),
        carbon=_carbon(account, water),
        indicator=indicator,
        zones=tuple(_zone(part) for part in source.made.parts),
        spots=source.spots,
        assumptions=tuple(map(_assumption, account.assumptions)),
        notices=tuple(page.Notice(each.slug, each.text) for each in source.submission.caveats),
        findings=_findings(source.findings),
        inputs=_inputs(source),
        citation=(
            f"{account.zone}: land degradation {request.period.initial}-{request.period.final}. Made with Steppe "
            f"{VERSION} on {source.time:%Y-%m-%d}."
        ),
        licence=LICENCE,
    )


def pictures_of(
    request: ReportRequest, transitions: Path, degradation: Path, *, status: Path | None = None
) -> page.Pictures:
    """The three maps, from rasters that a report has written.

    What lies outside the areas, and water where the indicator says nothing, is left white: neither lacks data. What is
    water in the final year is no land that the indicator counts, and is white, too.

    Args:
        request: what was asked for; outlines of its zones are drawn.
        transitions: map codes of transitions, which hold both classes.
        degradation: -1, 0, 1 of land cover, or of the indicator.
        status: status in seven classes, which is shown in three instead where there is one: the numbers beside it are
            those of the status.

    Raises:
        DataError: when one cannot be read.
    """
    cover, condition = get_legend(REPORT_LEGEND), get_legend("degradation3")
    codes_HW, grid = read_decimated(transitions, MOST_PIXELS)
    initial_HW, final_HW = classes_of(codes_HW)
    state_HW, _ = read_decimated(degradation if status is None else status, MOST_PIXELS)
    if status is not None:
        state_HW = conditions_of(state_HW)
    if status is not None or degradation.name == files.INDICATOR:
        state_HW = np.where(final_HW == WATER, np.int16(NODATA), state_HW)
    outlines, outside_HW = _outlines(request, grid), _outside(request, grid)
    blank_HW = outside_HW | (initial_HW == WATER) | (final_HW == WATER)
    return page.Pictures(
        initial=map_picture(_blank(initial_HW, outside_HW), grid, cover, outlines=outlines),
        final=map_picture(_blank(final_HW, outside_HW), grid, cover, outlines=outlines),
        degradation=map_picture(_blank(state_HW, blank_HW), grid, condition, outlines=outlines),
    )


def conditions_of(statuses: npt.NDArray[Any]) -> npt.NDArray[np.int16]:
    """Status in three classes of status in seven.

    Args:
        statuses: 1 to 7 of any shape; everything else is no data.

    Returns:
        int16 of the same shape: -1, 0, 1; -32768 = no data.
    """
    found = np.full(statuses.shape, NODATA, np.int16)
    for status, condition in CONDITION_OF.items():
        found[statuses == status] = condition
    return found


def _outside(request: ReportRequest, grid: Grid) -> npt.NDArray[np.bool_]:
    """True where a pixel's centre lies in no zone; (row, col) of the grid."""
    if request.zones is None:
        return np.zeros((grid.height, grid.width), np.bool_)
    polygons = [polygon for zone in request.zones.zones for polygon in polygons_on(zone.area, grid)]
    return ~covered(polygons, grid.extent)


def _blank(codes_HW: npt.NDArray[Any], blank_HW: npt.NDArray[np.bool_]) -> npt.NDArray[np.int16]:
    """No data that is not to be shown as such, as pictures know it."""
    return np.where(blank_HW & (codes_HW == NODATA), np.int16(OUTSIDE), codes_HW.astype(np.int16))


def classes_of(codes: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """Initial and final class of map codes of UNCCD-7: one digit where the class stayed, else two (LDN facts 2.2).

    Args:
        codes: any shape; -32768 is no data.

    Returns:
        int16 of the same shape, with -32768 where there is no data.
    """
    changed = codes > MOST_CLASSES
    initial, final = np.where(changed, codes // _FACTOR, codes), np.where(changed, codes % _FACTOR, codes)
    return initial.astype(np.int16), final.astype(np.int16)


def _outlines(request: ReportRequest, grid: Grid) -> list[Outline]:
    """Rings of the zones in the CRS of the grid."""
    zones = () if request.zones is None else request.zones.zones
    rings = [ring for zone in zones for polygon in polygons_on(zone.area, grid) for ring in polygon]
    t = grid.transform
    return [
        np.column_stack((t.a * ring[:, 0] + t.b * ring[:, 1] + t.c, t.d * ring[:, 0] + t.e * ring[:, 1] + t.f))
        for ring in rings
    ]


def _productivity(account: PeriodAccount, water: int) -> Productivity | None:
    if not account.has(PRODUCTIVITY):
        return None
    return Productivity(
        conditions(account.joint, PRODUCTIVITY, account.land_km2(), water=water),
        dynamics(account.joint) if account.has(LPD) else None,
    )


def _carbon(account: PeriodAccount, water: int) -> Carbon | None:
    if not account.has(SOC):
        return None
    return Carbon(conditions(account.joint, SOC, account.land_km2(), water=water), _stocks(account))


def _stocks(account: PeriodAccount) -> tuple[Stock, ...]:
    """Stocks of the classes that have one in either year."""
    of = {stock.year: stock for stock in account.soc_stocks}
    if not of:
        return ()
    first, last = (of[year] for year in account.period.years)
    rows = (Stock(code, first.per_hectare(code), last.per_hectare(code)) for code in account.legend.codes)
    return tuple(row for row in rows if (row.initial, row.final) != (None, None))


def _indicator(account: PeriodAccount, submission: Submission) -> Indicator | None:
    """The indicator: of a later period with a baseline its status in three classes."""
    if account.headline is None:
        return None
    found, status, baseline = account.headline, account.status, submission.baseline
    if status is None:
        return Indicator(_of_headline(found))
    codes = (*CONDITIONS, NODATA)
    km2 = {(before, now): 0.0 for before in codes for now in codes}
    for pair, area in status.cells.items():
        before, now = (code if code in CONDITIONS else NODATA for code in pair)
        km2[before, now] += area
    table = Crosstab(codes, codes, tuple(tuple(km2[before, now] for now in codes) for before in codes))
    return Indicator(
        conditions=_of_headline(found),
        baseline=None if baseline is None or baseline.headline is None else _of_headline(baseline.headline),
        matrix=table,
        classes=tuple(status.seven.items()),
    )


def _of_headline(found: Headline) -> Conditions:
    totals = found.totals
    return Conditions(totals.degraded, totals.stable, totals.improved, totals.no_data, found.land_km2)


def _zone(part: PeriodAccount) -> page.Zone:
    """A part, by what the headline of the whole is made of: status, indicator or land cover."""
    totals, land = part.cover, part.land_km2("final")
    if part.headline is not None:
        return page.Zone(part.zone, land, _of_headline(part.headline))
    cover = Conditions(totals.degraded, totals.stable, totals.improved, totals.no_data, part.country_km2, "total")
    return page.Zone(part.zone, land, cover)


def _assumption(given: Assumption) -> page.Assumption:
    return page.Assumption(given.name, given.id, given.version, given.sha256, given.note)


def _findings(found: Sequence[Finding]) -> tuple[page.Finding, ...]:
    """Every rule: those that are kept once, others with each sentence."""
    broken = {finding.rule for finding in found}
    return (
        *(page.Finding(one.rule, "error", f"{one.table} {one.cell}: {one.sentence}") for one in found),
        *(page.Finding(rule, "passed") for rule in RULES if rule not in broken),
    )


def _inputs(source: PageSource) -> tuple[page.Input, ...]:
    """The files that the report was made of."""
    roles = zip(("initial", "final"), source.covers, strict=True)
    zones = source.request.zones
    return (
        *(
            page.Input(role, cover.name, cover.digest, cover.asked.product or cover.legend.title)
            for role, cover in roles
        ),
        *(() if zones is None else (page.Input("areas", zones.name, zones.sha256),)),
        *source.layers,
    )

"""From the tables of a pass to accounts: caveats, assumptions, the whole area and its parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Final, Protocol

from indicators.caveats import (
    Caveat,
    compare_maps,
    nodata_caveats,
    outside_map,
    signed_bytes,
    stand_in_year,
    without_summary,
)
from indicators.codes import NODATA
from indicators.condition.correcting import CorrectionTotal
from indicators.condition.corrections import FALSE_DEGRADATION, MISSED_DEGRADATION
from indicators.joint import JointTable
from indicators.reporting.account import PeriodAccount
from indicators.reporting.assumptions import Assumption
from indicators.reporting.entries import Correction
from indicators.reporting.period import ROLES
from landcover.legends import get_legend
from serving.report.covering import OpenedCover
from serving.report.request import REPORT_LEGEND, ReportRequest
from serving.report.stocks import YearTables, all_zones, carried_on, soc_stocks

_ROUNDING: Final = 1e-9
_SAME_MAP: Final = Caveat(
    "same-map", "Both land-cover maps are the same file, so that nothing can have changed; give the maps of two years."
)


class Layer(Protocol):
    """A file beside land cover, for provenance."""

    @property
    def role(self) -> str:
        """What it says."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def sha256(self) -> str | None:
        """Digest of its content."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """The accounts of one period.

    Attributes:
        whole: of the whole area.
        parts: of each zone; empty where there is one or none.
    """

    whole: PeriodAccount
    parts: tuple[PeriodAccount, ...]


def assemble(
    request: ReportRequest,
    covers: tuple[OpenedCover, OpenedCover],
    tables: Sequence[JointTable],
    *,
    stocks: Sequence[YearTables] = (),
    baseline: Sequence[PeriodAccount] = (),
    layers: Sequence[Layer] = (),
) -> Assembled:
    """Make accounts of the joint tables of a pass.

    Args:
        request: what was asked for.
        covers: both land-cover maps.
        tables: one for each zone, or one of all.
        stocks: soil carbon of the initial and the final year for each of ``tables``; empty without.
        baseline: accounts of the baseline's report.
        layers: files beside land cover.
    """
    assumptions = (*assumptions_of(request, covers), *map(_layer, layers))
    common = [*_map_caveats(request, covers)]
    whole = _account(request, request.title, reduce(add, tables), assumptions, common)
    zones = () if request.zones is None else request.zones.zones
    outside = [
        caveat
        for zone, table in zip(zones, tables, strict=bool(zones))
        for caveat in outside_map(repr(zone.name), float(table.km2.sum()), zone.km2)
    ]
    carbon = soc_stocks(all_zones(stocks), request.period)
    carried = carried_on([stock for each in baseline for stock in each.soc_stocks], carbon)
    found = [*common, *nodata_caveats(nodata_share(whole)), *_empty(whole), *outside, *carried]
    whole = replace(whole, caveats=tuple(found), soc_stocks=carbon)
    parts = tuple(
        replace(
            _account(request, zone.name, table, assumptions, common),
            soc_stocks=soc_stocks(stocks[number] if stocks else (), request.period),
        )
        for number, (zone, table) in enumerate(zip(zones, tables, strict=bool(zones)))
    )
    return Assembled(whole, parts if len(parts) > 1 else ())  # one zone is the whole


def nodata_share(account: PeriodAccount) -> float:
    """Land of which nothing is said, as a share of all land.

    That is what the headline leaves open: the status where there is a baseline, else the indicator, else land cover.
    """
    if account.headline is not None:
        return account.headline.nodata_share
    land = account.land_km2()
    if land <= 0:
        return 0.0
    missing = sum(km2 for pair, km2 in account.changes.items() if NODATA in pair and pair[0] not in account.water)
    return min(1.0, missing / land)


def assumptions_of(request: ReportRequest, covers: tuple[OpenedCover, OpenedCover]) -> tuple[Assumption, ...]:
    """Everything the numbers rest on, with the hash of its content."""
    legend = get_legend(REPORT_LEGEND)
    before, after = covers
    found = [
        Assumption("legend", legend.id, legend.version, "", legend.citation),
        Assumption.of("crosswalk of the initial map", before.crosswalk.to_document()),
        Assumption.of("crosswalk of the final map", after.crosswalk.to_document()),
        Assumption("initial land-cover map", before.name, str(before.asked.year), before.digest),
        Assumption("final land-cover map", after.name, str(after.asked.year), after.digest),
        *(Assumption.of("transition matrix", matrix.to_document()) for matrix in request.matrices),
    ]
    if request.zones is not None:
        found.append(Assumption("areas", request.zones.name, "", request.zones.sha256 or ""))
    if request.followed is not None:
        found.append(Assumption.of("period preset", request.followed.to_document()))
    if request.productivity is not None:
        found += [Assumption(*fields) for fields in request.productivity.assumptions]
    if request.soil is not None:
        found += [Assumption(*fields) for fields in request.soil.assumptions]
    if request.has_indicator:
        found.append(Assumption.of("no-data policy", request.policy.to_document()))
    if request.corrections is not None:
        found.append(Assumption("corrections", request.corrections.name, "", request.corrections.sha256))
    return tuple(found)


def _layer(given: Layer) -> Assumption:
    return Assumption(f"layer: {given.role}", given.name, "", given.sha256 or "")


def _empty(account: PeriodAccount) -> Sequence[Caveat]:
    """Layers that say nothing on all of the land: a wrong file, unit or nodata value."""
    found = []
    for name, totals in (("land productivity", account.productivity), ("soil organic carbon", account.soc)):
        if totals is not None and totals.total > 0 and totals.no_data >= totals.total * (1 - _ROUNDING):
            text = (
                f"The layer of {name} has no data on any land of the areas; check that it is the right file and unit."
            )
            found.append(Caveat("layer-empty", text))
    return found


def correction_entries(totals: Sequence[CorrectionTotal]) -> tuple[Correction, ...]:
    """Rows of SO1-4.T3; what is neither missed nor false degradation has no row there."""
    return tuple(
        Correction(
            place=one.correction.location_name or str(one.correction.uuid),
            judgement=MISSED_DEGRADATION if one.correction.kind == MISSED_DEGRADATION else FALSE_DEGRADATION,
            km2=one.changed_km2,
            process=one.correction.process_driving_change or "",
            basis=one.correction.basis_for_judgement or "",
            periods=tuple(role for role in ROLES if role in one.correction.periods),
        )
        for one in totals
        if one.correction.kind in {MISSED_DEGRADATION, FALSE_DEGRADATION}
    )


def _map_caveats(request: ReportRequest, covers: tuple[OpenedCover, OpenedCover]) -> Sequence[Caveat]:
    before, after = (cover.source for cover in covers)
    same = covers[0].digest == covers[1].digest != ""
    layers = (
        *(() if request.productivity is None else request.productivity.caveats),
        *(() if request.soil is None else request.soil.caveats),
    )
    return (
        *((_SAME_MAP,) if same else ()),
        *compare_maps(before, after, matrices=request.matrices),
        *signed_bytes([cover.name for cover in covers if cover.signed_bytes]),
        *_of_the_preset(request),
        *without_summary(len(request.matrices)),
        *(Caveat(slug, text) for slug, text in layers),
    )


def _of_the_preset(request: ReportRequest) -> Sequence[Caveat]:
    if request.preset is None or request.followed == request.preset:
        return ()
    return stand_in_year(request.preset.period(request.period.role).land_cover.last, request.period.final)


def _account(
    request: ReportRequest,
    zone: str,
    table: JointTable,
    assumptions: tuple[Assumption, ...],
    caveats: Sequence[Caveat],
) -> PeriodAccount:
    return PeriodAccount(
        zone=zone,
        period=request.period,
        matrices=request.matrices,
        joint=table,
        legend_id=REPORT_LEGEND,
        caveats=tuple(caveats),
        assumptions=assumptions,
    )

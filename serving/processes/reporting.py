"""From the order of a report to what is asked of the room that makes reports.

The order is JSON. It is read in the same way when a request is accepted, to refuse what cannot be, and by the worker.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from indicators.condition.correction_files import parse_corrections
from indicators.condition.oneout import nodata_policy
from indicators.condition.period_documents import from_document
from indicators.condition.periods import PeriodPreset
from indicators.condition.presets import period_preset
from indicators.productivity.imported import get_lpd_source
from indicators.productivity.lpd import get_lpd_table
from indicators.transition_files import parse_matrix, parse_trends_earth_matrix
from indicators.transitions import UNCCD7_TRANSITIONS, TransitionMatrix
from indicators.zones.reading import parse_zones
from indicators.zones.zone import Zone, Zones
from landcover.crosswalk_files import parse_crosswalk_and_legend, parse_trends_earth
from landcover.crosswalks import Crosswalk
from landcover.identity import canonical_sha256
from landcover.legends import Legend, get_legend
from landcover.raster.geojson import WGS84, box_area, parse_crs
from serving.processes.orders import AFTER, BEFORE, Cover, Place, ReportOrder
from serving.report.layers import (
    LpdLayer,
    ProductivityInputs,
    SocConditionLayer,
    SocPercentLayer,
    SoilCarbonInputs,
    SubIndicatorLayers,
)
from serving.report.request import CoverMap, ReportRequest, SpotTerms, period_of

AREAS: Final = "areas"
CORRECTIONS: Final = "corrections"
_NATIONAL: Final = "national"
_ID: Final = 40
"""Letters of an id that is made of a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the files of an order are.

    Attributes:
        rasters: by the input that each is.
        baseline: folder with what is kept of the baseline's report, or None.
        origins: what files are called in provenance, where that is not their name.
    """

    rasters: Mapping[str, Path]
    baseline: Path | None = None
    origins: Mapping[Path, str] = field(default_factory=lambda: MappingProxyType({}))


def report_request(order: ReportOrder, places: Places) -> ReportRequest:
    """What an order asks for.

    Args:
        order: the order.
        places: where its files are.

    Raises:
        SteppeError: when something in it is not as it has to be, or does not go with the rest.
    """
    return ReportRequest(
        before=_cover(order.before, places.rasters[BEFORE], places),
        after=_cover(order.after, places.rasters[AFTER], places),
        period=period_of(order.before.year, order.after.year, order.period),
        zones=_zones(order.areas),
        name=order.making.name,
        matrix=_matrix(order.matrix),
        productivity=_productivity(order, places.rasters),
        soil=_soil(places.rasters),
        policy=nodata_policy(order.nodata_policy),
        corrections=None if order.corrections is None else parse_corrections(order.corrections, CORRECTIONS),
        baseline=places.baseline,
        preset=_preset(order.preset),
        spots=SpotTerms(min_km2=order.spots.min_km2, most=order.spots.most),
        confidence=order.confidence,
        language=order.making.language,
        origins=places.origins,
    )


def check_report(order: ReportOrder) -> None:
    """Refuse an order that no report can be made of, wherever its files are.

    Raises:
        SteppeError: see ``report_request``.
    """
    rasters = {name: Path(f"{name}.tif") for name in (BEFORE, AFTER, *order.layers)}
    baseline = None if order.baseline is None else Path(order.baseline.job)
    asked = report_request(order, Places(rasters=rasters, baseline=baseline))
    for cover in (asked.before, asked.after):
        if cover.crosswalk is None and cover.legend is not None:
            get_legend(cover.legend)


def _cover(cover: Cover, path: Path, places: Places) -> CoverMap:
    crosswalk, national = _crosswalk(cover.crosswalk)
    return CoverMap(
        source=path,
        year=cover.year,
        legend=cover.legend,
        crosswalk=crosswalk,
        national=national,
        origin=places.origins.get(path),
    )


def _crosswalk(document: dict[str, Any] | None) -> tuple[Crosswalk | None, Legend | None]:
    """A crosswalk, and its national legend where the document has one: Steppe's or Trends.Earth's."""
    if document is None:
        return None, None
    text = json.dumps(document)
    if "nesting" not in document:
        return parse_crosswalk_and_legend(text)
    child = document.get("child")
    named = child.get("name") if isinstance(child, dict) else None
    legend, crosswalk = parse_trends_earth(text, legend_id=f"{_id_of(named)}-legend")
    return crosswalk, legend


def _matrix(document: dict[str, Any] | None) -> TransitionMatrix:
    if document is None:
        return UNCCD7_TRANSITIONS
    text = json.dumps(document)
    if "definitions" in document:
        return parse_trends_earth_matrix(text, matrix_id=_id_of(document.get("name")))
    return parse_matrix(text)


def _preset(given: str | dict[str, Any] | None) -> PeriodPreset | None:
    """A table of periods by its id, or of the request's own."""
    if given is None:
        return None
    return period_preset(given) if isinstance(given, str) else from_document(given)


def _id_of(name: object) -> str:
    """An id of a name that people gave."""
    words = "".join(char if char.isascii() and char.isalnum() else " " for char in str(name or "").lower()).split()
    return "-".join(words)[:_ID].strip("-") or _NATIONAL


def _zones(place: Place) -> Zones | None:
    """Areas of a request: GeoJSON, or a box as the only one; the digest is of what was sent."""
    if place.geometry is not None:
        zones = parse_zones(place.geometry, AREAS)
        return Zones(zones.name, zones.zones, canonical_sha256(place.geometry))
    if place.bbox is None:
        return None
    area = box_area(place.bbox, parse_crs(place.crs or WGS84))
    digest = canonical_sha256({"bbox": list(place.bbox), "crs": place.crs})
    return Zones(AREAS, (Zone(AREAS, area),), digest)


def _productivity(order: ReportOrder, rasters: Mapping[str, Path]) -> ProductivityInputs | None:
    table = get_lpd_table(order.lpd_table)
    if order.lpd_source is not None:
        return ProductivityInputs(LpdLayer(rasters["lpd"], get_lpd_source(order.lpd_source)), table)
    if "trend" not in rasters:
        return None
    layers = SubIndicatorLayers(
        trend=rasters["trend"], state=rasters["state"], performance=rasters["performance"], raw=False
    )
    return ProductivityInputs(layers, table)


def _soil(rasters: Mapping[str, Path]) -> SoilCarbonInputs | None:
    if "soc_change" in rasters:
        return SoilCarbonInputs(SocPercentLayer(rasters["soc_change"]))
    if "soc_condition" in rasters:
        return SoilCarbonInputs(SocConditionLayer(rasters["soc_condition"]))
    return None

"""The process ``report``: two land-cover maps to the tables that countries hand in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from pydantic import BaseModel

from serving.processes.costs import Cost, place_of
from serving.processes.images import Checked, Images
from serving.processes.orders import (
    AFTER,
    BEFORE,
    Baseline,
    Cover,
    Image,
    LayerName,
    Making,
    ReportOrder,
    SpotsWanted,
)
from serving.processes.outputs import OF_BASELINE, OF_CARBON, OF_INDICATOR, OF_PRODUCTIVITY, REPORT, Output
from serving.processes.process import Plan
from serving.processes.reportinputs import ReportInputs
from serving.settings import Settings

LAYERS: Final[tuple[LayerName, ...]] = get_args(LayerName.__value__)


class Report:
    """See ``process.Process``.

    Args:
        settings: limits.
    """

    id: Final = "report"
    title: Final = "Report land degradation"
    description: Final = (
        "Makes the tables of UNCCD's strategic objective 1 and SDG indicator 15.3.1 from two land-cover maps: "
        "workbook, CSV and JSON, maps, hotspots and a page. With layers of land productivity and soil carbon the "
        "indicator is computed, with an earlier report of the baseline the status of land. Areas are mapped areas "
        "(pixel count)."
    )
    inputs: Final = ReportInputs
    outputs: Final = REPORT

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def made_of(self, inputs: BaseModel) -> Sequence[Output]:
        """See ``process.Process``."""
        assert isinstance(inputs, ReportInputs)  # noqa: S101 - the form of this process
        needed = {
            OF_PRODUCTIVITY: inputs.has_productivity,
            OF_CARBON: inputs.has_carbon,
            OF_INDICATOR: inputs.has_indicator,
            OF_BASELINE: inputs.has_indicator and inputs.baseline is not None,
        }
        missing = frozenset[str]().union(*(names for names, there in needed.items() if not there))
        return [output for output in REPORT if output.name not in missing]

    def plan(self, inputs: BaseModel, outputs: Sequence[str], images: Images) -> Plan:
        """See ``process.Process``."""
        from serving.processes.reporting import check_report  # noqa: PLC0415 - polygons and tables, of reports only

        assert isinstance(inputs, ReportInputs)  # noqa: S101 - the form of this process
        given = {role: getattr(inputs, role) for role in (BEFORE, AFTER, *LAYERS)}
        checked = {role: images.raster(one, role) for role, one in given.items() if one is not None}
        order = _order(inputs, checked, self._making(inputs, outputs))
        if inputs.baseline is not None:
            order = order.model_copy(update={"baseline": _baseline(inputs.baseline, images)})
        check_report(order)
        pixels = checked[BEFORE].pixels
        return Plan(
            order=order,
            model=None,
            cost=Cost(pixels, exact=bool(pixels) and inputs.areas is None),
            scenes=[{"input": role, **one.facts} for role, one in checked.items()],
        )

    def _making(self, inputs: ReportInputs, outputs: Sequence[str]) -> Making:
        return Making(
            outputs=tuple(outputs),
            language=inputs.language,
            name=inputs.name,
            max_pixels=self._settings.max_pixels,
        )


def _order(inputs: ReportInputs, checked: Mapping[str, Checked], making: Making) -> ReportOrder:
    images = {role: Image(source=one.source, role=role) for role, one in checked.items()}
    place, _ = place_of(inputs.areas)
    return ReportOrder(
        making=making,
        before=_cover(
            images[BEFORE], inputs.before_year, inputs.before_legend, inputs.before_crosswalk or inputs.crosswalk
        ),
        after=_cover(images[AFTER], inputs.after_year, inputs.after_legend, inputs.after_crosswalk or inputs.crosswalk),
        layers={name: images[name] for name in LAYERS if name in images},
        matrix=inputs.matrix,
        areas=place,
        period=inputs.period,
        preset=inputs.preset,
        lpd_source=inputs.lpd_source,
        lpd_table=inputs.lpd_table,
        nodata_policy=inputs.nodata_policy,
        corrections=inputs.corrections,
        spots=SpotsWanted(min_km2=inputs.min_spot_km2, most=inputs.most_spots),
        confidence=inputs.confidence,
    )


def _cover(image: Image, year: int, legend: str | None, crosswalk: dict[str, Any] | None) -> Cover:
    return Cover(image=image, year=year, legend=legend, crosswalk=crosswalk)


def _baseline(job: str, images: Images) -> Baseline:
    """What is needed of an earlier report, as files of this job: the report may be removed while the job waits."""
    account, indicator, transitions = map(images.adopt, images.reports.baseline(job))
    return Baseline(job=job, account=account, indicator=indicator, transitions=transitions)

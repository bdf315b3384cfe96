"""Make a report: one pass over the maps, then every table, page and file from what it counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from indicators.reporting.finding import Finding
from indicators.reporting.rules import check
from indicators.reporting.submission import Submission
from indicators.reporting.table import Table
from indicators.reporting.tables import report_tables
from indicators.spots import BRIGHTSPOT, HOTSPOT, Spots
from serving.report import files
from serving.report.assembling import Assembled, assemble, correction_entries, nodata_share
from serving.report.covering import Openers
from serving.report.page.data import PageData
from serving.report.pagedata import PageSource, page_data, pictures_of
from serving.report.passing import Measured, Passed, pass_over
from serving.report.request import ReportRequest
from serving.report.spotting import entries_of, listed_on_page, spots_layer, spots_of
from serving.report.streaming import Progress
from serving.report.writing import Finished, write_all

OPENING: Final = "opening the maps"
LOOKING: Final = "looking for hotspots"
WRITING: Final = "writing the tables"

type Step = Callable[[str], None]
"""Is told what is done next, in a few words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportMade:
    """A finished report.

    Attributes:
        folder: where its files are.
        title: name of the area.
        names: names of the files.
        made: the accounts.
        page: what the page says.
        findings: what PRAIS's rules found.
        tables: all tables.
        pixels: pixels of the grid.
        seconds: from opening the maps to the last file.
    """

    folder: Path
    title: str
    names: tuple[str, ...]
    made: Assembled
    page: PageData
    findings: tuple[Finding, ...]
    tables: tuple[Table, ...]
    pixels: int
    seconds: float

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for each caveat and each rule that is broken."""
        return (
            *(notice.text for notice in self.page.notices),
            *(f"{one.table} {one.cell}: {one.sentence}" for one in self.findings),
        )

    def to_json(self) -> dict[str, Any]:
        """For ``--json`` and for the record of a job."""
        account = self.made.whole
        totals = account.cover
        return {
            "report": self.title,
            "period": {"role": account.period.role, "initial": account.period.initial, "final": account.period.final},
            "quantity": "mapped area (pixel count)",
            "country_km2": account.country_km2,
            "land_km2": account.land_km2("final"),
            "land_cover": {
                "degraded_km2": totals.degraded,
                "stable_km2": totals.stable,
                "improved_km2": totals.improved,
                "no_data_km2": totals.no_data,
            },
            "indicator_degraded_km2": account.degraded_km2,
            "indicator_degraded_percent": account.degraded_percent,
            "no_data_share_of_land": nodata_share(account),
            "pixels": self.pixels,
            "seconds": round(self.seconds, 3),
            "megapixels_per_second": round(self.pixels / 1e6 / self.seconds, 3),
            "warnings": list(self.warnings),
            "files": {name: str(self.folder / name) for name in self.names},
        }


def make_report(
    request: ReportRequest,
    folder: Path,
    *,
    openers: Openers | None = None,
    progress: Progress | None = None,
    measured: Measured | None = None,
    step: Step | None = None,
    now: datetime | None = None,
) -> ReportMade:
    """Make a report.

    Args:
        request: what was asked for.
        folder: an empty folder for the files; what is there after an error is of no use.
        openers: who opens rasters; None = this process.
        progress: told after every block of rows.
        measured: told how many pixels the report has, before one is read; what it raises ends it.
        step: told what is done next, and again while that takes long; what it raises ends it.
        now: the report's time, with a time zone; None = this moment.

    Raises:
        SteppeError: whatever keeps the report from being made.
    """
    began, moment, say = time.monotonic(), now or datetime.now(UTC), step or _nobody
    say(OPENING)
    passed = pass_over(request, folder, openers=openers or Openers(), progress=progress, measured=measured)
    made = assemble(
        request,
        passed.covers,
        passed.tables,
        stocks=passed.stocks,
        baseline=passed.baseline,
        layers=passed.layers,
    )
    layer = files.INDICATOR if files.INDICATOR in passed.written else files.DEGRADATION
    spots = spots_of(
        folder / spots_layer(passed.written),
        folder / files.TRANSITIONS,
        request.matrices,
        request.spots,
        passed.zones,
        watch=partial(say, LOOKING),
    )
    say(WRITING)
    submission = _submission(request, passed, made, spots)
    tables = report_tables(submission)
    findings = check(tables)
    source = PageSource(
        request=request,
        covers=passed.covers,
        made=made,
        submission=submission,
        findings=findings,
        spots=tuple(row for kind in spots.values() for row in listed_on_page(kind, passed.grid)),
        time=moment,
        pictures=pictures_of(
            request,
            folder / files.TRANSITIONS,
            folder / layer,
            status=folder / files.STATUS if files.STATUS in passed.written else None,
        ),
        layers=passed.layers,
    )
    data = page_data(source)
    finished = Finished(
        request=request,
        passed=passed,
        made=made,
        submission=submission,
        tables=tables,
        findings=findings,
        spots=spots,
        data=data,
        time=moment,
    )
    names = write_all(finished, folder)
    grid = passed.grid
    return ReportMade(
        folder=folder,
        title=request.title,
        names=names,
        made=made,
        page=data,
        findings=findings,
        tables=tables,
        pixels=grid.height * grid.width,
        seconds=time.monotonic() - began,
    )


def _nobody(_step: str) -> None:
    """Listens to no step."""


def _submission(request: ReportRequest, passed: Passed, made: Assembled, spots: dict[str, Spots]) -> Submission:
    classes = next((cover.country_classes for cover in reversed(passed.covers) if cover.country_classes), ())
    return Submission(
        accounts=(*passed.baseline, made.whole),
        country_legend=classes,
        corrections=correction_entries(passed.corrections),
        hotspots=entries_of(spots[HOTSPOT]),
        brightspots=entries_of(spots[BRIGHTSPOT]),
        confidence=request.confidence,
    )

"""Compare two reports of the same land: one pass over their rasters, then every file of the comparison."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from indicators.caveats import Caveat
from indicators.comparison.caveats import (
    CORRECTIONS_LEFT_OUT,
    INDICATOR_LEFT_OUT,
    OTHER_AREAS,
    period_caveats,
    producer_caveats,
)
from indicators.comparison.difference import Difference, compare
from indicators.comparison.factors import FIRST, LAYERS, SECOND, axis_of
from indicators.joint import FINAL, INITIAL, PRODUCTIVITY, SOC, JointTable
from landcover.labels import Language
from serving.report import files
from serving.report.comparingcauses import Cause, causes_of
from serving.report.comparingfolder import ReadReport, read_report
from serving.report.comparingpass import Compared, pass_over_both
from serving.report.comparingrules import Rulebook, rulebook_of
from serving.report.covering import Openers
from serving.report.page.disagreement import disagreement_legend
from serving.report.rasters import ReportRaster
from serving.report.streaming import Progress

_ROUNDING: Final = 1e-9
"""Share of an area that is only the order in which numbers were added."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """A comparison of two reports.

    Attributes:
        first: report A.
        second: report B.
        compared: what the pass found.
        difference: agreement and effects.
        causes: what differs behind each factor.
        rules: the rules that differ.
        caveats: what to know before.
        time: when it was made, with a time zone.
        seconds: from opening the rasters to the tables.
    """

    first: ReadReport
    second: ReadReport
    compared: Compared
    difference: Difference
    causes: Mapping[str, tuple[Cause, ...]]
    rules: Rulebook
    caveats: tuple[Caveat, ...]
    time: datetime
    seconds: float

    @property
    def reports(self) -> dict[str, ReadReport]:
        """Both, by ``a`` and ``b``."""
        return {FIRST: self.first, SECOND: self.second}

    def name(self, account: str) -> str:
        """What the folder of a report is called, with the folder that it is in where both have one name."""
        folder = self.reports[account].folder
        alike = self.first.name == self.second.name and self.first.folder != self.second.folder
        return f"{folder.parent.name}/{folder.name}" if alike else folder.name

    @property
    def compared_km2(self) -> float:
        """Mapped area (pixel count) of the pixels that are compared."""
        return float(self.compared.joint.km2.sum())

    def outside_km2(self, account: str) -> float:
        """Km2 with land cover of both years in a report that is outside of what is compared.

        The account of a report counts pixels along the borders of its areas by their share, the comparison whole
        pixels, so that a little less may come out than there is.
        """
        axis = axis_of(account, INITIAL)
        inside = float(self.compared.joint.over([axis]).km2[:-1].sum())
        told = self.reports[account].told_km2
        return told - inside if told - inside > _ROUNDING * told else 0.0

    @property
    def layers_km2(self) -> dict[str, npt.NDArray[np.float64]]:
        """Agreement of sub-indicators beside land cover that both have: rows A, columns B; -1, 0, 1, -32768."""
        joint = self.compared.joint
        return {
            layer: joint.over([axis_of(FIRST, layer), axis_of(SECOND, layer)]).km2
            for layer in (PRODUCTIVITY, SOC)
            if axis_of(FIRST, layer) in joint.names
        }


def compare_reports(
    first: Path,
    second: Path,
    folder: Path,
    *,
    language: Language = "en",
    openers: Openers | None = None,
    progress: Progress | None = None,
    now: datetime | None = None,
) -> Comparison:
    """Compare two reports, and write the raster of disagreement.

    Args:
        first: folder of report A.
        second: folder of report B.
        folder: an empty folder; what is there after an error is of no use.
        language: of the classes of the raster.
        openers: who opens rasters; None = this process.
        progress: told after every block of rows.
        now: the comparison's time, with a time zone; None = this moment.

    Raises:
        ConfigError: when one is no report, or none that can be compared.
        GridMismatch: when they have no place in common.
        SteppeError: whatever else keeps them from being compared.
    """
    began, moment = time.monotonic(), now or datetime.now(UTC)
    one, other = read_report(first), read_report(second)
    raster = _raster(folder, one, other, language)
    compared = pass_over_both(one, other, raster, openers=openers or Openers(), progress=progress)
    rules = (each.rules(indicator=compared.indicator) for each in (one, other))
    difference = compare(_judged(compared), *rules)
    return Comparison(
        first=one,
        second=other,
        compared=compared,
        difference=difference,
        causes={effect.factor: causes_of(effect.factor, one, other) for effect in difference.effects},
        rules=rulebook_of(one, other, difference),
        caveats=tuple(_caveats(one, other, compared)),
        time=moment,
        seconds=time.monotonic() - began,
    )


def _judged(compared: Compared) -> JointTable:
    """The table over what is judged: of land cover alone where the indicator is not compared."""
    layers = LAYERS if compared.indicator else (INITIAL, FINAL)
    return compared.joint.over([axis_of(account, layer) for layer in layers for account in (FIRST, SECOND)])


def _raster(folder: Path, first: ReadReport, second: ReadReport, language: Language) -> ReportRaster:
    return ReportRaster(
        path=folder / files.DISAGREEMENT,
        description="disagreement of two reports",
        legend=disagreement_legend(language),
        tags={
            f"{what}_{account}": identity
            for account, each in ((FIRST, first), (SECOND, second))
            for what, identity in (
                ("transition_matrix", each.matrix.identity),
                ("crosswalk_initial", each.grounds.maps[0].crosswalk.identity),
                ("crosswalk_final", each.grounds.maps[1].crosswalk.identity),
            )
        },
    )


def _caveats(first: ReadReport, second: ReadReport, compared: Compared) -> Iterator[Caveat]:
    yield from period_caveats(first.account.period, second.account.period)
    one, other = first.grounds, second.grounds
    if one.areas != other.areas:
        yield OTHER_AREAS
    pairs = [(a.source, b.source) for a, b in zip(one.maps, other.maps, strict=True)]
    yield from producer_caveats(pairs)
    if not compared.indicator and (one.policy is not None or other.policy is not None):
        yield INDICATOR_LEFT_OUT
    if compared.indicator and (one.corrections or other.corrections):
        yield CORRECTIONS_LEFT_OUT

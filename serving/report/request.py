"""What a report is asked for: two land-cover maps, the rules they are judged by, and what else is known of the land."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from indicators.condition.corrections import Corrections
from indicators.condition.oneout import STRICT, NodataPolicy
from indicators.condition.periods import PeriodPreset
from indicators.condition.presets import for_land_cover
from indicators.regions import RegionalMatrices
from indicators.reporting.entries import Confidence
from indicators.reporting.period import Period, Role
from indicators.transitions import UNCCD7_TRANSITIONS, TransitionMatrix
from indicators.zones.zone import Zones
from landcover.crosswalks import Crosswalk
from landcover.errors import ConfigError, WrongUse
from landcover.labels import Language
from landcover.legends import Legend
from serving.report.layers import ProductivityInputs, SoilCarbonInputs

REPORT_LEGEND: Final = "unccd7"
"""Legend of all reports: PRAIS 4 manual, SO1.md Table 8."""

_LAST_OF_BASELINE: Final = 2015
_LAST_OF_FIRST: Final = 2019


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverMap:
    """One land-cover map.

    Attributes:
        source: a raster of class codes, one band.
        year: the year that it shows.
        legend: id of its legend, where the file does not state it.
        crosswalk: to UNCCD-7, where it is not the one that Steppe has for the legend.
        national: the legend of ``crosswalk``, where it is one that Steppe does not know.
        product: what the map is called in caveats; None = its legend.
        version: the producer's version, where it is known.
        origin: what the file is called in provenance; None = its name.
    """

    source: Path
    year: int
    legend: str | None = None
    crosswalk: Crosswalk | None = None
    national: Legend | None = None
    product: str | None = None
    version: str | None = None
    origin: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotTerms:
    """Which patches are hot- and brightspots.

    Attributes:
        min_km2: smallest area.
        most: most patches of a kind that are listed.
    """

    min_km2: float = 1.0
    most: int = 100

    def __post_init__(self) -> None:
        """Refuse, before anything is computed, what finds nothing.

        Raises:
            WrongUse: with the value.
        """
        if not 0 <= self.min_km2 < math.inf:
            raise WrongUse(f"a smallest hot- or brightspot of {self.min_km2:g} km2: expected a number of at least 0")
        if self.most < 1:
            raise WrongUse(f"at most {self.most} hot- or brightspots: expected at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest:
    """One report: one period of one country, or of its parts.

    Attributes:
        before: land cover of the initial year.
        after: land cover of the final year.
        period: which period it is, and its years.
        zones: areas to report on, each with its own tables; None = all that both maps hold.
        name: of the whole area, in titles; None = that of the only zone, or of the file of zones.
        matrix: what changes of land cover mean; regional ones hold in their zones.
        productivity: land productivity, or None.
        soil: soil organic carbon, or None.
        policy: what the indicator makes of a missing sub-indicator.
        corrections: judgements of experts, or None.
        baseline: folder of an earlier report of the baseline, or None.
        preset: table of periods that the report follows, or None.
        spots: hot- and brightspots.
        confidence: how sure the country is of the degraded area: its own word, or None.
        language: of titles, tables and the page.
        origins: what layers are called in provenance, by their files; one that is not here by its own name.
    """

    before: CoverMap
    after: CoverMap
    period: Period
    zones: Zones | None = None
    name: str | None = None
    matrix: TransitionMatrix | RegionalMatrices = UNCCD7_TRANSITIONS
    productivity: ProductivityInputs | None = None
    soil: SoilCarbonInputs | None = None
    policy: NodataPolicy = STRICT
    corrections: Corrections | None = None
    baseline: Path | None = None
    preset: PeriodPreset | None = None
    spots: SpotTerms = SpotTerms()
    confidence: Confidence | None = None
    language: Language = "en"
    origins: Mapping[Path, str] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        """Refuse what does not go together.

        Raises:
            WrongUse: a baseline that is compared with a baseline.
            ConfigError: corrections of an indicator that is not computed.
            PeriodTable: years that are not those of the preset.
        """
        if self.baseline is not None and self.period.role == "baseline":
            raise WrongUse(
                "the baseline is what later periods are compared with; leave --baseline out, or give --period"
            )
        if not self.has_indicator and (self.corrections is not None or self.baseline is not None):
            raise ConfigError(
                "the indicator needs land productivity and soil carbon beside land cover (one out, all out); give "
                "both, or leave corrections and baseline out"
            )
        _ = self.followed

    @property
    def followed(self) -> PeriodPreset | None:
        """The preset with the years of land cover that the maps have.

        Raises:
            PeriodTable: years that are not those of the preset.
        """
        return None if self.preset is None else for_land_cover(self.preset, self.period.role, self.period.years)

    @property
    def has_indicator(self) -> bool:
        """Whether SDG indicator 15.3.1 can be told: it takes all three sub-indicators."""
        return self.productivity is not None and self.soil is not None

    @property
    def matrices(self) -> tuple[TransitionMatrix, ...]:
        """The matrix, or the regional ones in their order."""
        return self.matrix.matrices if isinstance(self.matrix, RegionalMatrices) else (self.matrix,)

    @property
    def title(self) -> str:
        """What the whole area is called."""
        if self.name is not None:
            return self.name
        if self.zones is None:
            return self.after.source.stem
        return self.zones.names[0] if len(self.zones.zones) == 1 else Path(self.zones.name).stem


def period_of(first: int, last: int, role: Role | None = None) -> Period:
    """The period of two years; without a role the one that UNCCD reports such years in.

    Years that end in 2015 or before are the baseline, those until 2019 the first reporting period, later ones the
    second (PRAIS 4 manual, SO1.md Table 6).

    Raises:
        ConfigError: when the first year is not before the last.
    """
    if role is None:
        role = "baseline" if last <= _LAST_OF_BASELINE else "report_1" if last <= _LAST_OF_FIRST else "report_2"
    return Period(role, first, last)

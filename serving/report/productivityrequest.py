"""What productivity layers are asked for: annual NDVI, the years of it that count, and the methods."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from indicators.condition.periods import Period as PeriodWindows
from indicators.condition.periods import PeriodPreset, PeriodTable
from indicators.productivity.lpd import PRAIS2026, LpdTable
from indicators.productivity.performance_methods import PERFORMANCE, PerformanceMethod
from indicators.productivity.state import STATE, StateMethod
from indicators.productivity.trend_methods import KENDALL, TrendMethod
from indicators.reporting.period import Role
from indicators.soilcarbon.annual import check_years
from indicators.zones.zone import Zones
from landcover.errors import WrongUse
from serving.report.productivitymethods import NdviMethods

HISTORICAL_YEARS: Final = STATE.historical_years
RECENT_YEARS: Final = STATE.recent_years


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductivityRequest:
    """Layers of trend, state, performance and productivity dynamics from annual NDVI.

    Attributes:
        ndvi: one file with a band a year, or a file for each year, in order.
        years: the years of the bands or files, one after the other.
        soil: raster of soil taxonomy codes (USDA).
        cover: raster of land-cover codes; with the soil they are the units of performance.
        legend: of ``cover``, where the file does not state one; without any, its codes are taken as they are.
        zones: areas to compute, which are the extent of performance, too; None = all of the NDVI.
        scale: factor that makes the values NDVI x 10000; None = 1, or 10000 where the file states a scale of its own
            and so holds NDVI of -1 to 1.
        nodata: value of missing years as the files store it, before their scale; beside their own.
        trend: rule of the trajectory.
        historical_years: years that state is measured against; None = the preset's, or 13.
        recent_years: years it measures; None = the preset's, or 3.
        performance: percentile and share.
        table: how trend, state and performance combine.
        preset: table of periods whose years are taken from the stack; None = all years of the stack.
        role: which period of it.
    """

    ndvi: tuple[Path, ...]
    years: tuple[int, ...]
    soil: Path
    cover: Path
    legend: str | None = None
    zones: Zones | None = None
    scale: float | None = None
    nodata: float | None = None
    trend: TrendMethod = KENDALL
    historical_years: int | None = None
    recent_years: int | None = None
    performance: PerformanceMethod = PERFORMANCE
    table: LpdTable = PRAIS2026
    preset: PeriodPreset | None = None
    role: Role | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be computed, before any file is opened.

        Raises:
            WrongUse: a preset without a period, windows beside a preset, too few years, or a scale of 0 or less.
            ConfigError: years that do not follow each other.
            PeriodTable: years of the preset that the stack does not have.
        """
        if not self.ndvi:
            raise WrongUse("no NDVI was given: name one file with a band a year, or a file for each year")
        if (self.preset is None) != (self.role is None):
            raise WrongUse("--preset and --period go together: the table of periods, and which of them")
        check_years(self.years)
        windows = self.windows
        if windows is not None:
            if (self.historical_years, self.recent_years) != (None, None):
                raise WrongUse("the preset says the windows of state; leave --historical-years and --recent-years out")
            windows.check_annual(self.years)
            _check_windows(windows)
        if self.scale is not None and not self.scale > 0:
            raise WrongUse(f"scale of NDVI {self.scale:g}: expected above 0")
        _ = self.methods

    @property
    def windows(self) -> PeriodWindows | None:
        """The years of the preset's period."""
        return None if self.preset is None or self.role is None else self.preset.period(self.role)

    @property
    def used(self) -> tuple[int, ...]:
        """The years of the stack that count."""
        windows = self.windows
        return self.years if windows is None else tuple(windows.annual)

    @property
    def bands(self) -> slice:
        """Positions of these years in the stack, from 0."""
        start = self.years.index(self.used[0])
        return slice(start, start + len(self.used))

    @property
    def state(self) -> StateMethod:
        """Windows and threshold of the state."""
        windows = self.windows
        if windows is not None:
            return replace(STATE, historical_years=len(windows.state_history), recent_years=len(windows.state_recent))
        return replace(
            STATE,
            historical_years=self.historical_years or HISTORICAL_YEARS,
            recent_years=self.recent_years or RECENT_YEARS,
        )

    @property
    def methods(self) -> NdviMethods:
        """The methods, for the years that count."""
        return NdviMethods(years=self.used, trend=self.trend, state=self.state, performance=self.performance)


def _check_windows(windows: PeriodWindows) -> None:
    """Trend and performance are of all years, and state ends with them, as in both presets.

    Raises:
        PeriodTable: naming the windows that are not.
    """
    annual, history, recent = windows.annual, windows.state_history, windows.state_recent
    whole = all((each.first, each.last) == (annual.first, annual.last) for each in (windows.trend, windows.performance))
    if not (whole and history.last + 1 == recent.first and recent.last == annual.last):
        raise PeriodTable(
            f"{windows.name}: trend {windows.trend}, performance {windows.performance}, state {history} against "
            f"{recent}: expected trend and performance over the same years, and state to end with them"
        )

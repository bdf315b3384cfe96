"""Which years an assessment compares: the baseline and the periods reported against it.

UNCCD PRAIS 4 reporting manual, SO1.md Tables 6 and 12, SO 1-1 steps 5 and 6, SO 1-3 step 5; presets of Trends.Earth,
LDMP/calculate_ldn.py. Both call the same reports 2019 and 2023 but begin their periods in different years, so the table
is an object with a name that goes into every output.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from landcover.errors import ConfigError
from landcover.identity import identity

BASELINE: Final = "baseline"
REPORT_1: Final = "report_1"
REPORT_2: Final = "report_2"

NAMES: Final = (BASELINE, REPORT_1, REPORT_2)
"""Names of periods, in order of time, as in the files of Trends.Earth."""


class PeriodTable(ConfigError):
    """The years of the periods contradict each other, or data lacks some of them."""

    slug = "period-table"


@dataclass(frozen=True, slots=True)
class Years:
    """Years from the first to the last, both included.

    Attributes:
        first: first year.
        last: last year.
    """

    first: int
    last: int

    def __post_init__(self) -> None:
        """Refuse years that run backwards.

        Raises:
            PeriodTable: with both.
        """
        if self.first > self.last:
            raise PeriodTable(f"years {self.first} to {self.last} run backwards; expected the earlier one first")

    def __len__(self) -> int:
        """Number of years."""
        return self.last - self.first + 1

    def __iter__(self) -> Iterator[int]:
        """Every year."""
        return iter(range(self.first, self.last + 1))

    def __str__(self) -> str:
        """``2000-2015``."""
        return f"{self.first}-{self.last}"

    def covers(self, other: Years) -> bool:
        """Whether all years of another range are here."""
        return self.first <= other.first and other.last <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The years that one assessment compares.

    Attributes:
        name: ``baseline``, ``report_1`` or ``report_2``.
        reported_as: the year under which it is reported: 2015, 2019, 2023.
        land_cover: the two years whose land cover is compared.
        soc: the two years whose soil carbon is compared.
        trend: years of the productivity trend.
        performance: years of productivity performance.
        state_history: years that productivity state is measured against.
        state_recent: the years it measures.
    """

    name: str
    reported_as: int
    land_cover: Years
    soc: Years
    trend: Years
    performance: Years
    state_history: Years
    state_recent: Years

    def __post_init__(self) -> None:
        """Refuse a period that contradicts itself.

        Raises:
            PeriodTable: saying which years do.
        """
        if self.name not in NAMES:
            raise PeriodTable(f"a period is called {self.name!r}; expected one of {', '.join(NAMES)}")
        for what, years in (("land cover", self.land_cover), ("soil carbon", self.soc)):
            if len(years) == 1:
                raise PeriodTable(f"{self.name}: {what} compares {years.first} with itself; give two different years")
        if self.state_recent.first <= self.state_history.last:
            raise PeriodTable(
                f"{self.name}: the recent years of productivity state, {self.state_recent}, overlap the historical "
                f"ones, {self.state_history}; begin them after {self.state_history.last}"
            )

    @property
    def annual(self) -> Years:
        """All years of annual vegetation indices that productivity needs."""
        parts = (self.trend, self.performance, self.state_history, self.state_recent)
        return Years(min(part.first for part in parts), max(part.last for part in parts))

    def check_annual(self, available: Collection[int]) -> None:
        """Refuse a stack of annual images in which years are missing.

        Args:
            available: years of the stack.

        Raises:
            PeriodTable: listing the missing years.
        """
        windows = (self.trend, self.performance, self.state_history, self.state_recent)
        wanted = {year for years in windows for year in years}
        self._refuse(sorted(wanted - set(available)), "the stack of annual images")

    def check_land_cover(self, available: Collection[int]) -> None:
        """Refuse land-cover maps among which one of the two years is missing.

        Args:
            available: years of the maps.

        Raises:
            PeriodTable: listing the missing years.
        """
        wanted = {self.land_cover.first, self.land_cover.last}
        self._refuse(sorted(wanted - set(available)), "the land-cover maps")

    def _refuse(self, missing: list[int], where: str) -> None:
        if missing:
            raise PeriodTable(
                f"{self.name}: {where} lack {_listed(missing)}; add them or choose a period table without them"
            )


@dataclass(frozen=True, slots=True)
class PeriodPreset:
    """The baseline and the periods that are compared with it.

    Attributes:
        id: short name.
        version: changes whenever a year changes.
        periods: in order of time, the baseline first.
        citation: where the years come from.
    """

    id: str
    version: str
    periods: tuple[Period, ...]
    citation: str

    def __post_init__(self) -> None:
        """Refuse periods out of order.

        Periods of productivity overlap on purpose: a trend needs many years. What happened to land cover or to soil
        carbon must not be counted in the baseline and in a report as well, so these begin when the baseline ends.

        Raises:
            PeriodTable: naming the periods and years.
        """
        names = tuple(period.name for period in self.periods)
        if names != NAMES[: len(names)] or not names:
            raise PeriodTable(
                f"periods come as {', '.join(names) or 'none'}; expected {', '.join(NAMES)}, in this order"
            )
        for earlier, later in zip(self.periods, self.periods[1:], strict=False):
            _check_order(earlier, later)
        for report in self.periods[1:]:
            _check_baseline(self.periods[0], report)

    def period(self, name: str) -> Period:
        """The period of a name.

        Raises:
            PeriodTable: when the preset does not have it.
        """
        for period in self.periods:
            if period.name == name:
                return period
        known = ", ".join(period.name for period in self.periods)
        raise PeriodTable(f"period preset {self.id!r} has no period {name!r}; its periods are {known}")

    def with_land_cover_until(self, name: str, year: int) -> PeriodPreset:
        """A copy in which land cover of one period ends in another year, because that of the year wanted is missing.

        PRAIS 4 takes 2022 for 2023 (SO1.md, SO 1-1 step 4). Soil carbon follows land cover, and so ends with it.

        Args:
            name: the period.
            year: last year that there is.

        Raises:
            PeriodTable: when the preset does not have the period, or its years no longer fit together.
        """
        old = self.period(name)
        new = replace(old, land_cover=Years(old.land_cover.first, year), soc=Years(old.soc.first, year))
        periods = tuple(new if period is old else period for period in self.periods)
        return replace(self, version=f"{self.version}+{name}-until-{year}", periods=periods)

    def to_document(self) -> dict[str, Any]:
        """The preset as JSON-ready data, which `indicators.condition.period_documents` reads."""
        return {
            "id": self.id,
            "version": self.version,
            "periods": [_period_document(period) for period in self.periods],
            "citation": self.citation,
        }

    @property
    def identity(self) -> str:
        """``id@version#sha256`` of the canonical JSON, for provenance."""
        return identity(self.to_document())


WINDOWS: Final = tuple(field.name for field in fields(Period) if field.name not in {"name", "reported_as"})
"""The ranges of years of a period."""


def _check_order(earlier: Period, later: Period) -> None:
    """A later period ends later, in everything."""
    if later.reported_as <= earlier.reported_as:
        raise PeriodTable(
            f"{later.name} is reported as {later.reported_as}, {earlier.name} as {earlier.reported_as}: out of order"
        )
    for window in WINDOWS:
        ends = getattr(earlier, window).last, getattr(later, window).last
        if ends[1] <= ends[0]:
            raise PeriodTable(
                f"{window} of {later.name} ends in {ends[1]}, that of {earlier.name} in {ends[0]}: out of order"
            )


def _check_baseline(baseline: Period, report: Period) -> None:
    """What is compared with the baseline begins when the baseline ends: no change counts twice, none is left out."""
    for window in ("land_cover", "soc"):
        end, start = getattr(baseline, window).last, getattr(report, window).first
        if start < end:
            raise PeriodTable(
                f"{window} of {report.name} begins in {start}, within the baseline, which ends in {end}: changes would "
                "count twice"
            )
        if start > end + 1:
            raise PeriodTable(
                f"{window} of {report.name} begins in {start}, the baseline ends in {end}: years between are missing"
            )


def _period_document(period: Period) -> dict[str, Any]:
    windows = {window: [getattr(period, window).first, getattr(period, window).last] for window in WINDOWS}
    return {"name": period.name, "reported_as": period.reported_as, **windows}


def _listed(years: list[int]) -> str:
    return ", ".join(map(str, years))

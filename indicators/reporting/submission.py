"""Everything that one report hands in: accounts of one to three periods of one area, and entries of people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from indicators.caveats import Caveat
from indicators.reporting.account import CoverYear, PeriodAccount
from indicators.reporting.assumptions import Assumption
from indicators.reporting.entries import Confidence, Correction, CountryClass, SocStock, Spot
from indicators.reporting.period import ROLES
from indicators.reporting.texts import Text, words
from landcover.errors import ConfigError


@dataclass(frozen=True, slots=True, eq=False)
class Submission:
    """What the tables are made of.

    Attributes:
        accounts: one for each period, in any order; each period once, all of the same area.
        country_legend: classes of a national legend; empty where the UNCCD classes are used as they are.
        corrections: judgements of experts that changed the indicator.
        hotspots: degraded places.
        brightspots: improved places.
        confidence: how sure the country is of the degraded area; the country's own word.
    """

    accounts: tuple[PeriodAccount, ...]
    country_legend: tuple[CountryClass, ...] = ()
    corrections: tuple[Correction, ...] = ()
    hotspots: tuple[Spot, ...] = ()
    brightspots: tuple[Spot, ...] = ()
    confidence: Confidence | None = None

    def __post_init__(self) -> None:
        """Put the accounts in the order of periods.

        Raises:
            ConfigError: none, a period twice, several areas or legends, or periods out of order.
        """
        roles = [account.period.role for account in self.accounts]
        if not roles or len(set(roles)) != len(roles):
            raise ConfigError(f"a report needs one account for each of its periods; got {', '.join(roles) or 'none'}")
        for what in ("zone", "legend_id"):
            if len({getattr(account, what) for account in self.accounts}) > 1:
                raise ConfigError(f"the accounts of a report differ in their {what.partition('_')[0]}")
        ordered = self.ordered
        for before, after in pairwise(ordered):
            if before.period.final >= after.period.final or before.period.initial > after.period.initial:
                raise ConfigError(
                    f"the {after.period.role} ({after.period.initial}-{after.period.final}) does not follow the "
                    f"{before.period.role} ({before.period.initial}-{before.period.final})"
                )

    @property
    def ordered(self) -> tuple[PeriodAccount, ...]:
        """The accounts in the order of periods."""
        return tuple(sorted(self.accounts, key=lambda account: ROLES.index(account.period.role)))

    @property
    def baseline(self) -> PeriodAccount | None:
        """The account of the baseline."""
        return next((account for account in self.accounts if account.period.role == "baseline"), None)

    @property
    def reports(self) -> tuple[PeriodAccount, ...]:
        """The accounts of reporting periods, in order."""
        return tuple(account for account in self.ordered if account.period.role != "baseline")

    @property
    def report(self) -> PeriodAccount | None:
        """The account of the latest reporting period."""
        return self.reports[-1] if self.reports else None

    @property
    def zone(self) -> str:
        """Name of the area."""
        return self.accounts[0].zone

    def years(self) -> Iterator[tuple[int, PeriodAccount, CoverYear]]:
        """Each year of a land-cover map once, in order, with the earliest period that has it."""
        found: dict[int, tuple[PeriodAccount, CoverYear]] = {}
        for account in self.ordered:
            found.setdefault(account.period.initial, (account, "initial"))
            found.setdefault(account.period.final, (account, "final"))
        for year in sorted(found):
            yield year, *found[year]

    def disagreements(self) -> tuple[int, ...]:
        """Years whose map differs between two periods by more than rounding."""
        differing = set()
        for year, account, which in self.years():
            extent = account.extent(which)
            for other in self.ordered:
                ends = {other.period.initial: "initial", other.period.final: "final"}
                if year in ends and other is not account:
                    same = other.extent("initial" if ends[year] == "initial" else "final")
                    limit = 1e-9 * account.country_km2
                    differing |= {year} if any(abs(same[code] - km2) > limit for code, km2 in extent.items()) else set()
        return tuple(sorted(differing))

    @property
    def caveats(self) -> tuple[Caveat, ...]:
        """Those of all accounts, each once, in order; what does not hold for all periods begins with its years."""
        common = set.intersection(*(set(account.caveats) for account in self.accounts))
        return tuple(
            dict.fromkeys(
                each if each in common else _dated(each, account)
                for account in self.ordered
                for each in account.caveats
            )
        )

    @property
    def assumptions(self) -> tuple[tuple[str, Assumption], ...]:
        """(role, assumption) of all accounts, each once, in order."""
        pairs = ((account.period.role, each) for account in self.ordered for each in account.assumptions)
        return tuple(dict.fromkeys(pairs))

    def stocks(self) -> tuple[SocStock, ...]:
        """Soil organic carbon by year, each year once, of the earliest period that has it."""
        found: dict[int, SocStock] = {}
        for account in self.ordered:
            for stock in account.soc_stocks:
                found.setdefault(stock.year, stock)
        return tuple(found[year] for year in sorted(found))


def _dated(caveat: Caveat, account: PeriodAccount) -> Caveat:
    return replace(caveat, text=f"{account.period.initial}-{account.period.final}: {caveat.text}")


def period_text(account: PeriodAccount) -> Text:
    """The period of an account with the years of its land-cover maps."""
    period = account.period
    return words("years", name=words(period.role), initial=str(period.initial), final=str(period.final))

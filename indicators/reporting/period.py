"""The periods of a report: the baseline, and the reporting periods compared with it.

UNCCD PRAIS 4 manual, SO1.md Table 6 and Table 12. Each reporting period is compared with the baseline, not with the
period before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from landcover.errors import ConfigError

type Years = tuple[int, int]
"""First and last year."""

Role = Literal["baseline", "report_1", "report_2"]
"""Names as in the summary of Trends.Earth."""

ROLES: Final[tuple[Role, ...]] = get_args(Role)

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2100
"""Years that land cover is told of, as in tables of periods."""


@dataclass(frozen=True, slots=True)
class Period:
    """One period and the years of its layers.

    Attributes:
        role: which period it is.
        initial: year of the initial land-cover map.
        final: year of the final land-cover map.
        productivity: years of the productivity layer, where they are others.
        soc: years of the soil organic carbon layer, where they are others.
    """

    role: Role
    initial: int
    final: int
    productivity: Years | None = None
    soc: Years | None = None

    def __post_init__(self) -> None:
        """Refuse periods that end before they begin, and years of no calendar.

        Raises:
            ConfigError: with the years, or the role that is none.
        """
        if self.role not in ROLES:
            raise ConfigError(f"period {self.role!r} is not known; choose one of {', '.join(ROLES)}")
        for first, last in filter(None, ((self.initial, self.final), self.productivity, self.soc)):
            if not FIRST_YEAR <= min(first, last) <= max(first, last) <= LAST_YEAR:
                raise ConfigError(
                    f"period {self.role!r} runs from {first} to {last}; expected years from {FIRST_YEAR} to {LAST_YEAR}"
                )
            if first >= last:
                raise ConfigError(f"period {self.role!r} runs from {first} to {last}; the first year must be earlier")

    @property
    def years(self) -> Years:
        """Years of the land-cover maps."""
        return self.initial, self.final

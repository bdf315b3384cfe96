"""The sections on productivity, soil organic carbon and the indicator."""

from __future__ import annotations

from dataclasses import dataclass

from landcover.errors import ConfigError
from serving.report.page.conditions import Conditions


@dataclass(frozen=True, slots=True)
class Crosstab:
    """Areas by two properties.

    Attributes:
        rows: codes of the rows.
        cols: codes of the columns.
        km2: one tuple for each row.
    """

    rows: tuple[int, ...]
    cols: tuple[int, ...]
    km2: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        """Refuse tables that do not fit their codes.

        Raises:
            ConfigError: with the sizes.
        """
        if len(self.km2) != len(self.rows) or any(len(row) != len(self.cols) for row in self.km2):
            raise ConfigError(f"a table of {len(self.rows)} x {len(self.cols)} codes needs as many cells")

    def total(self, col: int) -> float:
        """Sum of the column at a position, km2."""
        return sum(row[col] for row in self.km2)


@dataclass(frozen=True, slots=True)
class Productivity:
    """SO 1-2; UNCCD PRAIS 4 tables SO1-2.T1 to T3.

    Attributes:
        conditions: degraded, stable, improved land.
        dynamics: land-cover class by land productivity dynamics 1 to 5 and -32768; None when the dynamics are unknown.
    """

    conditions: Conditions
    dynamics: Crosstab | None = None


@dataclass(frozen=True, slots=True)
class Stock:
    """Soil organic carbon of one class, 0 to 30 cm; UNCCD PRAIS 4 table SO1-3.T1.

    Attributes:
        code: land-cover class.
        initial: t/ha in the initial year; None where there is none.
        final: t/ha in the final year.
    """

    code: int
    initial: float | None
    final: float | None

    @property
    def change_percent(self) -> float | None:
        """Change of the stock per hectare, percent of the initial one."""
        if self.initial is None or self.final is None or self.initial <= 0:
            return None
        return 100 * (self.final - self.initial) / self.initial


@dataclass(frozen=True, slots=True)
class Carbon:
    """SO 1-3; UNCCD PRAIS 4 tables SO1-3.T1 and T2.

    Attributes:
        conditions: degraded, stable, improved land.
        stocks: by class; may be empty.
    """

    conditions: Conditions
    stocks: tuple[Stock, ...] = ()


@dataclass(frozen=True, slots=True)
class Indicator:
    """SO 1-4, SDG indicator 15.3.1; UNCCD PRAIS 4 tables SO1-4.T1 and T2.

    Attributes:
        conditions: of the baseline; of a later period its status in three classes.
        baseline: of the baseline, in a report of a later period.
        matrix: baseline by period, km2; codes -1, 0, 1 and -32768.
        classes: km2 by status 1 to 7 (Good Practice Guidance, Addendum); empty without a baseline.
    """

    conditions: Conditions
    baseline: Conditions | None = None
    matrix: Crosstab | None = None
    classes: tuple[tuple[int, float], ...] = ()

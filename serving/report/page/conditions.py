"""Area by land condition, with its shares and, where there was a sample, its estimates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from indicators.codes import DEGRADED, IMPROVED, NODATA, STABLE

type Denominator = Literal["land", "total"]
"""What a share is a share of: land without water bodies (SO 1-2 to 1-4), or the total country area (SO 1-1)."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """An area from a probability sample (Olofsson et al. 2014, Eq. 9 and 11).

    Attributes:
        km2: the estimate.
        margin_km2: half of the 95 % confidence interval.
    """

    km2: float
    margin_km2: float


_NO_ESTIMATES: Final[Mapping[int, Estimate]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Conditions:
    """Area by land condition; no data stays in the denominator (UNCCD PRAIS 4 manual, SO1.md, SO 1-4).

    Attributes:
        degraded: km2 of code -1.
        stable: km2 of code 0.
        improved: km2 of code 1.
        nodata: km2 without a verdict.
        of_km2: what shares are taken of, km2.
        of: its name.
        estimates: estimate by code, where there was a sample.
    """

    degraded: float
    stable: float
    improved: float
    nodata: float
    of_km2: float
    of: Denominator = "land"
    estimates: Mapping[int, Estimate] = _NO_ESTIMATES

    def km2(self, code: int) -> float:
        """Area of -1, 0, 1 or -32768."""
        return {DEGRADED: self.degraded, STABLE: self.stable, IMPROVED: self.improved, NODATA: self.nodata}[code]

    def percent(self, code: int) -> float | None:
        """Share of the denominator, percent; None of nothing."""
        return 100 * self.km2(code) / self.of_km2 if self.of_km2 > 0 else None

    @property
    def codes(self) -> tuple[int, ...]:
        """Degraded, improved, stable, no data: the order in which they are told."""
        return (DEGRADED, IMPROVED, STABLE, NODATA)

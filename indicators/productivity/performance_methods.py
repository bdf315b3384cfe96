"""Which percentile of a unit is its best, and which share of it is too little: named rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from landcover.errors import ConfigError
from landcover.identity import identity


@dataclass(frozen=True, slots=True)
class PerformanceMethod:
    """Which percentile, and which share of it is too little.

    Attributes:
        id: short name.
        version: changes whenever a number changes.
        percentile: percentile of a unit that stands for its best, 1 to 100.
        ratio_percent: means up to this share of it are degraded.
        max_missing_years: pixels with more years missing have no data.
        citation: where the rule comes from.
    """

    id: str
    version: str
    percentile: int
    ratio_percent: int
    max_missing_years: int
    citation: str

    def __post_init__(self) -> None:
        """Refuse numbers that are no percentages.

        Raises:
            ConfigError: with the numbers.
        """
        if not (0 < self.percentile <= 100 and 0 < self.ratio_percent < 100 and self.max_missing_years >= 0):  # noqa: PLR2004
            raise ConfigError(
                f"performance below {self.ratio_percent} % of percentile {self.percentile} with "
                f"{self.max_missing_years} missing years: expected percentages, and 0 or more years"
            )

    def to_document(self) -> dict[str, Any]:
        """The method as JSON-ready data."""
        return {
            "id": self.id,
            "version": self.version,
            "percentile": self.percentile,
            "ratio_percent": self.ratio_percent,
            "max_missing_years": self.max_missing_years,
            "percentiles": "linear interpolation between order statistics at rank p (m - 1), pixels weigh alike",
            "citation": self.citation,
        }

    @property
    def identity(self) -> str:
        """``id@version#sha256`` of the canonical JSON, for provenance."""
        return identity(self.to_document())


PERFORMANCE: Final = PerformanceMethod(
    id="unit-percentile",
    version="1",
    percentile=90,
    ratio_percent=50,
    max_missing_years=0,
    citation="Trends.Earth, gee/productivity.py, productivity_performance; UNCCD PRAIS 4 manual, SO1.md, SO 1-2",
)
"""The default: half of the 90th percentile, or less, is degraded."""

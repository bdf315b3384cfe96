"""When a series of annual NDVI has a trend: named rules that are written into every result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from landcover.errors import ConfigError
from landcover.identity import identity

_IDS: Final = ("kendall", "z196")


@dataclass(frozen=True, slots=True)
class TrendMethod:
    """When a series has a trend.

    Attributes:
        id: ``kendall`` takes critical values of S and a least slope; ``z196`` takes abs(z) > 1.96.
        version: changes whenever a number changes.
        min_slope: slopes up to this, NDVI x 10000 a year, are no trend; ``kendall`` only.
        max_missing_years: series with more years missing have no data. With fewer, S and slope are of the years that
            are there, and the critical values of their number.
        citation: where the rule comes from.
    """

    id: str
    version: str
    min_slope: int
    max_missing_years: int
    citation: str

    def __post_init__(self) -> None:
        """Refuse unknown rules and impossible numbers.

        Raises:
            ConfigError: naming what is wrong.
        """
        if self.id not in _IDS:
            raise ConfigError(f"no trend method {self.id!r}; known methods are {', '.join(_IDS)}")
        if self.min_slope < 0 or self.max_missing_years < 0:
            raise ConfigError("a trend method needs a least slope and a number of missing years of 0 or more")

    def to_document(self) -> dict[str, Any]:
        """The method as JSON-ready data."""
        return {
            "id": self.id,
            "version": self.version,
            "min_slope_ndvi_x10000_per_year": self.min_slope,
            "max_missing_years": self.max_missing_years,
            "citation": self.citation,
        }

    @property
    def identity(self) -> str:
        """``id@version#sha256`` of the canonical JSON, for provenance."""
        return identity(self.to_document())


KENDALL: Final = TrendMethod(
    id="kendall",
    version="1",
    min_slope=10,
    max_missing_years=0,
    citation="Trends.Earth, gee/productivity.py and gee/stats.py; UNCCD PRAIS 4 manual, SO1.md, SO 1-2",
)
"""The default: critical values of S, and slopes of more than 0.001 NDVI a year."""

Z196: Final = TrendMethod(
    id="z196",
    version="1",
    min_slope=0,
    max_missing_years=0,
    citation="Good Practice Guidance for SDG indicator 15.3.1, version 2: z score of Mann-Kendall beyond 1.96",
)
"""The Good Practice Guidance v2: the normal approximation, whatever the slope."""

TREND_METHODS: Final[Mapping[str, TrendMethod]] = MappingProxyType({m.id: m for m in (KENDALL, Z196)})
"""The methods by id."""

"""What a change of land cover does to the stock of soil carbon after 20 years, by climate.

IPCC Tier 1 as modified for SDG 15.3.1: Trends.Earth, gee/soc.py; UNCCD PRAIS 4 manual, SO1.md, SO 1-3. Factors of
management and of input of organic matter are 1 there, and so have no place here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.soilcarbon.covers import CLASSES, Codes
from landcover.errors import ConfigError
from landcover.identity import identity
from landcover.legends import CLASS_NODATA, DEGRADATION_NODATA
from landcover.lookup import build_table, look_up

type Cell = float | str
"""A factor, or ``f`` or ``1/f`` where the climate gives it."""

CLIMATE_OF_ZONE: Final = (
    "none",
    *("temperate_moist", "temperate_dry") * 4,
    "tropical_montane",
    "tropical_moist",
    "tropical_moist",
    "tropical_dry",
)
"""Climates of the IPCC zone codes 0 to 12."""

_BY_CLIMATE: Final = ("f", "1/f")


@dataclass(frozen=True)
class FactorTable:
    """Land-use factors after 20 years, and f of each climate.

    Attributes:
        id: short name.
        version: changes whenever a number changes.
        cells: 7 x 7, rows the class before, columns the class after, in UNCCD-7: a factor, ``f`` or ``1/f``.
        climates: f by name of the climate.
        years: years over which the change of stock is spread.
        citation: where the numbers come from.
    """

    id: str
    version: str
    cells: tuple[tuple[Cell, ...], ...]
    climates: tuple[tuple[str, float], ...]
    years: int
    citation: str

    def __post_init__(self) -> None:
        """Refuse tables with a gap.

        Raises:
            ConfigError: naming what is wrong.
        """
        flat = [cell for row in self.cells for cell in row]
        if len(self.cells) != CLASSES or any(len(row) != CLASSES for row in self.cells):
            raise ConfigError(f"factor table {self.id!r}: expected 7 x 7 cells, one for each pair of UNCCD classes")
        if any(cell not in _BY_CLIMATE if isinstance(cell, str) else cell <= 0 for cell in flat):
            raise ConfigError(f"factor table {self.id!r}: expected factors above 0, 'f' or '1/f' in every cell")
        if {name for name, _ in self.climates} != set(CLIMATE_OF_ZONE) - {"none"} or self.years < 1:
            raise ConfigError(f"factor table {self.id!r}: expected f of the five climates, and one year or more")
        if any(f <= 0 for _, f in self.climates):
            raise ConfigError(f"factor table {self.id!r}: expected f above 0 in every climate")

    def f_of(self, climate: str) -> float:
        """The f of a climate, for areas that lie in one.

        Raises:
            ConfigError: when the table does not have that climate.
        """
        known = dict(self.climates)
        if climate not in known:
            raise ConfigError(f"no climate {climate!r}; known climates are {', '.join(known)}")
        return known[climate]

    @cached_property
    def f_by_zone(self) -> tuple[float, ...]:
        """The f of the IPCC zone codes 0 to 12, NaN for 0, which has no climate."""
        known = dict(self.climates)
        return tuple(known.get(climate, float("nan")) for climate in CLIMATE_OF_ZONE)

    def f_of_zones(self, zones: Codes) -> npt.NDArray[np.float64]:
        """The f of IPCC climate zones, for ``indicators.soilcarbon.annual`` on arrays.

        A report, which carries zones as positions, takes ``f_by_zone`` and ``zone_positions``.

        Args:
            zones: codes 0 to 12; 0, 255, -128 and -32768 have no climate. Any shape and integer type.

        Returns:
            float64 of the same shape, NaN without a climate. (Trends.Earth takes f = 0 there, as if all carbon went.)

        Raises:
            DtypeMismatch: when the codes are not integers.
            UnmappedCodes: with other codes and their pixel counts.
        """
        return np.array(self.f_by_zone)[zone_positions(zones)]

    def factors(
        self,
        before: npt.NDArray[np.integer[Any]],
        after: npt.NDArray[np.integer[Any]],
        f: npt.NDArray[np.float64],
    ) -> npt.NDArray[np.float64]:
        """Factors of changes of class.

        Args:
            before: class positions 0 to 6, any shape.
            after: class positions of the same shape.
            f: f of the climate, the same shape or one that broadcasts to it.

        Returns:
            float64 of the same shape: stock after 20 years over stock before; NaN where f is needed and missing.
        """
        constant, kind = self._arrays
        chosen = kind[before, after]
        found = constant[before, after]
        return np.where(chosen == 0, found, np.where(chosen == 1, f, 1 / f))

    def to_document(self) -> dict[str, Any]:
        """The table as JSON-ready data."""
        return {
            "id": self.id,
            "version": self.version,
            "legend": "unccd7",
            "cells": [list(row) for row in self.cells],
            "climates": dict(self.climates),
            "zones": list(CLIMATE_OF_ZONE),
            "years": self.years,
            "citation": self.citation,
        }

    @property
    def identity(self) -> str:
        """``id@version#sha256`` of the canonical JSON, for provenance."""
        return identity(self.to_document())

    @cached_property
    def _arrays(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int8]]:
        """Factors, 1 where the climate gives them; and 0 for a factor, 1 for f, 2 for 1/f."""
        constant = [[1.0 if isinstance(cell, str) else cell for cell in row] for row in self.cells]
        kind = [[_BY_CLIMATE.index(cell) + 1 if isinstance(cell, str) else 0 for cell in row] for row in self.cells]
        return np.array(constant, np.float64), np.array(kind, np.int8)


def zone_positions(zones: Codes) -> npt.NDArray[np.uint8]:
    """IPCC zones 0 to 12, 0 where there is no climate; see ``FactorTable.f_of_zones``."""
    return look_up(_zone_table(), zones, owner="the layer of IPCC climate zones")


@lru_cache(maxsize=1)
def _zone_table() -> npt.NDArray[np.uint8]:
    zones = ((code, code) for code in range(len(CLIMATE_OF_ZONE)))
    return build_table([*zones, *((code, 0) for code in (CLASS_NODATA, -128, DEGRADATION_NODATA))])


TIER1: Final = FactorTable(
    id="ipcc-tier1-unccd",
    version="1",
    cells=(
        (1.0, 1.0, "f", 1.0, 0.1, 0.1, 1.0),
        (1.0, 1.0, "f", 1.0, 0.1, 0.1, 1.0),
        ("1/f", "1/f", 1.0, 1 / 0.71, 0.1, 0.1, 1.0),
        (1.0, 1.0, 0.71, 1.0, 0.1, 0.1, 1.0),
        (2.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0),
        (2.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0),
        (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
    ),
    climates=(
        ("temperate_dry", 0.80),
        ("temperate_moist", 0.69),
        ("tropical_dry", 0.58),
        ("tropical_moist", 0.48),
        ("tropical_montane", 0.64),
    ),
    years=20,
    citation="UNCCD PRAIS 4 manual, SO1.md, SO 1-3; Trends.Earth, gee/soc.py; IPCC 2006 guidelines, volume 4",
)
"""The default; urban and bare land keep a tenth, and what becomes land again doubles."""

FACTOR_TABLES: Final[Mapping[str, FactorTable]] = MappingProxyType({TIER1.id: TIER1})
"""The tables by id."""

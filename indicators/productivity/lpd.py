"""How trend, state and performance combine to land productivity dynamics (LPD) and to three classes.

The published tables differ in rows 10, 11 and 15 of their 18 rows, so the table is a named object: keep
``LpdTable.identity`` with every result.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.codes import CONDITIONS, IMPROVED, STABLE
from indicators.productivity.positions import (
    CONDITION_CODES,
    LPD_CODES,
    Codes,
    Positions,
    check_alike,
    condition_positions,
    decoded,
)
from landcover.errors import ConfigError, WrongUse
from landcover.identity import identity

LPD_CLASSES: Final = (
    "Declining",
    "Moderate decline",
    "Stable but stressed",
    "Stable",
    "Increasing",
)
"""English names of LPD 1 to 5; UNCCD PRAIS 4 manual, SO1.md Table 13."""

_CASES: Final = tuple(itertools.product((1, 0, -1), (1, 0, -1), (0, -1)))
"""(trend, state, performance) in the order of the 18 rows of UNCCD's table."""


@dataclass(frozen=True)
class LpdTable:
    """What each combination of trend, state and performance means.

    Attributes:
        id: short name.
        version: changes whenever a row changes.
        rows: (trend, state, performance, LPD 1 to 5, -1/0/1), one for each of the 18 combinations; performance is 0 or
            -1. The 1 that other layers may hold has no row: there the trend alone decides, as for (trend, 1, 0), which
            is what Trends.Earth's code does.
        citation: where the rows come from.
    """

    id: str
    version: str
    rows: tuple[tuple[int, int, int, int, int], ...]
    citation: str

    def __post_init__(self) -> None:
        """Refuse tables that leave a combination open or give it twice.

        Raises:
            ConfigError: naming what is wrong.
        """
        cases = [row[:3] for row in self.rows]
        if sorted(cases) != sorted(_CASES):
            raise ConfigError(f"LPD table {self.id!r}: expected each of the 18 combinations of sub-indicators once")
        if any(lpd not in LPD_CODES[:-1] or three not in CONDITIONS for *_, lpd, three in self.rows):
            raise ConfigError(f"LPD table {self.id!r}: expected LPD 1 to 5 and classes -1, 0 or 1 in every row")

    def combine(
        self, trend: Codes, state: Codes, performance: Codes
    ) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
        """LPD in five classes and productivity in three.

        Args:
            trend: -1, 0, 1; -32768, -32767 and 255 mean no data. Any shape and integer type.
            state: the same shape and codes.
            performance: the same shape and codes; of 1 see ``rows``.

        Returns:
            Two int16 arrays of the same shape: LPD 1 to 5, and -1, 0, 1; both -32768 where one of the three has no
            data.

        Raises:
            GridMismatch: when the shapes differ.
            DtypeMismatch: when a layer is not of an integer type.
            UnmappedCodes: with other codes and their pixel counts.
        """
        lpd, three = self.positions(
            condition_positions(trend, owner="the trend layer"),
            condition_positions(state, owner="the state layer"),
            condition_positions(performance, owner="the performance layer"),
        )
        return decoded(lpd, LPD_CODES), decoded(three, CONDITION_CODES)

    def positions(self, trend: Positions, state: Positions, performance: Positions) -> tuple[Positions, Positions]:
        """The same in positions on the axes of a joint table, which is how blocks of rasters pass.

        Args:
            trend: 0 degraded, 1 stable, 2 improved, 3 no data; uint8 of any shape.
            state: the same shape and positions.
            performance: the same shape and positions.

        Returns:
            Two uint8 arrays: LPD 0 to 4 and 5 for no data; productivity 0 to 2 and 3 for no data.

        Raises:
            GridMismatch: when the shapes differ.
        """
        check_alike(trend=trend, state=state, performance=performance)
        size = len(CONDITION_CODES)
        place = (trend * size + state) * size + performance  # at most 63, in uint8
        lpd, three = self._lookup
        return lpd[place], three[place]

    @cached_property
    def classes_of_lpd(self) -> Mapping[int, int]:
        """-1, 0 or 1 of LPD 1 to 5, for layers that come in five classes.

        Raises:
            WrongUse: when the table has an LPD class whose rows differ in the three classes, as ``gpg_v1`` and
                ``gpg_v2`` have.
        """
        found: dict[int, set[int]] = {}
        for *_, lpd, three in self.rows:
            found.setdefault(lpd, set()).add(three)
        open_classes = [str(lpd) for lpd, classes in sorted(found.items()) if len(classes) > 1]
        if open_classes or len(found) < len(LPD_CLASSES):
            raise WrongUse(
                f"a layer in five LPD classes cannot be read under the table {self.id!r}, where LPD "
                f"{', '.join(open_classes) or 'classes are missing'} does not say which of three classes holds; use "
                "'prais2026', or give trend, state and performance"
            )
        return MappingProxyType({lpd: min(classes) for lpd, classes in sorted(found.items())})

    def three_of_lpd(self, lpd: Positions) -> Positions:
        """Positions of productivity in three classes from positions of LPD.

        Args:
            lpd: 0 to 4, and 5 for no data; uint8 of any shape.

        Returns:
            uint8 of the same shape: 0 degraded, 1 stable, 2 improved, 3 no data.

        Raises:
            WrongUse: see ``classes_of_lpd``.
        """
        classes = self.classes_of_lpd
        three = [*(CONDITION_CODES.index(classes[code]) for code in LPD_CODES[:-1]), len(CONDITIONS)]
        return np.array(three, np.uint8)[lpd]

    def to_document(self) -> dict[str, Any]:
        """The table as JSON-ready data."""
        return {
            "id": self.id,
            "version": self.version,
            "columns": ["trend", "state", "performance", "lpd", "productivity"],
            "rows": [list(row) for row in self.rows],
            "citation": self.citation,
        }

    @property
    def identity(self) -> str:
        """``id@version#sha256`` of the canonical JSON, for provenance."""
        return identity(self.to_document())

    @cached_property
    def _lookup(self) -> tuple[Positions, Positions]:
        """LPD and three-class positions by ``16 trend + 4 state + performance``, all in positions."""
        size = len(CONDITION_CODES)
        lpd = np.full((size,) * 3, len(LPD_CLASSES), np.uint8)
        three = np.full((size,) * 3, len(CONDITIONS), np.uint8)
        for trend, state, performance, five, condition in self.rows:
            place = tuple(map(CONDITION_CODES.index, (trend, state, performance)))
            lpd[place], three[place] = LPD_CODES.index(five), CONDITION_CODES.index(condition)
        improved, stable = CONDITION_CODES.index(IMPROVED), CONDITION_CODES.index(STABLE)
        for layer in (lpd, three):
            layer[:-1, :-1, improved] = layer[:-1, improved, stable, None]
        return lpd.reshape(-1), three.reshape(-1)


def _table(name: str, three: tuple[int, ...], citation: str) -> LpdTable:
    rows = tuple((*case, lpd, sign) for case, lpd, sign in zip(_CASES, _FIVE, three, strict=True))
    return LpdTable(name, "1", rows, citation)


_FIVE: Final = (5, 5, 5, 5, 5, 2, 4, 4, 4, 3, 2, 1, 1, 1, 1, 1, 1, 1)
"""LPD of the 18 rows; the Good Practice Guidance has no other."""

PRAIS2026: Final = _table(
    "prais2026",
    (1, 1, 1, 1, 1, -1, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1),
    "UNCCD PRAIS 4 reporting manual, SO1.md Table 13; Trends.Earth, calc_prod5 and prod5_to_prod3",
)
"""UNCCD's and Trends.Earth's table of the 2026 reporting process, the default."""

GPG_V1: Final = _table(
    "gpg_v1",
    (1, 1, 1, 1, 1, -1, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1),
    "Good Practice Guidance for SDG indicator 15.3.1, version 1, as coded in SEPAL sdg_15.3.1, productivity_final_GPG1",
)
"""Good Practice Guidance v1. Row 11 (0, -1, 0) is 0: texts that cite it say -1, the code that people run says 0."""

GPG_V2: Final = _table(
    "gpg_v2",
    (1, 1, 1, 1, 1, -1, 0, 0, 0, -1, 0, -1, -1, -1, 0, -1, -1, -1),
    "Good Practice Guidance for SDG indicator 15.3.1, version 2, as coded in SEPAL sdg_15.3.1, productivity_final",
)
"""Good Practice Guidance v2: differs from ``PRAIS2026`` in rows 10, 11 and 15."""

LPD_TABLES: Final[Mapping[str, LpdTable]] = MappingProxyType({t.id: t for t in (PRAIS2026, GPG_V1, GPG_V2)})
"""The tables by id."""


def get_lpd_table(table_id: str) -> LpdTable:
    """The table of an id.

    Raises:
        ConfigError: when there is none of that id.
    """
    if table_id not in LPD_TABLES:
        raise ConfigError(f"no LPD table {table_id!r}; known tables are {', '.join(LPD_TABLES)}")
    return LPD_TABLES[table_id]

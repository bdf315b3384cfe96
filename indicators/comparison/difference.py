"""Agreement of two accounts of the same land, and which factor makes how much of their difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from indicators.codes import CONDITIONS, NODATA, OUTSIDE
from indicators.comparison.effects import Effect, Exchange, effects
from indicators.comparison.factors import FIRST, SECOND, Cells, Rules, axis_of, has_indicator, layers_of
from indicators.joint import FINAL, INITIAL, JointTable

CODES: Final = (*CONDITIONS, NODATA)
"""Conditions of an account of land cover alone."""

LAND_CODES: Final = (*CODES, OUTSIDE)
"""Conditions of an account of the indicator: -32767 is water, which is no land."""


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """Two accounts of the same land.

    Attributes:
        codes: the conditions, in the order of ``agreement_km2``: -1, 0, 1, -32768, and -32767 for water where the
            indicator was compared and the rules name classes of water.
        agreement_km2: rows: condition in ``a``, columns: in ``b``; float64 (C, C).
        cover_km2: the same of land-cover classes, by year: ``initial`` and ``final``; (K + 1, K + 1), no data last.
        effects: one for each factor; zero for those in which both are alike.
    """

    codes: tuple[int, ...]
    agreement_km2: npt.NDArray[np.float64]
    cover_km2: Mapping[str, npt.NDArray[np.float64]]
    effects: tuple[Effect, ...]

    def area_km2(self, account: str, code: int) -> float:
        """Area of a condition in account ``a`` or ``b``."""
        table, place = self.agreement_km2, self.codes.index(code)
        return float(table[place].sum() if account == FIRST else table[:, place].sum())

    @property
    def agreed_percent(self) -> float | None:
        """Share of the area with data in both on which both say the same; None without such an area."""
        both = self.agreement_km2[: len(CONDITIONS), : len(CONDITIONS)]
        whole = float(both.sum())
        return 100.0 * float(np.trace(both)) / whole if whole else None


def compare(joint: JointTable, first: Rules, second: Rules) -> Difference:
    """Compare two accounts of the same land.

    Args:
        joint: mapped area (pixel count) by the codes of both, axes ``a_initial``, ``b_initial``, ``a_final`` and so on.
        first: rules of account ``a``.
        second: rules of account ``b``.

    Raises:
        ConfigError: when the table has a layer of one of them only, or no rule says how to combine layers.
    """
    layers = layers_of(joint)
    wet = has_indicator(layers) and bool(first.water or second.water)
    exchange = Exchange(Cells.of(joint), {FIRST: first, SECOND: second}, layers, LAND_CODES if wet else CODES)
    return Difference(
        codes=exchange.codes,
        agreement_km2=_agreement(exchange),
        cover_km2={year: _both(joint, year) for year in (INITIAL, FINAL)},
        effects=effects(exchange),
    )


def _both(joint: JointTable, layer: str) -> npt.NDArray[np.float64]:
    """Area by the codes of a layer in both accounts."""
    return joint.over([axis_of(FIRST, layer), axis_of(SECOND, layer)]).km2


def _agreement(exchange: Exchange) -> npt.NDArray[np.float64]:
    first, second = exchange.state(frozenset()), exchange.state(frozenset(exchange.factors))
    size = len(exchange.codes)
    return np.bincount(first * size + second, exchange.cells.km2, size * size).reshape(size, size)

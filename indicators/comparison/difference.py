"""Agreement of two accounts of the same land, and which factor makes how much of their difference.

Effects are Shapley values (Shapley 1953, "A value for n-person games", Contributions to the Theory of Games II): the
effect of a factor is the change of the area when it is exchanged, averaged over all orders in which the factors can be
exchanged. They do not depend on an order, and add up to the difference exactly.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from indicators.codes import CONDITIONS, NODATA
from indicators.comparison.factors import FIRST, MATRIX, SECOND, Conditions, Rules, conditions, layers_of
from indicators.joint import JointTable

CODES: Final = (*CONDITIONS, NODATA)


@dataclass(frozen=True, slots=True)
class Effect:
    """What one factor does to the areas.

    Attributes:
        factor: ``initial``, ``final``, ``matrix``, ``productivity`` or ``soc``.
        km2: change of the area of each of -1, 0, 1, -32768 from account ``a`` to account ``b`` that it causes.
    """

    factor: str
    km2: Mapping[int, float]


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """Two accounts of the same land.

    Attributes:
        agreement_km2: rows: condition in ``a``, columns: in ``b``; order -1, 0, 1, -32768; float64 (4, 4).
        cover_km2: the same of land-cover classes, by year: ``initial`` and ``final``; (K + 1, K + 1), no data last.
        effects: one for each factor; zero for those in which both are alike.
    """

    agreement_km2: npt.NDArray[np.float64]
    cover_km2: Mapping[str, npt.NDArray[np.float64]]
    effects: tuple[Effect, ...]

    def area_km2(self, account: str, code: int) -> float:
        """Area of a condition in account ``a`` or ``b``."""
        table, place = self.agreement_km2, CODES.index(code)
        return float(table[place].sum() if account == FIRST else table[:, place].sum())

    @property
    def agreed_percent(self) -> float | None:
        """Share of the area with data in both on which both say the same; None without such an area."""
        both = self.agreement_km2[:-1, :-1]
        whole = float(both.sum())
        return 100.0 * float(np.trace(both)) / whole if whole else None


def compare(joint: JointTable, first: Rules, second: Rules) -> Difference:
    """Compare two accounts of the same land.

    Args:
        joint: mapped area (pixel count) by the codes of both, axes ``a_initial``, ``b_initial``, ``a_final`` and so on.
        first: rules of account ``a``.
        second: rules of account ``b``.

    Raises:
        ConfigError: when the table lacks a layer of one of them.
    """
    rules = {FIRST: first, SECOND: second}
    factors = (*layers_of(joint), MATRIX)
    states = {taken: _state(joint, rules, factors, taken) for taken in _subsets(factors)}
    areas = {taken: _areas(joint, state) for taken, state in states.items()}
    return Difference(
        agreement_km2=_agreement(joint, states[frozenset()], states[frozenset(factors)]),
        cover_km2={year: joint.over([f"{FIRST}_{year}", f"{SECOND}_{year}"]).km2 for year in ("initial", "final")},
        effects=tuple(Effect(factor, _shapley(factor, factors, areas)) for factor in factors),
    )


def _subsets(factors: Sequence[str]) -> list[frozenset[str]]:
    return [frozenset(chosen) for size in range(len(factors) + 1) for chosen in itertools.combinations(factors, size)]


def _state(joint: JointTable, rules: Mapping[str, Rules], factors: Sequence[str], taken: frozenset[str]) -> Conditions:
    """Conditions when the factors in ``taken`` are those of account ``b``, and the others those of ``a``."""
    return conditions(joint, rules, {factor: SECOND if factor in taken else FIRST for factor in factors})


def _areas(joint: JointTable, state: Conditions) -> npt.NDArray[np.float64]:
    """km2 of -1, 0, 1, -32768."""
    return np.array([float((joint.km2 * (state == code)).sum()) for code in CODES])


def _agreement(joint: JointTable, first: Conditions, second: Conditions) -> npt.NDArray[np.float64]:
    return np.array([[float((joint.km2 * (first == row) * (second == col)).sum()) for col in CODES] for row in CODES])


def _shapley(
    factor: str, factors: Sequence[str], areas: Mapping[frozenset[str], npt.NDArray[np.float64]]
) -> dict[int, float]:
    total, count = np.zeros(len(CODES)), len(factors)
    for before in _subsets([other for other in factors if other != factor]):
        weight = math.factorial(len(before)) * math.factorial(count - len(before) - 1) / math.factorial(count)
        total += weight * (areas[before | {factor}] - areas[before])
    return dict(zip(CODES, total.tolist(), strict=True))

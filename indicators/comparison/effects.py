"""How much of the difference of two accounts each factor makes.

Effects are Shapley values (Shapley 1953, "A value for n-person games", Contributions to the Theory of Games II): the
effect of a factor is the change of the area when it is exchanged, averaged over all orders in which the factors can be
exchanged. They do not depend on an order, and add up to the difference exactly. Each exchange changes single pixels, so
the effect of a factor is also the sum of its parts: of each pair of codes that a layer exchanges, of each cell of the
matrix that is looked up.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from indicators.comparison.factors import (
    FIRST,
    MATRIX,
    POLICY,
    SECOND,
    Cells,
    Rules,
    axis_of,
    conditions,
    factors_of,
)
from indicators.joint import FINAL, INITIAL

type Places = npt.NDArray[np.intp]
type Areas = npt.NDArray[np.float64]
type Taken = frozenset[str]


@dataclass(frozen=True, slots=True)
class Part:
    """What one pair of codes adds to the effect of a factor.

    Attributes:
        pair: of a layer its code in ``a`` and in ``b``; of the matrix the initial and the final class of the cell.
        a_km2: area on which account ``a`` has it; of a layer that on which both have it.
        b_km2: the same of account ``b``.
        km2: change of the area of each condition that it causes.
    """

    pair: tuple[int, int]
    a_km2: float
    b_km2: float
    km2: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Effect:
    """What one factor does to the areas.

    Attributes:
        factor: ``initial``, ``final``, ``productivity``, ``soc``, ``matrix`` or ``nodata_policy``.
        km2: change of the area of each condition from account ``a`` to account ``b`` that it causes.
        alike: whether both accounts have the same of it on all the land that is compared; then it causes nothing.
        parts: what it consists of, by pairs of codes that differ; the no-data policy has none.
    """

    factor: str
    km2: Mapping[int, float]
    alike: bool = False
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Exchange:
    """Two accounts whose factors are exchanged one after the other.

    Attributes:
        cells: what occurs in both.
        rules: of account ``a`` and of account ``b``.
        layers: those that both have.
        codes: the conditions, in the order of tables.
    """

    cells: Cells
    rules: Mapping[str, Rules]
    layers: tuple[str, ...]
    codes: tuple[int, ...]

    @property
    def factors(self) -> tuple[str, ...]:
        """All factors."""
        return factors_of(self.layers)

    def state(self, taken: Taken) -> Places:
        """Places in ``codes`` when the factors in ``taken`` are those of ``b``, and the others those of ``a``."""
        found = conditions(self.cells, self.rules, self.choice(taken))
        places = np.zeros(found.shape, np.intp)
        for place, code in enumerate(self.codes):
            places[found == code] = place
        return places

    def choice(self, taken: Taken) -> dict[str, str]:
        """The account of each factor."""
        return {factor: SECOND if factor in taken else FIRST for factor in self.factors}

    def alike(self, factor: str) -> bool:
        """Whether both accounts have the same of a factor."""
        first, second = self.rules[FIRST], self.rules[SECOND]
        if factor == MATRIX:
            return first.matrix.signs == second.matrix.signs
        if factor == POLICY:
            return first.combine == second.combine
        codes = self.cells.codes
        return np.array_equal(codes[axis_of(FIRST, factor)], codes[axis_of(SECOND, factor)])

    def pairs(self, factor: str, taken: Taken) -> tuple[Places, int]:
        """Which pair of codes each combination has of a factor, counted with the second code running fastest.

        Returns:
            the numbers (N,), and how many codes either code can be.
        """
        if factor == POLICY:
            return np.zeros(self.cells.km2.shape, np.intp), 1
        choice = self.choice(taken)
        first, second = (
            (axis_of(choice[INITIAL], INITIAL), axis_of(choice[FINAL], FINAL))
            if factor == MATRIX
            else (axis_of(FIRST, factor), axis_of(SECOND, factor))
        )
        size = len(self.cells.axes[first])
        return self.cells.positions(first) * size + self.cells.positions(second), size


def effects(exchange: Exchange) -> tuple[Effect, ...]:
    """The effect of every factor; a factor that both have alike has none, and takes no part in the others'."""
    active = [factor for factor in exchange.factors if not exchange.alike(factor)]
    states = {taken: exchange.state(taken) for taken in _subsets(active)}
    return tuple(
        _effect(exchange, factor, active, states)
        if factor in active
        else Effect(factor, dict.fromkeys(exchange.codes, 0.0), alike=True)
        for factor in exchange.factors
    )


def _subsets(factors: Sequence[str]) -> list[Taken]:
    return [frozenset(chosen) for size in range(len(factors) + 1) for chosen in itertools.combinations(factors, size)]


def _effect(exchange: Exchange, factor: str, active: Sequence[str], states: Mapping[Taken, Places]) -> Effect:
    km2, codes, count = exchange.cells.km2, exchange.codes, len(active)
    size = exchange.pairs(factor, frozenset())[1]
    parts_PC = np.zeros((size * size, len(codes)))
    for before in _subsets([other for other in active if other != factor]):
        weight = math.factorial(len(before)) * math.factorial(count - len(before) - 1) / math.factorial(count)
        old, new = states[before], states[before | {factor}]
        moved = np.flatnonzero(old != new)
        pairs = exchange.pairs(factor, before)[0][moved]
        np.add.at(parts_PC, (pairs, new[moved]), weight * km2[moved])
        np.subtract.at(parts_PC, (pairs, old[moved]), weight * km2[moved])
    return Effect(
        factor=factor,
        km2=dict(zip(codes, parts_PC.sum(axis=0).tolist(), strict=True)),
        parts=() if factor == POLICY else _parts(exchange, factor, parts_PC, size),
    )


def _parts(exchange: Exchange, factor: str, parts_PC: Areas, size: int) -> tuple[Part, ...]:
    axis = exchange.cells.axes[axis_of(FIRST, INITIAL if factor == MATRIX else factor)].codes
    areas = [
        np.bincount(exchange.pairs(factor, taken)[0], exchange.cells.km2, size * size)
        for taken in (frozenset[str](), frozenset(exchange.factors))
    ]
    return tuple(
        Part(
            pair=(axis[place // size], axis[place % size]),
            a_km2=float(areas[0][place]),
            b_km2=float(areas[1][place]),
            km2=dict(zip(exchange.codes, parts_PC[place].tolist(), strict=True)),
        )
        for place in _differing(exchange, factor, size)
        if areas[0][place] or areas[1][place] or parts_PC[place].any()
    )


def _differing(exchange: Exchange, factor: str, size: int) -> list[int]:
    """Numbers of the pairs in which the accounts differ."""
    if factor != MATRIX:
        return [place for place in range(size * size) if place // size != place % size]
    first, second = (exchange.rules[account].matrix.signs for account in (FIRST, SECOND))
    return [
        row * size + col
        for row, signs in enumerate(first)
        for col, sign in enumerate(signs)
        if sign != second[row][col]
    ]

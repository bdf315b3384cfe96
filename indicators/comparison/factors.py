"""What two accounts of the same land may have made differently, and the condition of land under any mixture of both.

A factor is one thing that can be taken from either account: the map of a year, the transition matrix, a layer. Under a
mixture of factors every pixel has a condition again, so that the effect of one factor is a difference of areas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from indicators.codes import NODATA, OUTSIDE
from indicators.joint import FINAL, INITIAL, PRODUCTIVITY, SOC, Axis, JointTable
from landcover.errors import ConfigError

type Conditions = npt.NDArray[np.int16]
"""-1, 0, 1, -32768, or -32767 for water, of each combination of codes; (N,)."""

FIRST: Final = "a"
SECOND: Final = "b"
MATRIX: Final = "matrix"
"""Factor: the transition matrix."""
POLICY: Final = "nodata_policy"
"""Factor: what a missing layer means; there is none where land cover is the only layer."""
LAYERS: Final = (INITIAL, FINAL, PRODUCTIVITY, SOC)
"""Factors that are layers: each has an axis ``a_...`` and an axis ``b_...`` in the table of both."""


def axis_of(account: str, layer: str) -> str:
    """Name of an axis in the joint table of two accounts, for example ``a_initial``."""
    return f"{account}_{layer}"


class Signs(Protocol):
    """What a comparison needs of a transition matrix; ``TransitionMatrix`` has it."""

    @property
    def signs(self) -> tuple[tuple[int, ...], ...]:
        """-1, 0, 1 by initial and final class, in the order of the legend."""


class Combine(Protocol):
    """One out, all out; ``NodataPolicy`` decides what a missing layer means."""

    def __call__(self, layers: Sequence[Conditions]) -> Conditions:
        """The condition of land from those of its layers, int16, all of one shape."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How one account goes from layers to the condition of land.

    Attributes:
        matrix: its transition matrix.
        combine: its rule for several layers; None where land cover is the only one. Rules that are equal are one.
        water: classes of the initial map that are no land in the indicator (PRAIS 4 manual, SO1.md, SO 1-4). Land cover
            alone is judged over all of the area, water included.
    """

    matrix: Signs
    combine: Combine | None = None
    water: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The combinations of codes that occur.

    Attributes:
        axes: their axes by name.
        codes: the code of each combination on each axis, int16 (N,).
        km2: its area, float64 (N,).
    """

    axes: Mapping[str, Axis]
    codes: Mapping[str, Conditions]
    km2: npt.NDArray[np.float64]

    @classmethod
    def of(cls, joint: JointTable) -> Cells:
        """Those of a table with any area."""
        places = np.nonzero(joint.km2)
        codes = {
            axis.name: np.array(axis.codes, np.int16)[place] for axis, place in zip(joint.axes, places, strict=True)
        }
        return cls({axis.name: axis for axis in joint.axes}, codes, joint.km2[places])

    def positions(self, name: str) -> npt.NDArray[np.intp]:
        """Positions on an axis, (N,)."""
        codes = np.array(self.axes[name].codes, np.int16)
        order = np.argsort(codes)
        return order[np.searchsorted(codes, self.codes[name], sorter=order)]


def layers_of(joint: JointTable) -> tuple[str, ...]:
    """The layers that the table has of both accounts.

    Raises:
        ConfigError: when it has one of a single account, or no land cover.
    """
    found = []
    for layer in LAYERS:
        there = [axis_of(account, layer) in joint.names for account in (FIRST, SECOND)]
        if all(there):
            found.append(layer)
        elif any(there):
            raise ConfigError(f"only one of both accounts has the layer {layer!r}; compare what both have")
    if not {INITIAL, FINAL} <= set(found):
        raise ConfigError("a comparison needs the land cover of both years of both accounts")
    return tuple(found)


def factors_of(layers: Sequence[str]) -> tuple[str, ...]:
    """All factors of accounts with these layers."""
    return (*layers, MATRIX, *((POLICY,) if has_indicator(layers) else ()))


def has_indicator(layers: Sequence[str]) -> bool:
    """Whether there is a layer beside land cover."""
    return any(layer in layers for layer in (PRODUCTIVITY, SOC))


def conditions(cells: Cells, rules: Mapping[str, Rules], choice: Mapping[str, str]) -> Conditions:
    """The condition of every combination of codes when each factor is taken from one of both accounts.

    Args:
        cells: what occurs in both accounts.
        rules: of account ``a`` and of account ``b``.
        choice: ``a`` or ``b`` by factor, see ``factors_of``.

    Returns:
        int16 (N,): -1, 0, 1, -32768; -32767 where there are further layers and the initial map has water.

    Raises:
        ConfigError: when there are further layers and no rule to combine them.
    """
    initial = axis_of(choice[INITIAL], INITIAL)
    cover = _signs(cells, rules[choice[MATRIX]].matrix, initial, axis_of(choice[FINAL], FINAL))
    others = [cells.codes[axis_of(choice[layer], layer)] for layer in (PRODUCTIVITY, SOC) if layer in choice]
    if not others:
        return cover
    combine = rules[choice[POLICY]].combine
    if combine is None:
        raise ConfigError("accounts with productivity or soil carbon need a rule to combine layers")
    water = np.isin(cells.codes[initial], rules[choice[INITIAL]].water)
    return np.where(water, OUTSIDE, combine([cover, *others])).astype(np.int16)


def _signs(cells: Cells, matrix: Signs, initial: str, final: str) -> Conditions:
    """Signs of two classes; no data where either class is."""
    size = len(cells.axes[initial])
    table_KK = np.full((size, size), NODATA, np.int16)
    table_KK[:-1, :-1] = matrix.signs
    return table_KK[cells.positions(initial), cells.positions(final)]

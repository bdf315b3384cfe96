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

from indicators.codes import NODATA
from indicators.joint import FINAL, INITIAL, PRODUCTIVITY, SOC, JointTable
from landcover.errors import ConfigError

type Conditions = npt.NDArray[np.int16]
"""-1, 0, 1 or -32768 for each combination of codes."""

FIRST: Final = "a"
SECOND: Final = "b"
MATRIX: Final = "matrix"
"""Factor: the transition matrix."""
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
        """The condition of land from those of its layers, int16, broadcast against each other."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How one account goes from layers to the condition of land.

    Attributes:
        matrix: its transition matrix.
        combine: its rule for several layers; None where land cover is the only one.
    """

    matrix: Signs
    combine: Combine | None = None


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


def conditions(joint: JointTable, rules: Mapping[str, Rules], choice: Mapping[str, str]) -> Conditions:
    """The condition of every combination of codes when each factor is taken from one of both accounts.

    Args:
        joint: table of both accounts.
        rules: of account ``a`` and of account ``b``.
        choice: ``a`` or ``b`` by factor: the layers of the table, and ``MATRIX``.

    Returns:
        int16 of the shape that the table's arrays broadcast to: -1, 0, 1, -32768.

    Raises:
        ConfigError: when the table lacks an axis.
    """
    matrix = rules[choice[MATRIX]]
    cover = _signs(joint, matrix.matrix, axis_of(choice[INITIAL], INITIAL), axis_of(choice[FINAL], FINAL))
    others = [
        _spread(joint, axis_of(choice[layer], layer)) for layer in (PRODUCTIVITY, SOC) if layer in layers_of(joint)
    ]
    if not others:
        return cover
    if matrix.combine is None:
        raise ConfigError("accounts with productivity or soil carbon need a rule to combine layers")
    return matrix.combine([cover, *others])


def _signs(joint: JointTable, matrix: Signs, initial: str, final: str) -> Conditions:
    """Signs by the axes of two classes; no data where either class is."""
    size = len(joint.axis(initial))
    table_KK = np.full((size, size), NODATA, np.int16)
    table_KK[:-1, :-1] = matrix.signs
    first, second = joint.names.index(initial), joint.names.index(final)
    if first > second:
        table_KK = table_KK.T
    shape = [1] * len(joint.axes)
    shape[first], shape[second] = size, size
    return table_KK.reshape(shape)


def _spread(joint: JointTable, name: str) -> Conditions:
    """The codes of an axis, in the shape that broadcasts along it."""
    shape = [1] * len(joint.axes)
    shape[joint.names.index(name)] = -1
    return np.array(joint.axis(name).codes, np.int16).reshape(shape)

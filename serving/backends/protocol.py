"""What every runtime offers the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class GraphRefused(Exception):
    """A runtime cannot load a graph; its first line says why."""


class RuntimeUnfit(Exception):
    """A runtime is installed, but cannot work here, or not as it was asked to; its first line says why."""


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a graph.

    Attributes:
        name: as in the graph.
        dtype: NumPy's name of the sample type.
        channels: length of the second axis, or its name where the graph leaves it open.
    """

    name: str
    dtype: str
    channels: int | str


class Backend(Protocol):
    """One loaded graph."""

    @property
    def provider(self) -> str:
        """Where the graph really runs, by the name of the command line."""

    @property
    def parallel(self) -> int:
        """Calls of :meth:`run` that are meant to be under way at the same time."""

    @property
    def inputs(self) -> tuple[Port, ...]:
        """Inputs in the graph's order."""

    @property
    def outputs(self) -> tuple[Port, ...]:
        """Outputs in the graph's order."""

    def run(self, arrays: Sequence[NDArray[np.generic]]) -> NDArray[np.float32]:
        """The first output; called from several threads at once.

        Args:
            arrays: one per input, in their order, the first one (batch, channel, row, col).
        """

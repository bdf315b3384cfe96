"""What every runtime offers the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

PARALLEL_CALLS: Final = 2
"""Calls of a runtime on processors at the same time. Two with half the threads each are 14 % faster than one with all
of them (benchmarks/README.md): the threads of a call wait for each other after every operator, two calls do not. More
calls would take more memory for little."""

WINDOW_AXES: Final = 4
"""Axes of every input and output: batch, channel or class, row, column."""


class GraphRefused(Exception):
    """A runtime cannot load a graph; its first line says why."""


class RuntimeUnfit(Exception):
    """A runtime is installed, but cannot work here, or not as it was asked to; its first line says why."""


class DeviceLost(RuntimeUnfit):
    """The device has failed, and with it everything that this process had on it."""


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


def port(name: str, dtype: str, shape: Sequence[int | str]) -> Port:
    """An input or output of a graph, by its shape; a length that the graph leaves open is a name.

    Raises:
        GraphRefused: when it has not the axes of windows.
    """
    if len(shape) != WINDOW_AXES:
        raise GraphRefused(f"its {name!r} has {len(shape)} axes, expected are batch, channel, row and column")
    return Port(name, dtype, shape[1])


def first_line(error: BaseException) -> str:
    """The first line that an error says, or what kind it is where it says nothing."""
    lines = (line.strip() for line in str(error).splitlines())
    return next(filter(None, lines), type(error).__name__)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a runtime is going to be asked.

    Attributes:
        shapes: shape of every input of a call with one window; None where they are not known.
        calls: calls in all.
    """

    shapes: tuple[tuple[int, ...], ...] | None = None
    calls: int = 2**31

    def at_once(self, threads: int) -> int:
        """Calls that a runtime on processors is meant to get at the same time, which share its threads.

        One that is called once takes all threads for that call: with half of them the others would be idle.
        """
        return min(PARALLEL_CALLS, threads, self.calls)


UNKNOWN: Final = Outlook()
"""Many calls of any shapes."""

type Ahead = Future[Outlook]
"""An outlook that may become known while the runtime is being loaded."""


def settled(outlook: Outlook = UNKNOWN) -> Ahead:
    """An outlook that is known."""
    ahead: Ahead = Future()
    ahead.set_result(outlook)
    return ahead


class Backend(Protocol):
    """One loaded graph."""

    @property
    def provider(self) -> str:
        """Where the graph really runs, by the name of the command line."""

    @property
    def parallel(self) -> int:
        """Calls of :meth:`run` that are meant to be under way at the same time."""

    @property
    def traits(self) -> Mapping[str, str | int]:
        """What answers depend on beside graph, windows, runtime and processor, by names that people understand."""

    @property
    def lasting(self) -> bool:
        """Whether another process with these traits answers the same, bit for bit."""

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

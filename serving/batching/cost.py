"""What a call costs whatever its size, and what each window of it costs."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

FORGET: Final = 0.98
"""Weight of what was known before at each new call: the last fifty or so count."""

ENOUGH_CALLS: Final = 8.0
"""Calls after which the line through them is believed."""

KEPT: Final = 64
"""Shapes of windows that are remembered."""

type Shape = tuple[int, ...]


class Line:
    """Seconds of a call as a straight line over its windows: least squares, the older the lighter."""

    def __init__(self) -> None:
        self._calls = self._windows = self._seconds = self._squares = self._products = 0.0

    def add(self, windows: int, seconds: float) -> None:
        """Learn from a call."""
        self._calls = self._calls * FORGET + 1
        self._windows = self._windows * FORGET + windows
        self._seconds = self._seconds * FORGET + seconds
        self._squares = self._squares * FORGET + windows * windows
        self._products = self._products * FORGET + windows * seconds

    def fixed_share(self, windows: int) -> float:
        """Share of a call of so many windows that one more window would not add to, 0 to 1; 0 while that is unknown."""
        spread = self._calls * self._squares - self._windows**2
        if self._calls < ENOUGH_CALLS or spread <= 1e-3 * self._windows**2:  # all calls were alike
            return 0.0
        each = max(0.0, (self._calls * self._products - self._windows * self._seconds) / spread)
        fixed = max(0.0, (self._seconds - each * self._windows) / self._calls)
        whole = fixed + each * windows
        return fixed / whole if whole else 0.0


class Costs:
    """A line for each shape of windows. Not safe to share between threads by itself."""

    def __init__(self) -> None:
        self._lines: OrderedDict[Shape, Line] = OrderedDict()

    def add(self, shape: Shape, windows: int, seconds: float) -> None:
        """Learn from a call."""
        line = self._lines.setdefault(shape, Line())
        self._lines.move_to_end(shape)
        line.add(windows, seconds)
        if len(self._lines) > KEPT:
            self._lines.popitem(last=False)

    def fixed_share(self, shape: Shape, windows: int) -> float:
        """See ``Line``."""
        line = self._lines.get(shape)
        return line.fixed_share(windows) if line else 0.0

"""Time on the wall, and time that processors were busy with this process."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Clock:
    """A moment, or the time between two.

    Attributes:
        wall_s: seconds on the wall.
        busy_s: seconds of processors, all threads of this process together, those of libraries included.
    """

    wall_s: float
    busy_s: float

    @classmethod
    def start(cls) -> Self:
        """Now."""
        return cls(time.perf_counter(), time.process_time())

    def stop(self) -> Clock:
        """The time since this moment."""
        return Clock(time.perf_counter() - self.wall_s, time.process_time() - self.busy_s)

    def times(self, factor: float) -> Clock:
        """As much longer."""
        return Clock(self.wall_s * factor, self.busy_s * factor)

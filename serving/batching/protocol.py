"""What a batcher needs to know of others, and what others may know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray


class Runner(Protocol):
    """What answers; `serving.engine.Engine` is one."""

    @property
    def parallel(self) -> int:
        """Calls of :meth:`run` that are meant to be under way at the same time."""

    def run(
        self, dn_NBHW: NDArray[np.generic], overview_1BHW: NDArray[np.generic] | None = None, /
    ) -> NDArray[np.float32]:
        """Answers (batch, class, row, col); that of a window does not depend on the others of its batch."""


SIZES: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""Windows of a call. A runtime that keeps something per shape sees no more than these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is joined, how long is waited, how much may wait.

    Attributes:
        sizes: windows that a call may have, ascending, the first one 1.
        call_pixels: pixels of a call; a single window may have more. A larger call answers no faster per pixel.
        wait_s: longest wait for more windows, in seconds.
        queue_pixels: pixels that may wait.
        queue_requests: requests that may wait.
        fill: largest share of a call that may be filled up with windows nobody asked for, to reach the next size.
    """

    sizes: tuple[int, ...] = SIZES
    call_pixels: int = 65_536
    wait_s: float = 0.001
    queue_pixels: int = 16_777_216
    queue_requests: int = 1024
    fill: float = 0.125

    def most_windows(self, window_pixels: int) -> int:
        """Windows of the largest call with windows of so many pixels."""
        fitting = max(1, self.call_pixels // window_pixels)
        return max(size for size in self.sizes if size <= fitting)

    def size_for(self, windows: int, window_pixels: int) -> int:
        """Windows of the next call when so many wait: fewer than those leave a rest, more are filled up."""
        most = self.most_windows(window_pixels)
        if windows >= most:
            return most
        above = min(size for size in self.sizes if size >= windows)
        if above - windows <= self.fill * above:
            return above
        return max(size for size in self.sizes if size <= windows)


class Observer:
    """Told what happens. Ignores it; whoever counts derives from it.

    Called from several threads while others wait: must return at once and not raise.
    """

    def waiting(self, requests: int, pixels: int) -> None:
        """What waits now."""

    def waited(self, seconds: float) -> None:
        """How long a request waited before its first windows ran."""

    def ran(self, windows: int, filled: int, pixels: int, seconds: float) -> None:
        """A call: windows asked for, windows that filled it up, pixels asked for, seconds it took."""

    def refused(self, reason: str) -> None:
        """A request that was not answered: ``queue-full``, ``deadline``, ``cancelled`` or ``draining``."""

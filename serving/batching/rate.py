"""How fast a model answers, by what it did last."""

from __future__ import annotations

import math
from typing import Final

REMEMBERED: Final = 0.9
"""Weight of what was known before at each new call: the last ten or so count."""

UNKNOWN_RETRY_S: Final = 5
LONGEST_RETRY_S: Final = 60


class Rate:
    """Pixels per second of one call, over the last calls.

    Not safe to share between threads by itself.
    """

    def __init__(self) -> None:
        self._pixels = self._seconds = 0.0

    def add(self, pixels: int, seconds: float) -> None:
        """Count a call."""
        self._pixels = self._pixels * REMEMBERED + pixels
        self._seconds = self._seconds * REMEMBERED + seconds

    def retry_after_s(self, pixels: int, parallel: int) -> int:
        """Whole seconds until so many pixels have been answered by so many calls at a time, 1 to 60."""
        if not self._pixels:
            return UNKNOWN_RETRY_S
        seconds = pixels * self._seconds / self._pixels / parallel
        return max(1, min(math.ceil(seconds), LONGEST_RETRY_S))

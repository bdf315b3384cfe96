"""Files that stay open between reads: few at a time, and each process its own.

Handles of GDAL and threads do not survive a fork, so whoever reads in a loader process opens its own.
"""

from __future__ import annotations

import atexit
import os
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Final, Protocol

MOST_OPEN: Final = 32
"""Opened things per process: a scene of per-band files has up to 13 handles, and most systems allow 1024."""


class Closeable(Protocol):
    """Something that holds files."""

    def close(self) -> None:
        """Give them back."""


class OpenFiles:
    """What was used last stays open; the rest is closed."""

    def __init__(self, most: int = MOST_OPEN) -> None:
        self._most = most
        self._process: int | None = None
        self._open: OrderedDict[Hashable, Closeable] = OrderedDict()

    def get[T: Closeable](self, key: Hashable, opener: Callable[[], T]) -> T:
        """What is open under a key, opened when it is not.

        Args:
            key: Names the thing; two openers of one key must open the same.
            opener: Opens it.
        """
        if self._process != os.getpid():
            if self._process is not None:  # forked: the parent owns what is here
                self._open = OrderedDict()
            self._process = os.getpid()
            atexit.register(self.close)  # while GDAL can still say what is wrong
        if key not in self._open:
            self._open[key] = opener()
            while len(self._open) > self._most:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(key)
        return self._open[key]  # type: ignore[return-value]  # a key stands for one type, see above

    def close(self) -> None:
        """Close everything."""
        for thing in self._open.values():
            thing.close()
        self._open.clear()


def stamp(path: Path) -> int:
    """Changes when a file is written anew, so that no handle on the old one is used; part of a key."""
    try:
        return path.stat().st_mtime_ns
    except OSError:  # opening it says what is wrong
        return -1


OPEN: Final = OpenFiles()
"""Of this process."""

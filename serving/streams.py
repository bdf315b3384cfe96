"""Standard streams that whoever started the process has closed."""

from __future__ import annotations

import os
import sys


def open_closed_streams() -> None:
    """Let closed standard streams lead nowhere.

    Without them the next file that is opened would get their number, and whatever a library prints would be written
    into it, be it the map.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 (as long as the process)
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115

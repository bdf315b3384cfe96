"""When Python need not look for garbage: while modules are loaded, which stay, and when the process ends.

Half a million objects come to stay with the modules, and the collector looks through them again and again.
"""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Generator[None]:
    """Collect nothing for a short while in which much is loaded."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def leave_to_the_system() -> None:
    """Spare the interpreter its last look through everything, at the end of a process: memory goes back as a whole."""
    gc.freeze()

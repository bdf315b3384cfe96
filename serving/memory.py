"""Have the C library give large arrays back to the system as soon as they are freed.

glibc learns from the first large arrays that are freed to keep the next ones, up to 32 MB each, in one heap per thread.
Half a dozen threads pass a scene's arrays on; what each keeps adds up to a fifth of the peak memory. So large arrays
are returned, and smaller ones come from few heaps.

And measure the peak. Not by getrusage(2): a program that another one starts without copying itself (vfork, as
`subprocess` does) inherits the peak of its parent there.
"""

from __future__ import annotations

import ctypes
import os
import re
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Final

RETURNED_BYTES: Final = 2**24
"""Arrays from this size on get pages of their own, which cost time: with all from 2**18 on, and a heap for each
thread, a scene in 8 bits took 11 % more processor time (benchmarks/README.md). Below it are windows, what the model
answers and decoded blocks of a file: from 2**22 on there were a third more page faults, for 10 MB less at the peak."""

KEPT_BYTES: Final = 16 * 2**20
"""What may stay unused at the end of a heap."""

HEAPS: Final = 2
"""Heaps that all threads share. Each keeps the most that it ever held."""

# Names and numbers of mallopt(3), and the variables by which an operator chooses; the operator wins.
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
_STATUS: Final = Path("/proc/self/status")
_PEAK: Final = re.compile(r"^VmHWM:\s*(\d+) kB$", re.MULTILINE)

_VARIABLES: Final = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_ARENA_MAX", "GLIBC_TUNABLES")


def return_freed_memory() -> bool:
    """Set it for the whole process.

    Returns:
        Whether it was set: not where the operator has chosen, nor with another C library than glibc.
    """
    if any(name in os.environ for name in _VARIABLES):
        return False
    mallopt = _from_glibc("mallopt")
    if mallopt is None:
        return False
    wanted = ((_M_MMAP_THRESHOLD, RETURNED_BYTES), (_M_TRIM_THRESHOLD, KEPT_BYTES), (_M_ARENA_MAX, HEAPS))
    return all(bool(mallopt(name, value)) for name, value in wanted)


def peak_resident_bytes(status: Path = _STATUS) -> int:
    """Most memory that this process has had resident, see proc(5); where the system does not say, by getrusage(2)."""
    try:
        found = _PEAK.search(status.read_text(encoding="ascii", errors="replace"))
    except OSError:
        found = None
    return 1024 * (int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def drop_unused_memory() -> None:
    """Give back what small things that are gone have left in the heaps: after loading a model, twice its weights."""
    trim = _from_glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _from_glibc(name: str) -> Callable[[*tuple[int, ...]], int] | None:
    """A function of the C library; None where it has no such one."""
    function: Callable[[*tuple[int, ...]], int] | None = getattr(ctypes.CDLL(None), name, None)
    return function

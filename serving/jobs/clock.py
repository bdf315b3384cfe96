"""What time it is: for people, and for leases.

A lease must not end early or live for ever because somebody set the clock. On one host it is counted by the clock that
runs since the system booted, also while it sleeps; after a reboot nobody holds anything, so every lease of another boot
has ended. Where several hosts share a database, its clock counts for all of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from serving.database.protocol import Dialect, Transaction

MICROS: Final = 1_000_000
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment on both clocks.

    Attributes:
        wall_us: microseconds since 1970, UTC; what people are told, and ages in days.
        epoch: what ``ticks`` counts from; ticks of different epochs cannot be compared.
        ticks: microseconds, never set by anybody.
    """

    wall_us: int
    epoch: str
    ticks: int


type Clock = Callable[[Transaction], Instant]
"""Tells the time within a transaction."""


def clock_of(dialect: Dialect) -> Clock:
    """The clock that goes with a database."""
    return boot_clock if dialect == "sqlite" else database_clock


def boot_clock(_transaction: Transaction) -> Instant:
    """The clock of this host and this boot (man 2 clock_gettime: CLOCK_BOOTTIME)."""
    wall_us = time.time_ns() // 1000
    epoch = _boot_id()
    if epoch is None:  # not Linux: nothing better is known
        return Instant(wall_us, "wall", wall_us)
    return Instant(wall_us, epoch, time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000)


@cache
def _boot_id() -> str | None:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return None


def database_clock(transaction: Transaction) -> Instant:
    """The clock of the PostgreSQL server."""
    now = transaction.run("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now")[0]["now"]
    return Instant(now, "database", now)

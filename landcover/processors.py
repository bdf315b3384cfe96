"""The processors of this machine: how many may be used, and which instructions they have."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

CPU_INFO: Final = Path("/proc/cpuinfo")

INSTRUCTIONS: Final = (
    "avx2",
    "fma",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "amx_bf16",
    "amx_int8",
    "asimd",
    "asimddp",
    "i8mm",
    "bf16",
    "sve",
)
"""Instructions by which libraries choose their kernels: how fast networks run, and how sums are rounded; those of ARM
last."""

_FLAGS: Final = re.compile(r"^(?:flags|Features)\s*:\s*(.+)$", re.MULTILINE)


def available_processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def instructions(cpu_info: Path = CPU_INFO) -> tuple[str, ...]:
    """The instructions of ``INSTRUCTIONS`` that the processor has; empty where it does not say."""
    try:
        flags = _FLAGS.search(cpu_info.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return ()
    present = set(flags[1].split()) if flags else set()
    return tuple(name for name in INSTRUCTIONS if name in present)

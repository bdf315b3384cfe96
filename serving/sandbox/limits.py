"""What a closed-in process may use: memory, processor time, files; and that it ends with the process it works for.

``RLIMIT_NPROC`` is not among the limits: it counts all processes and threads of a user, and root is exempt. The filter
of system calls refuses other processes instead.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from dataclasses import dataclass
from typing import Final

from serving.sandbox.landlock import forbid_new_rights

OPEN_FILES: Final = 512
"""A folder of thirteen bands is open once for each of eight threads."""

_GRACE_S: Final = 5
"""Processor time between the signal that tells why a process ends and the one that ends it in any case."""

_SET_PARENT_DEATH_SIGNAL: Final = 1
_SET_DUMPABLE: Final = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a process.

    Attributes:
        memory_bytes: address space, which is more than what is in use: libraries and stacks of threads count.
        cpu_s: processor time of all its threads together.
    """

    memory_bytes: int
    cpu_s: int


def apply_limits(limits: Limits) -> None:
    """Set the limits of this process for good.

    Beyond its memory a process sees allocations fail, beyond its processor time it is ended by SIGXCPU. It writes to no
    file (what is mapped already stays writable), and leaves no memory behind when it fails.

    Raises:
        OSError: when the system refuses.
    """
    _limit(resource.RLIMIT_AS, limits.memory_bytes)
    _limit(resource.RLIMIT_CPU, limits.cpu_s, _GRACE_S)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    _limit(resource.RLIMIT_CORE, 0)
    forbid_new_rights()


def end_with(parent: int) -> None:
    """Be killed when the thread ends that started this process; end now when its process has ended already.

    Args:
        parent: the process that started this one.

    Raises:
        OSError: when the system refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL), (_SET_DUMPABLE, 0)):
        if libc.prctl(option, ctypes.c_ulong(value)):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    if os.getppid() != parent:
        os._exit(1)


def _limit(kind: int, value: int, grace: int = 0) -> None:
    """A lower limit that is in force already stays."""
    _, highest = resource.getrlimit(kind)
    ceiling = value + grace if highest == resource.RLIM_INFINITY else min(value + grace, highest)
    resource.setrlimit(kind, (min(value, ceiling), ceiling))

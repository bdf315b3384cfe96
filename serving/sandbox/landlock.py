"""Landlock: from one call on, a process reads only what it was given, for ever, whatever its code is talked into.

Landlock is part of the kernel and needs no rights (https://docs.kernel.org/userspace-api/landlock.html). Its interface
grew; what a kernel can restrict is told by its ABI number: files from 1 on, TCP from 4 on, signals and abstract sockets
from 6 on. It says nothing of UDP and of what is done to a file without opening it, such as ``chmod``: see ``seccomp``.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_CREATE_RULESET: Final = 444  # the same numbers on every architecture
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_VERSION: Final = 1
_PATH_BENEATH: Final = 1
_NO_NEW_PRIVS: Final = 38

_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_FILES_OF_ABI: Final = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
"""Rights on files that came with an ABI: the first thirteen, linking, truncating, commands to devices."""
_TCP_OF_ABI: Final = {4: 3}
"""Binding and connecting."""
_SCOPES_OF_ABI: Final = {6: 3}
"""Abstract sockets, and signals to processes that are not restricted alike."""

_TASKS: Final = Path("/proc/self/task")


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("tcp", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def abi() -> int:
    """What the kernel can restrict; 0 where it has no Landlock, or where that is switched off."""
    if sys.platform != "linux":
        return 0
    version: int = _libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    return max(0, version)


def restrict(readable: Iterable[Path]) -> int:
    """Give up everything that Landlock can take from this process, but for reading some files and folders.

    Call it while the process has one thread: others would stay as they are.

    Args:
        readable: files, and folders with all that lies in them; what is not there is left out.

    Returns:
        The ABI; 0 where the kernel has no Landlock, and then nothing was given up.

    Raises:
        OSError: when the kernel has Landlock and refuses.
        RuntimeError: when other threads run.
    """
    version = abi()
    if not version:
        return 0
    if sum(1 for _ in _TASKS.iterdir()) > 1:
        raise RuntimeError("other threads run already; Landlock would not hold for them")
    wanted = _Ruleset(*(_up_to(version, each) for each in (_FILES_OF_ABI, _TCP_OF_ABI, _SCOPES_OF_ABI)))
    ruleset = _call(_CREATE_RULESET, ctypes.byref(wanted), ctypes.c_size_t(ctypes.sizeof(wanted)), 0)
    try:
        for path in readable:
            _allow(ruleset, path)
        forbid_new_rights()
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return version


def forbid_new_rights() -> None:
    """Let no program that this process starts have more rights than itself; the kernel asks for this first.

    Raises:
        OSError: when the kernel refuses.
    """
    if _libc().prctl(_NO_NEW_PRIVS, *map(ctypes.c_ulong, (1, 0, 0, 0))):
        raise _os_error()


def _up_to(version: int, of_abi: dict[int, int]) -> int:
    return sum(bits for since, bits in of_abi.items() if since <= version)


def _allow(ruleset: int, path: Path) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights = _READ_FILE | (_READ_DIR if path.is_dir() else 0)
        rule = _PathBeneath(rights, place)
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(place)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: object) -> int:
    result: int = _libc().syscall(number, *arguments)
    if result < 0:
        raise _os_error()
    return result


def _os_error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))

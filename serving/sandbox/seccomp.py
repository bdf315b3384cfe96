"""A filter of system calls for a process that only decodes: no sockets, no other processes, no changes to files.

It closes what Landlock leaves open: UDP and with it DNS, ``chmod`` and its like, tracing and stopping other processes
of the same user. The filter lists what is refused, not what is allowed: libraries may use calls that nobody thought of,
and what would open files is left to Landlock. Refused calls fail with EPERM, so that libraries report an error as they
do for any other. https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from serving.sandbox.landlock import forbid_new_rights

_SET_SECCOMP: Final = 22
_MODE_FILTER: Final = 2
_CLONE_THREAD: Final = 0x10000
_X32: Final = 0x40000000  # calls of x86-64 by other numbers

# Classic BPF: load a word of the call's description, compare, answer.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _ANSWER = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _MACHINE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_KILL: Final = 0x80000000
_ALLOW: Final = 0x7FFF0000
_ERROR: Final = 0x00050000

type _Step = tuple[int, int, int, int]
"""Code, steps to skip when true, steps to skip when false, operand."""


@dataclass(frozen=True, slots=True)
class _Machine:
    """Numbers of system calls on one kind of processor.

    Attributes:
        audit: the kernel's number of the kind.
        clone: starts threads and processes.
        prlimit: reads and sets limits, also of others.
        refused: the calls that are refused.
    """

    audit: int
    clone: int
    prlimit: int
    refused: tuple[int, ...]


# Since 2019 new calls have the same number everywhere: pidfd_send_signal, io_uring_setup, io_uring_enter,
# io_uring_register, open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, pidfd_open, pidfd_getfd,
# process_madvise, mount_setattr, fchmodat2, setxattrat, removexattrat.
_EVERYWHERE: Final = (424, 425, 426, 427, 428, 429, 430, 431, 432, 433, 434, 438, 440, 442, 452, 463, 466)
_CLONE3: Final = 435  # its flags lie in memory, where a filter cannot look; the C library falls back to clone

_MACHINES: Final = {
    "x86_64": _Machine(
        audit=0xC000003E,
        clone=56,
        prlimit=302,
        refused=(
            *(41, 42, 43, 49, 50, 53, 288),  # socket, connect, accept, bind, listen, socketpair, accept4
            *(57, 58, 59, 322),  # fork, vfork, execve, execveat
            *(62, 200, 129, 297),  # kill, tkill, rt_sigqueueinfo, rt_tgsigqueueinfo
            *(101, 310, 311, 312),  # ptrace, process_vm_readv, process_vm_writev, kcmp
            *(90, 91, 268, 92, 93, 94, 260),  # chmod, fchmod, fchmodat, chown, fchown, lchown, fchownat
            *(132, 235, 261, 280),  # utime, utimes, futimesat, utimensat
            *(188, 189, 190, 197, 198, 199),  # setxattr, lsetxattr, fsetxattr and the same for removexattr
            *(155, 161, 165, 166, 272, 308),  # pivot_root, chroot, mount, umount2, unshare, setns
            *(248, 249, 250, 298, 321, 323),  # add_key, request_key, keyctl, perf_event_open, bpf, userfaultfd
        ),
    ),
    "aarch64": _Machine(
        audit=0xC00000B7,
        clone=220,
        prlimit=261,
        refused=(
            *(198, 203, 202, 200, 201, 199, 242),
            *(221, 281),
            *(129, 130, 138, 240),
            *(117, 270, 271, 272),
            *(52, 53, 54, 55),
            *(88,),
            *(5, 6, 7, 14, 15, 16),
            *(41, 51, 40, 39, 97, 268),
            *(217, 218, 219, 241, 280, 282),
        ),
    ),
}


class _Filter(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("when_true", ctypes.c_uint8),
        ("when_false", ctypes.c_uint8),
        ("operand", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("steps", ctypes.POINTER(_Filter)))


def restrict() -> bool:
    """Refuse the calls from now on, in this thread and all that it starts.

    Returns:
        Whether they are: False on processors whose numbers are not listed here.

    Raises:
        OSError: when the kernel takes no filter.
    """
    machine = _MACHINES.get(platform.machine()) if sys.platform == "linux" and sys.maxsize > 1 << 32 else None
    if machine is None:
        return False
    steps = _program(machine)
    filters = (_Filter * len(steps))(*(_Filter(*step) for step in steps))
    program = _Program(len(steps), filters)
    forbid_new_rights()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SET_SECCOMP, ctypes.c_ulong(_MODE_FILTER), ctypes.byref(program)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return True


def _program(machine: _Machine) -> list[_Step]:
    return [
        (_LOAD, 0, 0, _MACHINE_AT),
        (_EQUAL, 1, 0, machine.audit),
        (_ANSWER, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_AT_LEAST, 0, 1, _X32),
        (_ANSWER, 0, 0, _ERROR | errno.EPERM),
        *_refusals((*machine.refused, *_EVERYWHERE)),
        (_EQUAL, 0, 1, _CLONE3),
        (_ANSWER, 0, 0, _ERROR | errno.ENOSYS),
        *_only_with(machine.clone, (_ANY_BIT, 1, 0, _CLONE_THREAD)),
        *_only_with(machine.prlimit, (_EQUAL, 1, 0, 0)),
        (_ANSWER, 0, 0, _ALLOW),
    ]


def _refusals(numbers: Iterable[int]) -> Iterable[_Step]:
    for number in numbers:
        yield _EQUAL, 0, 1, number
        yield _ANSWER, 0, 0, _ERROR | errno.EPERM


def _only_with(number: int, test: _Step) -> Iterable[_Step]:
    """Allow a call only when its first argument passes a test."""
    yield _EQUAL, 0, 4, number
    yield _LOAD, 0, 0, _FIRST_ARGUMENT_AT
    yield test
    yield _ANSWER, 0, 0, _ERROR | errno.EPERM
    yield _ANSWER, 0, 0, _ALLOW

"""Which file systems SQLite may live on: its locks and its shared memory work within one host only."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Final

NETWORK: Final = {
    0x6969: "nfs",
    0x517B: "smb",
    0xFF534D42: "cifs",
    0xFE534D42: "smb2",
    0x564C: "ncp",
    0x5346414F: "afs",
    0x73757245: "coda",
    0x00C36400: "ceph",
    0x01021997: "9p",
    0x0BD00BD0: "lustre",
    0x47504653: "gpfs",
    0x19830326: "beegfs",
    0xAAD7AAEA: "panfs",
    0x20030528: "orangefs",
    0x01161970: "gfs2",
    0x7461636F: "ocfs2",
    0x65735546: "fuse",
}
"""Type in ``statfs`` (man 2 statfs, linux/magic.h) of file systems that several hosts may share."""

_LOCAL_FUSE: Final = frozenset({"fuseblk", "fuse.fuse-overlayfs", "virtiofs"})
"""Run by a program of this host, though, on a disk of this host."""

_MOUNTS: Final = Path("/proc/self/mountinfo")


def network_name(folder: Path) -> str | None:
    """Name of the network file system that a folder is on.

    Returns:
        None where it is on a local one, or where the system does not tell (anything but Linux).
    """
    if sys.platform != "linux":
        return None
    kind = NETWORK.get(_statfs_type(folder))
    if kind != "fuse":
        return kind
    mounted = _mounted_as(folder) or "fuse"
    return None if mounted in _LOCAL_FUSE else mounted


def _statfs_type(folder: Path) -> int:
    """Field ``f_type``, the first word of the structure."""
    structure = (ctypes.c_long * 64)()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.statfs(os.fsencode(folder), ctypes.byref(structure)):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return structure[0] & 0xFFFFFFFF


def _mounted_as(folder: Path) -> str | None:
    """Type by which the file system was mounted (man 5 proc, mountinfo: device is field 3, type follows a dash)."""
    device = folder.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in _MOUNTS.read_text().splitlines():
        mount, _, rest = line.partition(" - ")
        if mount.split()[2] == wanted:
            return rest.split()[0]
    return None

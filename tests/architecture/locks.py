"""Read the lock files of requirements/."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.architecture.tree import ROOT

FOLDER: Final = ROOT / "requirements"
ENTRY: Final = re.compile(r"([a-z0-9][a-z0-9.-]*)==([A-Za-z0-9.+!]+)(?: ; [^/:]+)?((?: --hash=sha256:[0-9a-f]{64})+)")
"""name==version, perhaps an environment marker, at least one hash, and nothing else."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One line of a lock file, its continuation lines included."""

    name: str
    version: Version


def lock_names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.lock"))


def logical_lines(lock: str) -> list[str]:
    """The lines of a lock file, comments left out and continuations joined."""
    lines = (FOLDER / f"{lock}.lock").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    return re.sub(r" *\\\n +", " ", text).split("\n")


@cache
def pins(lock: str) -> dict[str, Pin]:
    """Name to pin; raises ValueError at a line that is not a pin with hashes."""
    found: dict[str, Pin] = {}
    for line in logical_lines(lock):
        match = ENTRY.fullmatch(line)
        if match is None:
            raise ValueError(f"{lock}.lock: not name==version with hashes: {line[:120]!r}")
        found[canonicalize_name(match[1])] = Pin(match[1], Version(match[2]))
    return found

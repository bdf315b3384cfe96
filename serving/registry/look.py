"""Look at a version folder without reading more than its manifest: has it changed, is it whole."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from landcover.bundle import MANIFEST_FILE, Bundle
from landcover.errors import BundleInvalid
from serving.registry.folders import read_version

Signature = tuple[tuple[str, int, int, int, int], ...]
"""Name, size, times of content and of status, and number of each file: the same as long as nothing was touched."""

_MOST_FILES: Final = 256


@dataclass(frozen=True, slots=True)
class Look:
    """What a folder holds by its names and sizes.

    Attributes:
        bundle: the bundle, where there is a manifest that can be read; its files may still be on their way.
        lacks: what is missing or in the way, None = it is whole, by sizes.
    """

    bundle: Bundle | None
    lacks: BundleInvalid | None


def signature_of(path: Path) -> Signature | None:
    """The signature of a folder; None when it is not there."""
    try:
        with os.scandir(path) as entries:
            return tuple(sorted(_mark(entry) for entry in islice(entries, _MOST_FILES)))
    except OSError:
        return None


def look_at(path: Path) -> Look:
    """Read the manifest and compare names and sizes with it."""
    try:
        bundle = read_version(path)
    except BundleInvalid as error:
        return Look(None, error)
    sizes = {name: size for name, size, *_ in signature_of(path) or ()}
    files = bundle.manifest.files
    absent = sorted(name for name, record in files.items() if sizes.get(name) != record.size)
    extra = sorted(set(sizes) - {MANIFEST_FILE, *files})
    if not absent and not extra:
        return Look(bundle, None)
    said = [f"{', '.join(absent)} missing or of another size than the manifest says"] if absent else []
    said += [f"files not in the manifest: {', '.join(extra)}"] if extra else []
    return Look(bundle, BundleInvalid(f"model {bundle.manifest.identifier}: {'; '.join(said)}; copy it again"))


def _mark(entry: os.DirEntry[str]) -> tuple[str, int, int, int, int]:
    try:
        state = entry.stat()
    except OSError:  # removed since it was listed, or a link that leads nowhere
        return entry.name, -1, 0, 0, 0
    return entry.name, state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino

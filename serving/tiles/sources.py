"""The operator's folder of scenes, entry by entry: a file, or a folder of band files, is a source."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from serving.folders import PathNotFound, inside
from serving.tiles.errors import SourceNotFound

SUFFIXES: Final = frozenset({".tif", ".tiff", ".jp2"})
"""Files of a folder that are sources; folders always are."""

MOST_FILES: Final = 10_000
"""Files of a folder that are looked at to tell whether it has changed."""

_UNKNOWN: Final = "this service has no source of that name; GET /sources lists what it has"


@dataclass(frozen=True, slots=True)
class Source:
    """One source, as it is now.

    Attributes:
        name: of the entry.
        place: where it lies.
        stamp: changes when a file of it is replaced, written to, added or removed.
    """

    name: str
    place: Path
    stamp: str


class SourceFolder:
    """The folder.

    Args:
        folder: what is configured, or None.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def find(self, name: str) -> Source:
        """The source of a name.

        Raises:
            SourceNotFound: when there is none.
        """
        if not _is_name(name):
            raise SourceNotFound(_UNKNOWN)
        try:
            place = inside(self._folder, name)
            return Source(name, place, _stamp(place))
        except (PathNotFound, OSError) as error:
            raise SourceNotFound(_UNKNOWN) from error

    def names(self) -> list[str]:
        """Names of all sources, sorted; none without a folder."""
        if self._folder is None:
            return []
        try:
            with os.scandir(self._folder) as entries:
                return sorted(entry.name for entry in entries if _is_name(entry.name) and _is_source(entry))
        except OSError:
            return []


def _is_name(name: str) -> bool:
    """Whether an entry may be spoken of; hidden ones may not, nor those that no address can say."""
    return name.isprintable() and not name.startswith(".") and "/" not in name and name != ""


def _is_source(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir() or (entry.is_file() and Path(entry.name).suffix.lower() in SUFFIXES)


def _stamp(place: Path) -> str:
    """A digest of what the file system says of all files."""
    digest = hashlib.sha256()
    for count, (name, found) in enumerate(_files(place)):
        if count >= MOST_FILES:
            break
        digest.update(f"{name}\0{found.st_ino}\0{found.st_size}\0{found.st_mtime_ns}\n".encode("utf-8", "replace"))
    return digest.hexdigest()


def _files(place: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Files of a source in a fixed order; the name of a file that is one itself does not count."""
    if place.is_file():
        yield "", place.stat()
        return
    for folder, folders, files in os.walk(place):
        folders.sort()
        for name in sorted(files):
            path = Path(folder, name)
            yield str(path.relative_to(place)), path.stat()

"""Where the service keeps what it keeps, and names below a folder that the operator has configured."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from landcover.errors import ConfigError, DataError
from landcover.staging import os_errors
from serving.results import Results
from serving.settings import Settings
from serving.uploads import Uploads


@dataclass(frozen=True, slots=True)
class StateFolders:
    """The folders below ``STEPPE_STATE``.

    Attributes:
        uploads: what clients sent.
        results: what was made for them.
        scratch: what jobs need while they run.
    """

    uploads: Uploads
    results: Results
    scratch: Path

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The folders of these settings; those below ``STEPPE_STATE`` are made when they are needed."""
        return cls(
            Uploads(
                settings.state / "uploads",
                settings.upload_keep_s,
                per_owner=settings.upload_bytes_per_key,
                spare=settings.min_free_bytes,
            ),
            Results(settings.state / "results"),
            settings.scratch or settings.state / "work",
        )


def make_state(settings: Settings) -> None:
    """Make ``STEPPE_STATE``, wherever the database is: what looks for room there looks before anything is written.

    Raises:
        DiskFull: no room.
        OutputNotWritable: it cannot be made.
    """
    with os_errors(settings.state):
        settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)


def check_folders(settings: Settings) -> None:
    """Check folders that the operator has named and filled; nothing is made of a misspelt name.

    Raises:
        ConfigError: when one is not there.
    """
    folder = settings.data_folder
    if folder is not None and not folder.is_dir():
        raise ConfigError("STEPPE_DATA_FOLDER names no folder that is there; correct it, or unset it for no folder")


class PathNotFound(DataError):
    """There is nothing of that name below the service's folder of scenes."""

    slug = "no-such-path"


def inside(folder: Path | None, name: str) -> Path:
    """What a relative name means below a folder; links that lead out of it lead nowhere.

    Args:
        folder: what is configured, or None.
        name: parts with ``/`` between them.

    Raises:
        PathNotFound: when there is no such file or folder.
    """
    if folder is None:
        raise PathNotFound("this service has no folder of scenes; upload the scene, or give its address")
    parts = PurePosixPath(name)
    if not parts.is_absolute() and ".." not in parts.parts and "\0" not in name:
        with suppress(OSError, RuntimeError):  # names that are too long, links that lead round in a circle
            root = folder.resolve()
            place = (root / parts).resolve()
            if place.is_relative_to(root) and place != root and (place.is_file() or place.is_dir()):
                return place
    raise PathNotFound("there is no scene of that name below the service's folder of scenes; give its relative path")

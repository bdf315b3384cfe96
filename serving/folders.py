"""Names below a folder that the operator has configured: nothing else is reached through it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from landcover.errors import DataError


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
        root = folder.resolve()
        place = (root / parts).resolve()
        if place.is_relative_to(root) and place != root and (place.is_file() or place.is_dir()):
            return place
    raise PathNotFound("there is no scene of that name below the service's folder of scenes; give its relative path")

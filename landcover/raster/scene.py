"""Opening a scene: one multi-band file, or a folder with a file for each band."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from landcover.errors import RasterUnreadable
from landcover.raster.multiband import MultibandScene
from landcover.raster.perband import PerBandScene
from landcover.raster.protocol import DEFAULT_POLICY, Block, ReadPolicy, Scene, SceneRequest
from landcover.sensors import Radiometry

__all__ = ["DEFAULT_POLICY", "Block", "ReadPolicy", "Scene", "existing", "open_request", "open_scene", "place_of"]

# A URL, whose second slash is lost when it is taken for a path, or one of GDAL's virtual file systems.
_REMOTE: Final = re.compile(r"[a-z][a-z0-9+.-]+:/|/vsi", re.IGNORECASE)


def open_scene(
    path: str | Path,
    *,
    bands_wanted: Sequence[str],
    bands: Sequence[str] | None = None,
    level: str | None = None,
    radiometry: Radiometry | None = None,
    dtype_wanted: str = "uint16",
    policy: ReadPolicy = DEFAULT_POLICY,
) -> Scene:
    """Open a local raster as a scene; everything that can be refused is refused here, before a pixel is read.

    Args:
        path: a TIFF or JPEG 2000 file, a folder of single-band files, or a SAFE folder (or its metadata file).
        bands_wanted: the model's band names; ``read`` returns exactly these, in this order.
        bands: names for the file's bands, in file order, when the file does not name them.
        level: processing level, when the file does not state it; must not contradict the file.
        radiometry: scale and offset, when the file does not state them; must not contradict the file.
        dtype_wanted: sample type the bands must have; nothing is converted.
        policy: limits, threads and assumed nodata.

    Raises:
        DataError: one of its nouns, see ``MultibandScene`` and ``PerBandScene``.
    """
    place = existing(path)
    request = SceneRequest(
        bands_wanted=tuple(bands_wanted),
        bands=None if bands is None else tuple(bands),
        level=level,
        radiometry=radiometry,
        dtype=np.dtype(dtype_wanted),
        policy=policy,
    )
    return open_request(place, request)


def open_request(place: Path, request: SceneRequest) -> Scene:
    """Open an input that is there, see ``open_scene``.

    Args:
        place: its absolute path.
        request: what is wanted and what the caller states.

    Raises:
        DataError: one of its nouns.
    """
    if place.suffix.lower() == ".xml":
        place = place.parent
    return PerBandScene(place, request) if place.is_dir() else MultibandScene(place, request)


def place_of(path: str | Path) -> Path:
    """The absolute path of an input; unlike ``.`` and ``..`` it has a name."""
    place = Path(path).absolute()
    return place.resolve() if ".." in place.parts else place


def existing(path: str | Path) -> Path:
    """The absolute path of an input that is there.

    Raises:
        RasterUnreadable: when there is nothing, or it cannot be reached.
    """
    place, given = place_of(path), str(path)
    try:
        found = place.exists()
    except OSError as error:
        raise RasterUnreadable(f"{place.name!r} cannot be reached: {error.strerror}") from error
    if not found:
        advice = "; only local files are read: fetch it first" if _REMOTE.match(given) else ""
        raise RasterUnreadable(f"{place.name!r} does not exist{advice}")
    return place

"""What a word of the command line means as a scene for a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

from landcover.errors import WrongUse
from landcover.raster.header import check_header
from serving.client.errors import SceneNotSendable

ITEM_TYPE: Final = "application/geo+json"
RASTER_TYPE: Final = "image/tiff"

_RASTERS: Final = frozenset({".tif", ".tiff", ".jp2"})
_ADVICE: Final = "name the scene by --tile and date, by the address of its STAC Item, or map it without --server"


@dataclass(frozen=True, slots=True)
class LocalScene:
    """A file on this machine.

    Attributes:
        path: where.
    """

    path: Path


@dataclass(frozen=True, slots=True)
class RemoteScene:
    """A scene on a host that the service may ask.

    Attributes:
        href: its https address.
    """

    href: str

    def reference(self) -> Mapping[str, Any]:
        """As a request has it: what does not end as a raster is a STAC Item."""
        ending = PurePosixPath(urlsplit(self.href).path).suffix.lower()
        return {"href": self.href, "type": RASTER_TYPE if ending in _RASTERS else ITEM_TYPE}


type Scene = LocalScene | RemoteScene


def is_address(word: str) -> bool:
    """Whether a word names something on another host."""
    return "://" in word


def scene_of(word: str) -> Scene:
    """The scene that a word means; a file is looked at before anything is sent.

    Raises:
        WrongUse: when it is an address that is not https.
        SceneNotSendable: when it is a folder.
        DataError: when it is no raster that Steppe reads.
    """
    if is_address(word):
        if not word.startswith("https://"):
            raise WrongUse(
                f"a service fetches scenes by https only, not {word.partition('://')[0]!r}; correct the address"
            )
        return RemoteScene(word)
    path = Path(word)
    _refuse_folders(path)
    check_header(path)
    return LocalScene(path)


def _refuse_folders(path: Path) -> None:
    """Services take one file for each scene."""
    if path.name.upper().endswith(".SAFE") or path.suffix.lower() == ".xml":
        raise SceneNotSendable(f"{path.name!r} is a SAFE product of many files, a service takes one GeoTIFF; {_ADVICE}")
    if path.is_dir():
        raise SceneNotSendable(
            f"{path.name!r} is a folder, a service takes one GeoTIFF with all bands; join the bands into one (for "
            f"example gdalbuildvrt -separate, then gdal_translate), {_ADVICE}"
        )

"""Bring the images of a job to where a reader can open them."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from landcover.staging import os_errors
from serving.folders import inside
from serving.processes.orders import AssetsSource, FolderSource, Image, Source, UploadSource, UrlSource
from serving.uploads import UploadNotFound
from serving.work.heart import Heart
from serving.work.shop import Shop


@dataclass(frozen=True, slots=True)
class Local:
    """An image on this machine, and what its files may not say; see ``serving.request.Inputs``."""

    path: Path
    bands: tuple[str, ...] | None
    level: str | None
    product: str | None


@dataclass(frozen=True, slots=True)
class Gathered:
    """All images of a job.

    Attributes:
        images: in the order of the request.
        scratch: folder that goes with the job.
    """

    images: tuple[Local, ...]
    scratch: Path

    def write_geojson(self, document: dict[str, Any] | None) -> Path | None:
        """An area of interest as the file that areas are read from."""
        if document is None:
            return None
        path = self.scratch / "area.geojson"
        with os_errors(path):
            path.write_text(json.dumps(document))
        return path


@contextmanager
def gather(images: Sequence[Image], shop: Shop, heart: Heart) -> Iterator[Gathered]:
    """Bring images here, and remove what was brought at the end.

    Raises:
        DataError: when one of them cannot be had.
        LeaseLost: when nobody wants them any more.
        DiskFull: when there is no room.
    """
    shop.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="job-", dir=shop.scratch))
    try:
        yield Gathered(tuple(_locals(images, shop, heart, scratch)), scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _locals(images: Sequence[Image], shop: Shop, heart: Heart, scratch: Path) -> Iterator[Local]:
    for number, image in enumerate(images, start=1):
        heart.check()
        yield Local(_path(image.source, shop, scratch, number), image.bands, image.level, image.product)


def _path(source: Source, shop: Shop, scratch: Path, number: int) -> Path:
    match source:
        case UploadSource(file=file):
            return _named(shop.uploads.root / file, scratch, number)
        case FolderSource(path=name):
            return inside(shop.settings.data_folder, name)
        case UrlSource() | AssetsSource():
            raise NotImplementedError


def _named(upload: Path, scratch: Path, number: int) -> Path:
    """An upload under a name that messages can quote; a link, so that it stays when the upload is removed.

    Raises:
        UploadNotFound: when it is not there any more.
    """
    place = scratch / f"upload{'' if number == 1 else number}.tif"
    try:
        place.hardlink_to(upload)
    except FileNotFoundError as error:
        raise UploadNotFound("the upload is not there any more; send it and the request again") from error
    except OSError:  # another file system, or one without links
        return upload
    return place

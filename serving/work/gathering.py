"""Bring the images of a job to where a reader can open them."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from landcover.staging import os_errors
from serving.catalog.scene import SceneAssets
from serving.catalog.settings import catalogue_folder
from serving.fetch.budget import Budget
from serving.fetch.reference import Kind
from serving.fetch.settings import limits_of
from serving.folders import PathNotFound, inside
from serving.processes.orders import Image
from serving.request import Stated
from serving.uploads import UploadNotFound
from serving.work.heart import Heart
from serving.work.shop import Shop

SCRATCH: Final = "job-"
"""What scratch folders of jobs begin with; the name of the attempt follows."""

_SAFE: Final = re.compile(r"[^A-Za-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class Local:
    """An image on this machine, its name, and what its files may not say; see ``serving.request.Inputs``."""

    path: Path
    bands: tuple[str, ...] | None
    level: str | None
    product: str | None
    stated: Stated | None = None
    name: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gathered:
    """All images of a job.

    Attributes:
        images: in the order of the request.
        scratch: folder that goes with the job.
    """

    images: tuple[Local, ...]
    scratch: Path

    @property
    def stated(self) -> dict[Path, Stated]:
        """What catalogues say of images, by their paths."""
        return {image.path: image.stated for image in self.images if image.stated is not None}

    @property
    def name(self) -> str | None:
        """The name of the only image, where its files have it from somewhere else."""
        return self.images[0].name if len(self.images) == 1 else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What has to be said of the images."""
        return tuple(warning for image in self.images for warning in image.warnings)

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
    with os_errors(shop.scratch):
        shop.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Named after the attempt, so that what a killed worker leaves is known to be nobody's.
        scratch = Path(tempfile.mkdtemp(prefix=f"{SCRATCH}{heart.attempt}-", dir=shop.scratch))
    try:
        yield Gathered(tuple(_locals(images, shop, heart, scratch)), scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _locals(images: Sequence[Image], shop: Shop, heart: Heart, scratch: Path) -> Iterator[Local]:
    budget = Budget(limits_of(shop.settings))
    for number, image in enumerate(images, start=1):
        heart.check()
        source, fetching = image.source, _Fetching(shop, heart, budget, scratch / str(number))
        if source.kind == "assets":
            yield _of_catalogue(SceneAssets.of_json(source.scene), fetching)
            continue
        stated = None
        if source.kind == "upload":
            path = _named(shop.uploads.root / source.file, scratch / _upload_name(number))
            stated = Stated(origin=_upload_name(number))
        elif source.kind == "folder":
            path = inside(shop.settings.data_folder, source.path)
            stated = Stated(origin=source.path)
        else:
            path = fetching.fetch(source.href, "scene.tif")
            stated = Stated(origin=source.href.partition("?")[0])  # what follows may be a secret
        yield Local(path, image.bands, image.level, image.product, stated)


@dataclass(frozen=True, slots=True)
class _Fetching:
    """Brings files of one image into a folder."""

    shop: Shop
    heart: Heart
    budget: Budget
    folder: Path

    def fetch(self, href: str, name: str) -> Path:
        """One file.

        Raises:
            SteppeError: when it cannot be had.
            LeaseLost: when nobody wants it any more.
        """
        self.heart.say(0, f"fetching {name}")
        self.folder.mkdir(exist_ok=True)
        return self.shop.fetcher.fetch_file(href, self.folder / name, self.budget).path


def _of_catalogue(scene: SceneAssets, fetching: _Fetching) -> Local:
    """The bands of a scene as a folder of band files, named so that the scene has its own name."""
    name = _SAFE.sub("-", scene.id)
    fetching.folder.mkdir(exist_ok=True)
    for band, place in scene.bands.items():
        file = f"{name}_{band}{PurePosixPath(place.place.partition('?')[0]).suffix or '.tif'}"
        if place.kind is Kind.URL:
            fetching.fetch(place.place, file)
        else:
            root = catalogue_folder(fetching.shop.settings)
            if root is None:
                raise PathNotFound("the catalogue that this scene was found in is not configured any more")
            _link(place.path_in(root), fetching.folder / file)
    return Local(
        fetching.folder,
        bands=None,
        level=None,
        product=None,
        stated=Stated(level=scene.level, radiometry=scene.radiometry, acquired=scene.datetime, origin=scene.id),
        name=scene.id,
        warnings=scene.warnings,
    )


def _link(file: Path, place: Path) -> None:
    """Another name for a file of the operator's; a copy where there are no links."""
    try:
        place.hardlink_to(file)
    except FileNotFoundError as error:
        raise PathNotFound("a file of the scene is not in the catalogue's folder") from error
    except OSError:
        with os_errors(place):
            shutil.copyfile(file, place)


def _upload_name(number: int) -> str:
    """A name that messages can quote."""
    return f"upload{'' if number == 1 else number}.tif"


def _named(upload: Path, place: Path) -> Path:
    """An upload under another name; a link, so that it stays when the upload is removed.

    Raises:
        UploadNotFound: when it is not there any more.
    """
    try:
        place.hardlink_to(upload)
    except FileNotFoundError as error:
        raise UploadNotFound("the upload is not there any more; send it and the request again") from error
    except OSError:  # another file system, or one without links
        return upload
    return place

"""Bring the images of a job to where a reader can open them."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol

from landcover.staging import os_errors
from serving.catalog.scene import SceneAssets
from serving.catalog.settings import catalogue_folder
from serving.fetch.budget import Budget
from serving.fetch.fetcher import Fetcher
from serving.fetch.ranged import RangePolicy
from serving.fetch.reference import Kind
from serving.fetch.settings import limits_of
from serving.fetch.sources import ByteSource, DownloadedFile
from serving.folders import PathNotFound, inside
from serving.opener import FarOpener, Opener
from serving.processes.orders import Image
from serving.request import Stated
from serving.settings import Settings
from serving.uploads import UploadNotFound, Uploads

GATHERED: Final = 10.0
"""Percent of a job that getting its inputs counts for; the work has the rest."""

SCRATCH: Final = "job-"
"""What scratch folders of jobs begin with; the name of the attempt follows."""

PIECES: Final = RangePolicy(cache=16 * 1024**2)
"""A scene has a dozen files, and each of them its own cache; pixels are kept by who reads them."""

AT_ONCE: Final = 4
"""Files of a scene that are opened at a time."""

_SAFE: Final = re.compile(r"[^A-Za-z0-9.-]+")
_ODD: Final = re.compile(r"[^\w .()+-]+")
_STEM: Final = 50
"""Letters of a sender's name that are kept; four bytes each at most, which every file system takes."""

_ENDINGS: Final = frozenset({".tif", ".tiff", ".jp2"})


class Supplies(Protocol):
    """What bringing images here takes; a ``Shop`` has it."""

    @property
    def settings(self) -> Settings:
        """The service's."""

    @property
    def uploads(self) -> Uploads:
        """Bytes that clients sent."""

    @property
    def scratch(self) -> Path:
        """Folder for what is needed only now."""

    @property
    def opener(self) -> FarOpener:
        """Opens rasters in a process of their own."""

    @property
    def fetcher(self) -> Fetcher:
        """Asks hosts that are allowed, and no other."""


class Watch(Protocol):
    """Is told how far the work is, and stops it; a ``Heart`` does."""

    @property
    def attempt(self) -> str:
        """Name of this attempt; nobody else ever has it."""

    def say(self, percent: float, message: str) -> None:
        """How far the work is.

        Raises:
            LeaseLost: when it is to stop.
        """

    def check(self) -> None:
        """Stop work that nobody wants any more.

        Raises:
            LeaseLost: when it is to stop.
        """

    def ending(self, end: Callable[[], None]) -> AbstractContextManager[None]:
        """Have something ended, too, when the work is wanted no more within a ``with`` block."""


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
        opener: opens them, wherever their bytes lie.
    """

    images: tuple[Local, ...]
    scratch: Path
    opener: Opener

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
def gather(images: Sequence[Image], shop: Supplies, heart: Watch) -> Iterator[Gathered]:
    """Bring images here, and remove what was brought at the end.

    What lies on other hosts is not brought: of a host that answers ranges pieces are fetched when they are read.

    Raises:
        DataError: when one of them cannot be had.
        Upstream: when a host fails.
        LeaseLost: when nobody wants them any more.
        DiskFull: when there is no room.
    """
    with os_errors(shop.scratch):
        shop.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Named after the attempt, so that what a killed worker leaves is known to be nobody's.
        scratch = Path(tempfile.mkdtemp(prefix=f"{SCRATCH}{heart.attempt}-", dir=shop.scratch))
    budget = Budget(limits_of(shop.settings))
    try:
        with ExitStack() as stack, heart.ending(budget.stop):
            sources = _Sources(stack)
            gathered = tuple(_locals(images, _Fetching(shop, heart, budget, sources), scratch))
            stack.callback(budget.stop)  # first of all, so that nobody reads what is closed next
            yield Gathered(gathered, scratch, shop.opener.with_files(sources.far))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _locals(images: Sequence[Image], fetching: _Fetching, scratch: Path) -> Iterator[Local]:
    shop = fetching.shop
    for number, image in enumerate(images, start=1):
        fetching.heart.check()
        source, folder = image.source, scratch / str(number)
        if source.kind == "assets":
            yield _of_catalogue(SceneAssets.of_json(source.scene), fetching, folder)
            continue
        stated = None
        if source.kind == "upload":
            place = _place_for(source.name, scratch, number, image.role)
            path = _named(shop.uploads.root / source.file, place)
            stated = Stated(origin=place.name, nameless=not source.name)
        elif source.kind == "folder":
            path = inside(shop.settings.data_folder, source.path)
            stated = Stated(origin=source.path)
        else:
            path = fetching.fetch(source.href, folder / f"{image.role or 'scene'}.tif")
            stated = Stated(origin=source.href.partition("?")[0])  # what follows may be a secret
        yield Local(path, image.bands, image.level, image.product, stated)


@dataclass(frozen=True, slots=True)
class _Sources:
    """What was opened on other hosts.

    Attributes:
        stack: closes it.
        far: what is read in pieces, by the place holders.
    """

    stack: ExitStack
    far: dict[Path, ByteSource] = field(default_factory=dict)

    def add(self, place: Path, source: ByteSource) -> None:
        """Keep a source open; a file that had to be fetched whole lies at its place already."""
        self.stack.enter_context(source)
        if not isinstance(source, DownloadedFile):
            with os_errors(place):
                place.touch(mode=0o600)
            self.far[place] = source


@dataclass(frozen=True, slots=True)
class _Fetching:
    """Opens files on other hosts."""

    shop: Supplies
    heart: Watch
    budget: Budget
    sources: _Sources

    def fetch(self, href: str, place: Path) -> Path:
        """One file: a place holder, or where its host answers no ranges, itself.

        Raises:
            SteppeError: when it cannot be had.
            LeaseLost: when nobody wants it any more.
        """
        self.heart.say(0, f"fetching {place.name}")
        with os_errors(place):
            place.parent.mkdir(exist_ok=True)
        self.sources.add(place, self.shop.fetcher.open(href, place, self.budget, policy=PIECES))
        return place

    def fetch_all(self, hrefs: Mapping[Path, str]) -> None:
        """Several files at a time: a host that is far away answers the first question late.

        Raises:
            SteppeError: when one cannot be had.
            LeaseLost: when nobody wants them any more.
        """
        with ThreadPoolExecutor(AT_ONCE, "steppe-fetch") as pool:
            begun = [pool.submit(self.fetch, href, place) for place, href in hrefs.items()]
            try:
                for one in begun:
                    one.result()
            except BaseException:
                self.budget.stop()  # nobody waits for the others
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _of_catalogue(scene: SceneAssets, fetching: _Fetching, folder: Path) -> Local:
    """The bands of a scene as a folder of band files, named so that the scene has its own name."""
    name = _SAFE.sub("-", scene.id)
    with os_errors(folder):
        folder.mkdir(exist_ok=True)
    hrefs: dict[Path, str] = {}
    for band, place in scene.bands.items():
        ending = PurePosixPath(place.place.partition("?")[0]).suffix  # of any length and kind in an address
        file = folder / f"{name}_{band}{ending if ending.lower() in _ENDINGS else '.tif'}"
        if place.kind is Kind.URL:
            hrefs[file] = place.place
        else:
            root = catalogue_folder(fetching.shop.settings)
            if root is None:
                raise PathNotFound("the catalogue that this scene was found in is not configured any more")
            _link(place.path_in(root), file)
    fetching.fetch_all(hrefs)
    return Local(
        folder,
        bands=None,
        level=None,
        product=None,
        stated=Stated(
            level=scene.level, radiometry=scene.radiometry, acquired=scene.datetime, origin=scene.address or scene.id
        ),
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


def _place_for(called: str | None, scratch: Path, number: int, role: str | None) -> Path:
    """A name for an upload that messages can quote: its sender's, without what could be more than a name."""
    name = _ODD.sub("-", PurePosixPath(called or "").name).lstrip("-. ")
    if not name:
        return scratch / (f"{role}.tif" if role else f"upload{'' if number == 1 else number}.tif")
    stem, ending = PurePosixPath(name).stem[:_STEM], PurePosixPath(name).suffix.lower()
    folder = scratch / str(number)
    with os_errors(folder):
        folder.mkdir(exist_ok=True)
    return folder / f"{stem}{ending if ending in _ENDINGS else '.tif'}"


def keep_named(upload: Path, place: Path) -> None:
    """Give an upload the name that it has to have; a copy where there are no links.

    Raises:
        UploadNotFound: when it is not there any more.
    """
    if _named(upload, place) != place:
        with os_errors(place):
            shutil.copyfile(upload, place)


def _named(upload: Path, place: Path) -> Path:
    """An upload under a name; a link, so that it stays when the upload is removed.

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

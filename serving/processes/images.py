"""Check what the inputs of a request refer to, and count what it costs; no raster is opened and nothing is fetched."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from landcover.bundle import Bundle
from landcover.errors import DataError
from landcover.raster.header import check_header
from landcover.raster.protocol import ReadPolicy
from landcover.staging import os_errors
from serving.folders import inside
from serving.processes.earlier import EarlierReports
from serving.processes.inputs import FolderPath, Item, Link, Scene, Value
from serving.processes.orders import FolderSource, Source, UploadSource, UrlSource
from serving.processes.reportinputs import Raster
from serving.registry.words import Resolved
from serving.uploads import Uploads

UPLOADS_PATH: Final = "/uploads/"

UPLOAD_NAME: Final = "upload.tif"
"""What a file that was sent is called in messages: its own name is nothing that its sender knows."""

RASTER_TYPES: Final = frozenset({"image/tiff", "application/geotiff", "image/geotiff", "image/jp2"})
ITEM_TYPES: Final = frozenset({"application/geo+json", "application/json"})


class ValueInvalid(DataError):
    """A scene that was sent within the request is not base64 of a file."""

    slug = "scene-value"


class MediaTypeUnknown(DataError):
    """A scene is declared as something that Steppe does not read."""

    slug = "scene-media-type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """An image that a worker can get.

    Attributes:
        source: where from.
        pixels: of it; 0 where that is not known before it is there.
        facts: what is known of it, for people.
        warnings: what has to be said when it is used.
    """

    source: Source
    pixels: int
    facts: Mapping[str, Any]
    warnings: Sequence[str] = ()


class Models(Protocol):
    """Names of models."""

    def resolve(self, reference: str | None = None) -> Resolved:
        """The version that a name stands for; see ``serving.registry``."""

    def bundle(self, asked: Resolved | str | None = None) -> Bundle:
        """The files of that version."""


class Finder(Protocol):
    """Looks for scenes, and checks what callers refer to on other hosts; see ``serving.catalog``."""

    def address(self, href: str) -> str:
        """An address that may be fetched, in its usual spelling.

        Raises:
            DataError: when it may not.
        """

    def item(self, document: Mapping[str, Any], bands: Sequence[str]) -> Checked:
        """The bands of a STAC Item.

        Raises:
            DataError: when it is none, or lacks a band.
        """

    def item_at(self, href: str, bands: Sequence[str]) -> Checked:
        """The bands of the STAC Item at an address; fetches it.

        Raises:
            SteppeError: when it cannot be had.
        """

    def search(self, search: Search, bands: Sequence[str]) -> Sequence[Checked]:
        """The clearest scenes of a place and time.

        Raises:
            SteppeError: when there is none, or no catalogue to ask.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Where and when to look for scenes.

    Attributes:
        interval: RFC 3339 date, time or interval.
        tile: Sentinel-2 tile, or None.
        bbox: box in longitude and latitude, or None.
        geometry: GeoJSON, or None.
        max_cloud: percent.
        limit: most scenes.
    """

    interval: str
    tile: str | None = None
    bbox: tuple[float, float, float, float] | None = None
    geometry: Mapping[str, Any] | None = None
    max_cloud: float = 100.0
    limit: int = 1


@dataclass(slots=True)
class Images:
    """Checks the images of one request, and keeps what came with it until it is a job.

    Attributes:
        owner: whose request it is.
        base: address of the service as this client sees it, with a slash at its end.
        uploads: where files that came are.
        folder: the operator's folder of scenes, or None.
        policy: limits of rasters.
        models: names of models.
        finder: everything on other hosts.
        reports: what the owner has made before.
        received: files that came within the request; whoever drops the request removes them.
    """

    owner: str
    base: str
    uploads: Uploads
    folder: Path | None
    policy: ReadPolicy
    models: Models
    finder: Finder
    reports: EarlierReports
    received: list[str] = field(default_factory=list)

    def check(self, scene: Scene, bands: Sequence[str]) -> Checked:
        """Check one image.

        Args:
            scene: as the request has it.
            bands: names of the bands that the model needs, for STAC Items.

        Raises:
            SteppeError: when it cannot be used.
        """
        match scene:
            case str():
                return self._value(scene)
            case Link():
                return self._link(scene, bands)
            case Value():
                return self._qualified(scene, bands)
            case FolderPath():
                return self._path(scene.path)
            case Item():
                return self.finder.item(scene.model_dump(mode="json"), bands)

    def raster(self, given: Raster, role: str) -> Checked:
        """Check one raster of codes: as an image, but no STAC Item leads to it.

        Args:
            given: as the request has it.
            role: the input that it is, for messages.

        Raises:
            SteppeError: when it cannot be used.
        """
        match given:
            case str():
                return self._value(given, f"{role}.tif")
            case Link():
                if _media_type(given.type) in ITEM_TYPES:
                    raise MediaTypeUnknown(
                        f"the input {role} is not looked for in a STAC Item; give its GeoTIFF itself"
                    )
                return self._link(given, (), f"{role}.tif")
            case Value():
                return self._qualified(given, (), f"{role}.tif")
            case FolderPath():
                return self._path(given.path)

    def adopt(self, path: Path) -> UploadSource:
        """Keep a file of an earlier result as if it had come with the request.

        Raises:
            UploadNotFound: when it has gone.
            UploadsFull: when the owner may not store so much.
        """
        file = self.uploads.adopt(self.owner, path)
        self.received.append(file)
        return UploadSource(file=file, once=True)

    def drop(self) -> None:
        """Remove the files that came within the request."""
        for file in self.received:
            self.uploads.remove(file)
        self.received.clear()

    def _link(self, link: Link, bands: Sequence[str], called: str = UPLOAD_NAME) -> Checked:
        kind = _media_type(link.type)
        if self._is_upload(link.href):
            upload = link.href.rpartition(UPLOADS_PATH)[2]
            return self._file(self.uploads.file(self.owner, upload), once=False, name=link.title, called=called)
        if kind in ITEM_TYPES:
            return self.finder.item_at(link.href, bands)
        return Checked(source=UrlSource(href=self.finder.address(link.href)), pixels=0, facts={"href": link.href})

    def _is_upload(self, href: str) -> bool:
        """Whether an address is one that this service gave; what has no https is nothing else that could be meant."""
        return UPLOADS_PATH in href and (not href.startswith("https:") or href.startswith(f"{self.base}uploads/"))

    def _qualified(self, value: Value, bands: Sequence[str], called: str = UPLOAD_NAME) -> Checked:
        kind = _media_type(value.mediaType)
        if isinstance(value.value, dict):
            return self.finder.item(value.value, bands)
        if kind is not None and kind not in RASTER_TYPES:
            raise MediaTypeUnknown("the value of a scene is declared as another type than a GeoTIFF; send image/tiff")
        return self._value(value.value, called)

    def _value(self, text: str, called: str = UPLOAD_NAME) -> Checked:
        try:
            content = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueInvalid(
                "the value of a scene is not base64 (RFC 4648, section 4); send the GeoTIFF in base64, or to /uploads"
            ) from error
        part = self.uploads.begin(self.owner)
        try:
            with os_errors(part):
                part.write_bytes(content)
            file = self.uploads.keep(part)
        finally:
            part.unlink(missing_ok=True)
        return self.uploaded(file, called)

    def uploaded(self, file: str, called: str = UPLOAD_NAME) -> Checked:
        """Check a file that came as the body of the request, and goes with it."""
        self.received.append(file)
        return self._file(file, once=True, called=called)

    def _file(self, file: str, *, once: bool, name: str | None = None, called: str) -> Checked:
        header = check_header(self.uploads.root / file, self.policy, name=name or called)
        facts = {"width": header.width, "height": header.height, "bands": header.bands, "dtype": header.dtype}
        return Checked(source=UploadSource(file=file, once=once, name=name), pixels=header.pixels, facts=facts)

    def _path(self, name: str) -> Checked:
        place = inside(self.folder, name)
        facts: dict[str, Any] = {"path": name}
        if place.is_dir():
            return Checked(source=FolderSource(path=name), pixels=0, facts=facts)
        header = check_header(place, self.policy)
        return Checked(
            source=FolderSource(path=name),
            pixels=header.pixels,
            facts=facts | {"width": header.width, "height": header.height},
        )


def _media_type(declared: str | None) -> str | None:
    """The type without its parameters; refuses what is neither raster nor STAC Item."""
    if declared is None:
        return None
    kind = declared.partition(";")[0].strip().lower()
    if kind not in RASTER_TYPES | ITEM_TYPES:
        raise MediaTypeUnknown(
            "a scene is declared as a type that Steppe does not read; expected image/tiff, or application/geo+json "
            "for a STAC Item"
        )
    return kind


def said(images: Sequence[Checked]) -> list[str]:
    """The warnings of all images."""
    return [warning for image in images for warning in image.warnings]

"""What a job asks of a worker: checked, complete, and small enough for one row of the job table."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from landcover.labels import Language
from landcover.postprocess import UncertaintyMeasure
from serving.request import Box, MosaicMode


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class UploadSource(_Frozen):
    """Bytes that were sent: a file below the folder of uploads."""

    kind: Literal["upload"] = "upload"
    file: str
    once: bool = Field(default=False, description="Whether the file came with the request and goes with the job.")
    name: str | None = Field(default=None, description="What its sender calls it, in messages and in the STAC Item.")


class FolderSource(_Frozen):
    """A file, or a folder of band files, below the operator's folder of scenes; relative to it."""

    kind: Literal["folder"] = "folder"
    path: str


class UrlSource(_Frozen):
    """A GeoTIFF on an allowed host."""

    kind: Literal["url"] = "url"
    href: str


class AssetsSource(_Frozen):
    """The bands of a STAC Item, as ``serving.catalog`` found them."""

    kind: Literal["assets"] = "assets"
    scene: dict[str, Any]


type Source = Annotated[UploadSource | FolderSource | UrlSource | AssetsSource, Field(discriminator="kind")]


class Image(_Frozen):
    """One image, and what its files may not say."""

    source: Source
    bands: tuple[str, ...] | None = None
    level: str | None = None
    product: str | None = None
    date: str | None = None


class Place(_Frozen):
    """The part of the images to map: a box or GeoJSON."""

    bbox: Box | None = None
    geometry: dict[str, Any] | None = None
    crs: str | None = None


class Making(_Frozen):
    """How the outputs are made."""

    outputs: tuple[str, ...]
    language: Language = "en"
    uncertainty_measure: UncertaintyMeasure = UncertaintyMeasure.ENTROPY
    min_area: str | None = None
    mask_clouds: bool = False
    name: str | None = None
    max_pixels: int


class ClassifyOrder(_Frozen):
    """One map of one or several images."""

    kind: Literal["classify"] = "classify"
    images: tuple[Image, ...]
    mosaic: MosaicMode = MosaicMode.LAST
    place: Place = Place()
    crs: str | None = None
    resolution: float | None = None
    making: Making
    """See ``serving.request.Inputs`` for what the members mean."""


class DegradationOrder(_Frozen):
    """Where land degraded or improved between two images."""

    kind: Literal["degradation"] = "degradation"
    before: Image
    after: Image
    making: Making

    @property
    def images(self) -> tuple[Image, ...]:
        """Both, the older first."""
        return self.before, self.after


type Order = Annotated[ClassifyOrder | DegradationOrder, Field(discriminator="kind")]


class Answering(_Frozen):
    """How the results are handed out; the words of OGC API - Processes."""

    response: Literal["raw", "document"] = "raw"
    modes: dict[str, Literal["value", "reference"] | None]


class Request(_Frozen):
    """What the job table keeps of a request."""

    order: Order
    answering: Answering

    @property
    def uploads(self) -> tuple[UploadSource, ...]:
        """Files that were sent and that it needs."""
        return tuple(image.source for image in self.order.images if image.source.kind == "upload")

"""What a job asks of a worker: checked, complete, and small enough for one row of the job table."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from indicators.reporting.entries import Confidence
from indicators.reporting.period import Role
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


BEFORE: Final = "before"
AFTER: Final = "after"
"""Land-cover maps of a report."""

type LayerName = Literal["lpd", "trend", "state", "performance", "soc_change", "soc_condition"]
"""Rasters of a report beside land cover."""

type Source = Annotated[UploadSource | FolderSource | UrlSource | AssetsSource, Field(discriminator="kind")]


class Image(_Frozen):
    """One image, and what its files may not say."""

    source: Source
    bands: tuple[str, ...] | None = None
    level: str | None = None
    product: str | None = None
    date: str | None = None
    role: str | None = Field(default=None, description="The input that it is; messages call it so for want of a name.")


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


class _Order(_Frozen):
    making: Making

    @property
    def kept(self) -> tuple[UploadSource, ...]:
        """Files beside the images that are kept for it."""
        return ()

    def within(self, pixels: int | None) -> Self:
        """The same, of no more pixels than that; None = no limit of its own.

        What an image has is often known only when it is open: then it is too late to refuse the request.
        """
        if pixels is None or pixels >= self.making.max_pixels:
            return self
        return self.model_copy(update={"making": self.making.model_copy(update={"max_pixels": pixels})})


class ClassifyOrder(_Order):
    """One map of one or several images."""

    kind: Literal["classify"] = "classify"
    images: tuple[Image, ...]
    mosaic: MosaicMode = MosaicMode.LAST
    place: Place = Place()
    crs: str | None = None
    resolution: float | None = None
    """See ``serving.request.Inputs`` for what the members mean."""


class DegradationOrder(_Order):
    """Where land degraded or improved between two images."""

    kind: Literal["degradation"] = "degradation"
    before: Image
    after: Image

    @property
    def images(self) -> tuple[Image, ...]:
        """Both, the older first."""
        return self.before, self.after


class Cover(_Frozen):
    """A land-cover map of a report."""

    image: Image
    year: int
    legend: str | None = None
    crosswalk: dict[str, Any] | None = None


class Baseline(_Frozen):
    """What a report needs of an earlier one, whose own files may go meanwhile."""

    job: str
    account: UploadSource
    indicator: UploadSource
    transitions: UploadSource

    @property
    def kept(self) -> tuple[UploadSource, ...]:
        """All of its files."""
        return self.account, self.indicator, self.transitions


class SpotsWanted(_Frozen):
    """Which patches are hot- and brightspots."""

    min_km2: float
    most: int


class ReportOrder(_Order):
    """The report of one period.

    See ``serving.report.request.ReportRequest`` for what the members mean; what is written in JSON stays so until it is
    read by whoever makes the report.
    """

    kind: Literal["report"] = "report"
    before: Cover
    after: Cover
    layers: dict[LayerName, Image] = Field(default_factory=dict)
    baseline: Baseline | None = None
    matrix: dict[str, Any] | None = None
    areas: Place = Place()
    period: Role | None = None
    preset: str | dict[str, Any] | None = None
    lpd_source: str | None = None
    lpd_table: str
    nodata_policy: str
    corrections: dict[str, Any] | None = None
    spots: SpotsWanted
    confidence: Confidence | None = None

    @property
    def images(self) -> tuple[Image, ...]:
        """All rasters, the older map first."""
        return self.before.image, self.after.image, *self.layers.values()

    @property
    def kept(self) -> tuple[UploadSource, ...]:
        """The files of the baseline."""
        return () if self.baseline is None else self.baseline.kept


type Order = Annotated[ClassifyOrder | DegradationOrder | ReportOrder, Field(discriminator="kind")]


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
        images = self.order.images
        return (*(image.source for image in images if image.source.kind == "upload"), *self.order.kept)

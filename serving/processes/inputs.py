"""What a request may say: the inputs of the processes, checked by form before anything is opened or fetched."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from landcover.labels import Language
from landcover.postprocess import UncertaintyMeasure
from serving.processes.names import checked_name
from serving.request import Box, MosaicMode

MOST_IMAGES: Final = 20
"""Images of one map."""

_HREF = Field(max_length=2048)
_CRS = Field(max_length=4000)
TIFF: Final[dict[str, Any]] = {"contentEncoding": "base64", "contentMediaType": "image/tiff; application=geotiff"}
_BBOX: Final[dict[str, Any]] = {
    "type": "array",
    "items": {"type": "number"},
    "oneOf": [{"minItems": count, "maxItems": count} for count in (4, 6)],
}
"""``bbox.yaml`` of 18-062r2."""

_TILE: Final = re.compile(r"^[0-6]?\d[C-HJ-NP-X][A-HJ-NP-Z]{2}$")
_CORNERS: Final = (True, True, False, True, True, False)
"""Which numbers of a box with heights lie on the map."""


class Strict(BaseModel):
    """A form that refuses members it does not know: a misspelt one would go unnoticed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Link(Strict):
    """A reference: an address on an allowed host, or what ``POST /uploads`` answered."""

    href: Annotated[str, _HREF]
    type: Annotated[str, Field(max_length=200)] | None = None
    rel: Annotated[str, Field(max_length=200)] | None = None
    hreflang: Annotated[str, Field(max_length=40)] | None = None
    title: Annotated[str, Field(max_length=500)] | None = None


class Value(Strict):
    """A qualified value: base64 of a GeoTIFF, or a STAC Item."""

    value: str | dict[str, Any]
    mediaType: Annotated[str, Field(max_length=200)] | None = None
    encoding: Literal["base64"] | None = None
    form: Annotated[str, Field(max_length=2048)] | dict[str, Any] | None = Field(
        default=None, alias="schema", description="Says more of the value; what it is is seen where it is read."
    )


class FolderPath(Strict):
    """A file or folder below the folder of scenes that the operator has configured."""

    path: Annotated[str, Field(max_length=1000, min_length=1)]


class Item(BaseModel):
    """A STAC Item; what it says is checked where it is read."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: Literal["Feature"]
    stac_version: str


def kind_of_scene(given: Any) -> str | None:
    """By which of its forms a scene is given; None = by none."""
    if isinstance(given, str | Link | Value | FolderPath | Item):
        return {str: "base64", Link: "link", Value: "value", FolderPath: "path", Item: "item"}[type(given)]
    if not isinstance(given, dict):
        return None
    telling = {"href": "link", "value": "value", "path": "path", "stac_version": "item"}
    return next((kind for member, kind in telling.items() if member in given), None)


type Scene = Annotated[
    Annotated[str, Tag("base64"), Field(json_schema_extra=TIFF)]
    | Annotated[Link, Tag("link")]
    | Annotated[Value, Tag("value")]
    | Annotated[FolderPath, Tag("path")]
    | Annotated[Item, Tag("item")],
    Discriminator(
        kind_of_scene,
        custom_error_type="scene",
        custom_error_message=(
            "expected base64 of a GeoTIFF, {href} (an https address or an upload), {value} with base64 or a STAC Item, "
            "{path} below the service's folder of scenes, or a STAC Item"
        ),
    ),
]


def _listed(given: Any) -> Any:
    """An input that may come several times comes alone or as a list."""
    return given if isinstance(given, list | tuple) else [given]


type Scenes = Annotated[tuple[Scene, ...], BeforeValidator(_listed), Field(min_length=1, max_length=MOST_IMAGES)]


def _flat(given: Any) -> Any:
    """A box without its heights: a map has none."""
    if not isinstance(given, list | tuple) or len(given) != len(_CORNERS):
        return given
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in given)
    return [one for one, wanted in zip(given, _CORNERS, strict=True) if wanted] if numbers else given


class BoundingBox(Strict):
    """A box as OGC API - Processes writes it: west, south, east, north; heights after south and north do not count."""

    model_config = ConfigDict(json_schema_extra={"format": "ogc-bbox"})

    bbox: Annotated[Box, BeforeValidator(_flat), WithJsonSchema(_BBOX)]
    crs: Annotated[str, _CRS] | None = None


class Geometry(BaseModel):
    """GeoJSON: a Polygon, a MultiPolygon, or a Feature or FeatureCollection of them."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: Literal["Polygon", "MultiPolygon", "Feature", "FeatureCollection"]


def _kind_of_area(given: Any) -> str | None:
    if isinstance(given, BoundingBox | Geometry):
        return "box" if isinstance(given, BoundingBox) else "geometry"
    if not isinstance(given, dict):
        return None
    return "box" if "bbox" in given and "type" not in given else "geometry"


type Area = Annotated[
    Annotated[BoundingBox, Tag("box")] | Annotated[Geometry, Tag("geometry")],
    Discriminator(
        _kind_of_area,
        custom_error_type="area",
        custom_error_message="expected {bbox: [west, south, east, north], crs} or GeoJSON with polygons",
    ),
]


def _known_tile(given: str) -> str:
    """Refuse what has another form, in words instead of a pattern."""
    if not _TILE.fullmatch(given):
        raise ValueError("a Sentinel-2 tile: its zone, band and square in capitals, such as 33UUU")
    return given


Bands = Annotated[
    tuple[Annotated[str, Field(max_length=40)], ...],
    Field(max_length=200, min_length=1, description="Band names in file order, when the file names none."),
]
Level = Annotated[str, Field(max_length=10, description="Processing level L1C or L2A, when the file does not say.")]
Product = Annotated[
    str,
    Field(max_length=64, description="Product that gives level, scale and offset, for example sentinel-2-l2a-0400."),
]
Model = Annotated[
    str, Field(max_length=130, description="NAME, NAME@VERSION or NAME@champion; default: the service's.")
]
Tile = Annotated[
    str,
    AfterValidator(_known_tile),
    Field(
        max_length=20, description="Sentinel-2 tile, for example 33UUU.", json_schema_extra={"pattern": _TILE.pattern}
    ),
]
Interval = Annotated[
    str,
    Field(max_length=80, description="RFC 3339 date, time, or interval START/END, for example 2020-05-01/2020-09-30."),
]
Name = Annotated[
    str,
    Field(max_length=200, min_length=1, description="Name in titles and in the STAC Item."),
    AfterValidator(checked_name),
]


class ClassifyInputs(Strict):
    """Inputs of ``classify``: one or several scenes, or where and when to look for some."""

    scene: Scenes | None = Field(default=None, description="The image, or several for one map.")
    tile: Tile | None = None
    datetime: Interval | None = None
    area: Area | None = Field(
        default=None, description="Map only this area; without a scene or tile, also where scenes are looked for."
    )
    max_cloud: Annotated[float, Field(ge=0, le=100)] = Field(
        default=20.0, title="Most clouds", description="Most clouds in percent of scenes that are looked for."
    )
    max_scenes: Annotated[int, Field(ge=1, le=MOST_IMAGES)] = Field(
        default=1, title="Most scenes", description="Most scenes of a search to map; the clearest are taken."
    )
    mosaic: MosaicMode = Field(default=MosaicMode.LAST, description="What several scenes make where they overlap.")
    model: Model | None = None
    bands: Bands | None = None
    level: Level | None = None
    product: Product | None = None
    crs: Annotated[str, _CRS] | None = Field(
        default=None, title="CRS", description="CRS of the map; default: the first scene's."
    )
    resolution: Annotated[float, Field(gt=0, description="Pixel of the map in units of its CRS.")] | None = None
    min_area: Annotated[str, Field(max_length=40)] | None = Field(
        default=None, title="Smallest patch", description="Merge smaller patches: 0.5ha, 5000m2, 50px."
    )
    mask_clouds: bool = Field(default=False, description="No data where the scene's mask band sees cloud or shadow.")
    uncertainty_measure: UncertaintyMeasure = Field(
        default=UncertaintyMeasure.ENTROPY, description="Of the output uncertainty."
    )
    language: Language = Field(default="en", description="Language of class names.")
    name: Name | None = None

    @model_validator(mode="after")
    def _either_scenes_or_a_search(self) -> Self:
        searching = self.tile is not None or self.datetime is not None
        if self.scene is not None and searching:
            raise ValueError("give scene, or tile and datetime to look for scenes, not both")
        if self.scene is None and self.datetime is None:
            raise ValueError("give scene, or datetime with tile or area to look for scenes")
        if self.scene is None and self.tile is None and self.area is None:
            raise ValueError("give tile or area beside datetime, to say where to look for scenes")
        return self


class DegradationInputs(Strict):
    """Inputs of ``degradation``: two images of one place, or a tile or area and two times."""

    before: Scene | None = Field(default=None, description="The older image.")
    after: Scene | None = Field(default=None, description="The younger image.")
    before_datetime: Interval | None = Field(
        default=None,
        title="Date of the older image",
        description="Date of the older image where its file does not say; or when to look for it.",
    )
    after_datetime: Interval | None = Field(
        default=None,
        title="Date of the younger image",
        description="Date of the younger image where its file does not say; or when to look for it.",
    )
    tile: Tile | None = None
    max_cloud: Annotated[float, Field(ge=0, le=100)] = Field(
        default=20.0, title="Most clouds", description="Most clouds in percent of scenes that are looked for."
    )
    model: Model | None = None
    bands: Bands | None = None
    level: Level | None = None
    product: Product | None = None
    language: Language = Field(default="en", description="Language of class names.")
    name: Name | None = None

    @model_validator(mode="after")
    def _either_images_or_a_search(self) -> Self:
        if (self.before is None) != (self.after is None):
            raise ValueError("give both before and after")
        if self.before is not None and self.tile is not None:
            raise ValueError("give before and after, or tile with before_datetime and after_datetime, not both")
        if self.before is None and None in {self.tile, self.before_datetime, self.after_datetime}:
            raise ValueError("give before and after, or tile with before_datetime and after_datetime")
        return self

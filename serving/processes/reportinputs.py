"""The inputs of the process ``report``, checked by form before anything is opened or fetched."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from indicators.reporting.entries import Confidence
from indicators.reporting.period import Role
from landcover.labels import Language
from serving.processes.inputs import TIFF, Area, FolderPath, Link, Name, Strict, Value, kind_of_scene

_PARTS: Final = ("trend", "state", "performance")


class FileValue(Value):
    """A qualified value: base64 of a GeoTIFF."""

    value: str


def _kind_of_raster(given: Any) -> str | None:
    if isinstance(given, dict) and isinstance(given.get("value"), dict):
        return "item"
    return kind_of_scene(given)


type Raster = Annotated[
    Annotated[str, Tag("base64"), Field(json_schema_extra=TIFF)]
    | Annotated[Link, Tag("link")]
    | Annotated[FileValue, Tag("value")]
    | Annotated[FolderPath, Tag("path")],
    Discriminator(
        _kind_of_raster,
        custom_error_type="raster",
        custom_error_message=(
            "expected base64 of a GeoTIFF, {href} (an https address of one, or an upload), {value} with base64, or "
            "{path} below the service's folder of scenes; a STAC Item is not taken: give the address of its map"
        ),
    ),
]
"""One GeoTIFF. Bands of sensors have no part in a report, so it is not looked for in a STAC Item."""

Year = Annotated[int, Field(ge=1900, le=2100)]
LegendId = Annotated[str, Field(max_length=64, min_length=1)]
Document = dict[str, Any]


class ReportInputs(Strict):
    """Inputs of ``report``: two land-cover maps, the rules they are judged by, and what else is known of the land."""

    before: Raster = Field(
        title="Initial map", description="Land cover of the initial year: codes of classes, one band."
    )
    after: Raster = Field(title="Final map", description="Land cover of the final year, one band.")
    before_year: Year = Field(title="Initial year", description="Year that the initial map shows.")
    after_year: Year = Field(title="Final year", description="Year that the final map shows.")
    before_legend: LegendId | None = Field(
        default=None,
        title="Legend of the initial map",
        description="Its id, for example unccd7, esa-cci or worldcover, where the file does not state it.",
    )
    after_legend: LegendId | None = Field(
        default=None,
        title="Legend of the final map",
        description="Its id, where the file does not state it.",
    )
    crosswalk: Document | None = Field(
        default=None,
        description="From a national legend to UNCCD's seven classes, for both maps: Steppe's document, with the "
        "legend in it where that is not known, or Trends.Earth's nesting.",
    )
    before_crosswalk: Document | None = Field(
        default=None, title="Crosswalk of the initial map", description="Where it is not that of both."
    )
    after_crosswalk: Document | None = Field(
        default=None, title="Crosswalk of the final map", description="Where it is not that of both."
    )
    matrix: Document | None = Field(
        default=None,
        title="Transition matrix",
        description="What changes of land cover mean: Steppe's document or Trends.Earth's. Default: UNCCD's.",
    )
    areas: Area | None = Field(
        default=None,
        description="Report on these areas only: GeoJSON whose features may have a property name, each name with "
        "tables of its own, or a box.",
    )
    name: Name | None = None
    period: Role | None = Field(
        default=None, description="Which period it is. Default: by the final year (to 2015, to 2019, later)."
    )
    preset: Literal["prais_2026", "trends_earth_2026"] | Document | None = Field(
        default=None,
        title="Table of periods",
        description="Check the years against it, and name it in the report: an id, or the document of a table of your "
        "own.",
    )
    lpd: Raster | None = Field(
        default=None, title="Land productivity", description="Land productivity dynamics in classes 1 to 5."
    )
    lpd_source: Literal["jrc", "fao_wocat", "trends_earth", "national"] | None = Field(
        default=None, title="Source of land productivity", description="Who made the layer lpd; needed with it."
    )
    lpd_table: Literal["prais2026", "gpg_v1", "gpg_v2"] = Field(
        default="prais2026",
        title="Table of land productivity",
        description="How trend, state and performance combine to classes.",
    )
    trend: Raster | None = Field(default=None, description="Productivity trend: -1, 0, 1.")
    state: Raster | None = Field(default=None, description="Productivity state: -1, 0, 1.")
    performance: Raster | None = Field(default=None, description="Productivity performance: -1, 0.")
    soc_change: Raster | None = Field(
        default=None,
        title="Change of soil carbon",
        description="Change of soil organic carbon in percent, whole numbers; 10 % and more count.",
    )
    soc_condition: Raster | None = Field(
        default=None, title="Condition of soil carbon", description="The same, judged already: -1, 0, 1."
    )
    nodata_policy: Literal["strict", "single_evidence"] = Field(
        default="strict",
        title="Rule of missing data",
        description="What the indicator makes of a missing sub-indicator.",
    )
    corrections: Document | None = Field(
        default=None, description="Where experts know better than the indicator: GeoJSON as Trends.Earth writes it."
    )
    baseline: Annotated[str, Field(max_length=100, min_length=1)] | None = Field(
        default=None,
        description="Id of a job of yours that made the report of the baseline, with the indicator, to compare with.",
    )
    min_spot_km2: Annotated[float, Field(ge=0, le=1e9)] = Field(
        default=1.0, title="Smallest spot", description="Smallest area of a hot- or brightspot, in km2."
    )
    most_spots: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=100, title="Most spots", description="Most hotspots, and most brightspots, that are listed."
    )
    confidence: Confidence | None = Field(
        default=None, description="How sure the country is of the degraded area: its own word."
    )
    language: Language = Field(default="en", description="Language of tables and page.")

    @property
    def has_productivity(self) -> bool:
        """Whether land productivity is given, in one layer or three."""
        return self.lpd is not None or self.trend is not None

    @property
    def has_carbon(self) -> bool:
        """Whether soil organic carbon is given."""
        return self.soc_change is not None or self.soc_condition is not None

    @property
    def has_indicator(self) -> bool:
        """Whether all three sub-indicators are there, which SDG indicator 15.3.1 takes."""
        return self.has_productivity and self.has_carbon

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        given = [name for name in _PARTS if getattr(self, name) is not None]
        if self.lpd is not None and given:
            raise ValueError("give lpd, or trend, state and performance that make it, not both")
        if given and len(given) < len(_PARTS):
            raise ValueError("give all of trend, state and performance")
        if (self.lpd is None) != (self.lpd_source is None):
            raise ValueError("give lpd together with lpd_source, who made it")
        if self.soc_change is not None and self.soc_condition is not None:
            raise ValueError("give soc_change or soc_condition, which say the same thing in two ways, not both")
        return self

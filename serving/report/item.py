"""The STAC Item of a report: which land and years, from what, by which rules, and the files with their hashes.

STAC 1.1 with the projection, raster, classification, file and processing extensions, as the Items of maps have. The
inputs that have an address are ``derived_from`` links; the objects that the numbers rest on have their id, version and
hash under ``steppe:``, so that two reports can prove that they used the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, Final

import pystac

from indicators.codes import DEGRADED, IMPROVED, NODATA, STABLE
from landcover.errors import ConfigError
from landcover.grid import Grid, ground_pixel_size
from landcover.labels import Language
from landcover.legends import Legend
from serving.outputs.footprint import wgs84_footprint
from serving.outputs.stac import COG, EXTENSIONS, SHA256_MULTIHASH, AssetFile, projection_fields, rfc3339
from serving.report.page.conditions import Conditions
from serving.report.page.data import Input, PageData

_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_KINDS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    ".tif": (COG, ("data",)),
    ".tiff": (COG, ("data",)),
    ".xlsx": (_XLSX, ("metadata", "statistics")),
    ".csv": ("text/csv", ("metadata", "statistics")),
    ".json": ("application/json", ("metadata", "statistics")),
    ".geojson": ("application/geo+json", ("data",)),
    ".gpkg": ("application/geopackage+sqlite3", ("data",)),
    ".html": ("text/html", ("overview",)),
    ".md": ("text/markdown", ("metadata",)),
    ".png": ("image/png", ("overview",)),
    ".qml": ("application/xml", ("style",)),
}
"""Media type and roles by the ending of the file name."""
_NAMES: Final = {DEGRADED: "degraded", STABLE: "stable", IMPROVED: "improved", NODATA: "nodata"}
_SCHEMES: Final = ("https://", "http://", "s3://", "gs://")


@dataclass(frozen=True, slots=True)
class ReportFile:
    """One file of a report.

    Attributes:
        name: its name in the folder of the report.
        file: where it is, with size and digest.
        title: one line for people.
        legend: of a raster of classes; None for other files.
    """

    name: str
    file: AssetFile
    title: str
    legend: Legend | None = None

    def __post_init__(self) -> None:
        """Refuse what no kind of asset fits.

        Raises:
            ConfigError: with the name and the endings that are known.
        """
        if self.suffix not in _KINDS:
            raise ConfigError(f"file {self.name!r} of a report: expected one of the endings {', '.join(_KINDS)}")

    @property
    def suffix(self) -> str:
        """Ending of the name, lower case."""
        return PurePosixPath(self.name).suffix.lower()

    @property
    def key(self) -> str:
        """Name of the asset: that of a raster alone, else with its ending."""
        path = PurePosixPath(self.name)
        return path.stem if _KINDS[self.suffix][0] == COG else f"{path.stem}-{self.suffix[1:]}"


def report_item(
    data: PageData,
    *,
    identifier: str,
    grid: Grid,
    files: Sequence[ReportFile],
    language: Language = "en",
) -> dict[str, Any]:
    """The Item as a JSON object.

    The report tells of a period, so ``datetime`` is null and start and end are the first and the last moment of its
    years, the one case in which STAC allows null.

    Args:
        data: what the page tells; the Item has its headline numbers.
        identifier: id of the Item.
        grid: grid of the rasters.
        files: all files of the folder, without the Item itself.
        language: of the titles.

    Raises:
        ConfigError: two files would be the same asset, or the time of creation has no zone.
        NoGeoreference: the grid's outline is not on the Earth.
    """
    if data.created.tzinfo is None:
        raise ConfigError("the time of creation has no time zone; give it in UTC")
    geometry, box = wgs84_footprint(grid)
    item = pystac.Item(
        id=identifier,
        geometry=geometry,
        bbox=box,
        datetime=None,
        properties=_properties(data, grid, language),
        stac_extensions=list(EXTENSIONS),
    )
    for file in files:
        if file.key in item.assets:
            raise ConfigError(f"two files of the report are the asset {file.key!r}")
        item.add_asset(file.key, _asset(file, grid))
    for source in data.inputs:
        if source.name.startswith(_SCHEMES):
            item.add_link(pystac.Link(rel="derived_from", target=source.name, title=source.role))
    return item.to_dict(include_self_link=False, transform_hrefs=False)


def _properties(data: PageData, grid: Grid, language: Language) -> dict[str, Any]:
    start = datetime(data.initial_year, 1, 1, tzinfo=UTC)
    end = datetime(data.final_year, 12, 31, 23, 59, 59, tzinfo=UTC)
    return {
        "title": f"{', '.join(data.areas)}, {data.initial_year}-{data.final_year}",
        "start_datetime": rfc3339(start),
        "end_datetime": rfc3339(end),
        "created": rfc3339(data.created),
        "gsd": round(sum(ground_pixel_size(grid)) / 2, 3),
        **projection_fields(grid),
        "processing:level": "L4",
        "processing:datetime": rfc3339(data.created),
        "processing:software": {"steppe": data.software},
        "steppe:language": language,
        "steppe:areas": list(data.areas),
        "steppe:products": list(data.products),
        "steppe:initial_year": data.initial_year,
        "steppe:final_year": data.final_year,
        "steppe:area_method": data.method,
        "steppe:total_km2": data.total_km2,
        "steppe:land_km2": data.land_km2,
        "steppe:water_km2": data.water_km2,
        "steppe:headline": {"judged_by": data.headline_of, **_headline(data.headline)},
        **_rules(data),
        "steppe:inputs": [_input(source) for source in data.inputs],
        "steppe:caveats": [{"slug": notice.slug, "text": notice.text} for notice in data.notices],
        **({"steppe:license_note": data.licence} if data.licence else {}),
        **({"steppe:citation": data.citation} if data.citation else {}),
    }


def _headline(conditions: Conditions) -> dict[str, Any]:
    """Areas and shares; the word estimate only where there was a sample."""
    found: dict[str, Any] = {"quantity": "mapped area (pixel count)", "percent_of": conditions.of}
    for code, name in _NAMES.items():
        found[f"{name}_km2"] = conditions.km2(code)
        found[f"{name}_percent"] = conditions.percent(code)
    estimates = {
        _NAMES[code]: {"km2": estimate.km2, "margin95_km2": estimate.margin_km2}
        for code, estimate in conditions.estimates.items()
    }
    return {**found, **({"estimates": estimates} if estimates else {})}


def _rules(data: PageData) -> dict[str, Any]:
    """``steppe:<name>`` of every object that the numbers rest on; a list where a name comes twice."""
    found: dict[str, list[dict[str, str]]] = {}
    for rule in data.assumptions:
        name = "steppe:" + rule.name.lower().replace(" ", "_").replace("-", "_")
        found.setdefault(name, []).append({"id": rule.id, "version": rule.version, "sha256": rule.sha256})
    return {name: rules if len(rules) > 1 else rules[0] for name, rules in found.items()}


def _input(source: Input) -> dict[str, Any]:
    return {
        "role": source.role,
        "name": source.name,
        **({"sha256": source.sha256} if source.sha256 else {}),
        **({"product": source.product} if source.product else {}),
    }


def _asset(file: ReportFile, grid: Grid) -> pystac.Asset:
    media_type, roles = _KINDS[file.suffix]
    extra: dict[str, Any] = {"file:size": file.file.size, "file:checksum": SHA256_MULTIHASH + file.file.sha256}
    if file.legend is not None:
        extra |= {"bands": [_band(file.legend, grid)], "classification:classes": _classes(file.legend)}
    return pystac.Asset(
        href=file.file.href, title=file.title, media_type=media_type, roles=list(roles), extra_fields=extra
    )


def _band(legend: Legend, grid: Grid) -> dict[str, Any]:
    return {
        "name": "class",
        "data_type": "int16",
        "nodata": NODATA,
        "raster:sampling": "area",
        "raster:spatial_resolution": round(sum(ground_pixel_size(grid)) / 2, 3),
        "description": legend.title,
    }


def _classes(legend: Legend) -> list[dict[str, Any]]:
    """Class objects of the classification extension, no data last."""
    classes: list[dict[str, Any]] = [
        {
            "value": item.code,
            "name": item.name,
            "title": item.title,
            "description": item.title,
            "color_hint": item.color.removeprefix("#").upper(),
        }
        for item in legend.classes
    ]
    return [*classes, {"value": NODATA, "name": "nodata", "title": "No data", "description": "No data", "nodata": True}]

"""Outputs of the processes: their names, media types and meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from serving.report import files

COG: Final = "image/tiff; application=geotiff; profile=cloud-optimized"
PNG: Final = "image/png"
JSON: Final = "application/json"
GEOJSON: Final = "application/geo+json"
QML: Final = "application/xml"
HTML: Final = "text/html"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ZIP: Final = "application/zip"


@dataclass(frozen=True, slots=True)
class Output:
    """One output.

    Attributes:
        name: its key in ``outputs``.
        title: one line for people.
        description: what it is, with units and codes.
        media_type: of its file.
        file: its file in the folder of a result.
        of_one_scene: whether it cannot be made of several scenes.
    """

    name: str
    title: str
    description: str
    media_type: str
    file: str
    of_one_scene: bool = False


_MAP: Final = Output(
    "map", "Map", "Class codes as a cloud-optimized GeoTIFF with colours; 255 = no data.", COG, "map.tif"
)
_DEGRADATION: Final = Output(
    "map",
    "Map of degradation",
    "-1 degraded, 0 stable, 1 improved, as a cloud-optimized GeoTIFF; -32768 = no data.",
    COG,
    "map.tif",
)
_CONFIDENCE: Final = Output(
    "confidence",
    "Confidence",
    "Probability of the mapped class in percent, a COG; 255 = no data.",
    COG,
    "confidence.tif",
)
_PREVIEW: Final = Output("preview", "Picture", "Picture of the map with legend, area shares and scale.", PNG, "map.png")
_AREAS: Final = Output(
    "areas",
    "Areas",
    "Mapped area of each class in km2, geodesic; counted pixels, not an unbiased estimate.",
    JSON,
    "areas.json",
)
_FEATURES: Final = Output(
    "features",
    "Areas as GeoJSON",
    "One feature for each class: its outline, generalised, with its mapped area in km2.",
    GEOJSON,
    "areas.geojson",
)
_ITEM: Final = Output("item", "STAC Item", "Footprint, model, and hashes of inputs and outputs.", GEOJSON, "item.json")
_PROBABILITIES: Final = Output(
    "probabilities",
    "Probabilities",
    "Probability of every class, one band a class, in percent with a scale of 0.01; 255 = no data.",
    COG,
    "probabilities.tif",
)
_UNCERTAINTY: Final = Output(
    "uncertainty", "Uncertainty", "0 = certain, 100 = no idea; 255 = no data.", COG, "uncertainty.tif"
)
_QUALITY: Final = Output(
    "quality",
    "Observation quality",
    "Cloud, shadow, snow and the like by the scene's own mask band; one scene only.",
    COG,
    "quality.tif",
    of_one_scene=True,
)
_STYLE: Final = Output("style", "Style", "Colours and names of the map's codes for QGIS (QML).", QML, "map.qml")

CLASSIFY: Final = (
    _MAP,
    _CONFIDENCE,
    _PREVIEW,
    _AREAS,
    _FEATURES,
    _ITEM,
    _PROBABILITIES,
    _UNCERTAINTY,
    _QUALITY,
    _STYLE,
)
DEGRADATION: Final = (_DEGRADATION, _CONFIDENCE, _PREVIEW, _AREAS, _FEATURES, _ITEM, _STYLE)

_TERNARY: Final = "-1 degraded, 0 stable, 1 improved, as a cloud-optimized GeoTIFF; -32768 = no data"

REPORT: Final = (
    Output("map", "Degradation by land cover", f"{_TERNARY}.", COG, files.DEGRADATION),
    Output(
        "transitions",
        "Transitions of land cover",
        "Two digits, of the initial and the final UNCCD class, or one where the class stayed; a COG, -32768 = no data.",
        COG,
        files.TRANSITIONS,
    ),
    Output(
        "indicator",
        "SDG indicator 15.3.1",
        f"{_TERNARY}; made with land productivity and soil carbon.",
        COG,
        files.INDICATOR,
    ),
    Output(
        "status",
        "Status against the baseline",
        "Seven classes, 1 persistent degradation to 7 persistent improvement, a COG; made with a baseline.",
        COG,
        files.STATUS,
    ),
    Output("productivity", "Land productivity", f"{_TERNARY}; made with land productivity.", COG, files.PRODUCTIVITY),
    Output("soc", "Soil organic carbon", f"{_TERNARY}; made with soil carbon.", COG, files.SOC),
    Output("workbook", "Workbook", "Tables SO1-1 to SO1-4 of UNCCD's reporting.", XLSX, files.WORKBOOK),
    Output("tables", "Tables", "The same tables for machines, with what PRAIS's rules find.", JSON, files.TABLES),
    Output("csv", "Tables as CSV", "The same tables, one file each.", ZIP, files.TABLES_ZIP),
    Output(
        "account",
        "Account",
        "Pixels and mapped area in km2 by all codes; a later report compares itself with this one.",
        JSON,
        files.ACCOUNT,
    ),
    Output("summary", "Summary of Trends.Earth", "In the form that PRAIS imports.", JSON, files.SUMMARY),
    Output("page", "Page", "The report for people: one page that loads and runs nothing.", HTML, files.PAGE),
    Output(
        "hotspots", "Hotspots", "Largest degraded places, polygons with km2 and processes.", GEOJSON, files.HOTSPOTS
    ),
    Output("brightspots", "Brightspots", "Largest improved places, polygons with km2.", GEOJSON, files.BRIGHTSPOTS),
    Output("preview", "Picture of degradation", "Map with legend.", PNG, files.DEGRADATION_PICTURE),
    Output("initial_preview", "Picture of the initial land cover", "Map with legend.", PNG, files.INITIAL_PICTURE),
    Output("final_preview", "Picture of the final land cover", "Map with legend.", PNG, files.FINAL_PICTURE),
    Output("item", "STAC Item", "Years, rules, headline, and hashes of inputs and outputs.", GEOJSON, files.ITEM),
    Output("style", "Style", "Colours and names of the map's codes for QGIS (QML).", QML, "degradation.qml"),
    Output("transitions_style", "Style of the transitions", "The same of the transitions.", QML, "transitions.qml"),
    Output("indicator_style", "Style of the indicator", "The same of the indicator.", QML, "indicator.qml"),
    Output("status_style", "Style of the status", "The same of the status.", QML, "status.qml"),
    Output("productivity_style", "Style of land productivity", "The same of productivity.", QML, "productivity.qml"),
    Output("soc_style", "Style of soil carbon", "The same of soil carbon.", QML, "soc.qml"),
)

OF_PRODUCTIVITY: Final = frozenset({"productivity", "productivity_style"})
OF_CARBON: Final = frozenset({"soc", "soc_style"})
OF_INDICATOR: Final = frozenset({"indicator", "indicator_style"})
OF_BASELINE: Final = frozenset({"status", "status_style"})
"""Outputs of a report that take land productivity, soil carbon, both, and both and a baseline."""

STYLES: Final = (
    Output("quality_style", "QGIS style of the quality map", "Colours and names of the codes.", QML, "quality.qml"),
)
"""Files that come with maps; the STAC Item refers to them."""

FILES: Final = {output.name: output.file for output in CLASSIFY}
"""File of each output of ``classify`` and ``degradation`` in the folder of a result."""

_OF_PROCESSES: Final[Mapping[str, Sequence[Output]]] = MappingProxyType(
    {"classify": CLASSIFY, "degradation": DEGRADATION, "report": REPORT}
)


def names_of(process: str) -> dict[str, str]:
    """Names of the outputs of a process by their files in the folder of a result."""
    return {output.file: output.name for output in _OF_PROCESSES[process]}

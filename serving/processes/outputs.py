"""Outputs of the processes: their names, media types and meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

COG: Final = "image/tiff; application=geotiff; profile=cloud-optimized"
PNG: Final = "image/png"
JSON: Final = "application/json"
GEOJSON: Final = "application/geo+json"
QML: Final = "application/xml"


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

STYLES: Final = (
    Output("quality_style", "QGIS style of the quality map", "Colours and names of the codes.", QML, "quality.qml"),
)
"""Files that come with maps; the STAC Item refers to them."""

FILES: Final = {output.name: output.file for output in CLASSIFY}
"""File of each output in the folder of a result."""

"""Hotspots and brightspots as GeoJSON, one feature for each row of tables SO1-4.T4 and SO1-4.T5.

UNCCD PRAIS 4 reporting manual, SO1.md 1.4.3 step 3. What only people know (the place's name, drivers, what was done) is
left empty; the process of the land-cover change stands beside as a hint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from indicators.spots import HOTSPOT, PRAIS_TABLE, Spot, Spots
from landcover.errors import UnknownLegend
from landcover.grid import Grid
from landcover.labels import canonical_language, process_title
from landcover.raster.patches import Left
from serving.class_areas import KM2_DIGITS, PERCENT_DIGITS
from serving.outputs.areas import QUANTITY
from serving.outputs.rings import DIGITS
from serving.report.outlines import GeoJsonOutlines
from serving.staging import write_file

CAVEAT: Final = (
    "Candidates found on the map: connected pixels of one condition above a smallest area. Which of them is reported, "
    "and why, is for experts to decide; map errors make their areas biased."
)


def spots_document(spots: Spots, grid: Grid, *, layer: str = "", language: str = "en") -> dict[str, Any]:
    """Spots as a FeatureCollection in longitude and latitude (RFC 7946), cut at the antimeridian.

    Args:
        spots: the spots.
        grid: grid of the map that they were found on.
        layer: name of the raster that they were found in.
        language: of the titles of processes, one of the six of the United Nations.

    Returns:
        One feature for each spot, largest first. Members beside the features say what was left out. A spot has no
        geometry where the map's CRS has no degrees.

    Raises:
        ConfigError: when the language is not one of the six.
    """
    language = canonical_language(language)
    outlines = GeoJsonOutlines(grid)
    return {
        "type": "FeatureCollection",
        "kind": spots.kind,
        "prais_table": PRAIS_TABLE[spots.kind],
        "quantity": QUANTITY,
        "layer": layer,
        "codes": list(spots.query.codes),
        "caveat": CAVEAT,
        "area_method": spots.method,
        "min_km2": spots.query.min_km2,
        "connectivity": spots.query.connectivity,
        "left_out": _left(spots.left_out),
        "below_min_km2": _left(spots.small),
        "features": [_feature(spot, outlines, language) for spot in spots.spots],
    }


def write_spots(path: Path, document: Mapping[str, Any]) -> None:
    """Write a document of `spots_document`; the caller gives the file its final name (``serving.staging``).

    Raises:
        DiskFull: when there is no space.
        OutputNotWritable: when it cannot be written.
    """
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    write_file(path, (text + "\n").encode())


def _feature(spot: Spot, outlines: GeoJsonOutlines, language: str) -> dict[str, Any]:
    bbox = {} if spot.bbox is None else {"bbox": [round(value, DIGITS) for value in spot.bbox]}
    return {
        "type": "Feature",
        "id": spot.rank,
        **bbox,
        "geometry": outlines.geometry(spot.outline),
        "properties": {
            "kind": spot.kind,
            "rank": spot.rank,
            "name": f"{'Hotspot' if spot.kind == HOTSPOT else 'Brightspot'} {spot.rank}",
            "area_km2": round(spot.area_km2, KM2_DIGITS),
            "pixels": spot.pixels,
            "process": spot.process,
            "process_title": None if spot.process is None else _title(spot.process, language),
            "processes": [
                {
                    "process": share.process,
                    "title": _title(share.process, language),
                    "area_km2": round(share.km2, KM2_DIGITS),
                    "percent": round(share.percent, PERCENT_DIGITS),
                }
                for share in spot.processes
            ],
            "unexplained_km2": round(spot.unexplained_km2, KM2_DIGITS),
            "outline_square_pixels": spot.outline.square,
            "drivers": None,
            "actions": None,
        },
    }


def _title(process: str, language: str) -> str:
    """The official name of a process; its own name where a country's matrix has another one."""
    try:
        return process_title(process, language)
    except UnknownLegend:
        return process


def _left(left: Left) -> dict[str, Any]:
    return {"patches": left.patches, "pixels": left.pixels, "area_km2": round(left.area_km2, KM2_DIGITS)}

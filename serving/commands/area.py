"""The part of a scene to map, as options say it: ``--bbox`` and ``--aoi``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from landcover.errors import WrongUse


def parse_box(text: str) -> tuple[float, float, float, float]:
    """West, south, east and north from ``W,S,E,N``.

    Raises:
        WrongUse: when these are not four numbers, or the box is empty whatever it counts in.
    """
    try:
        west, south, east, north = map(float, text.split(","))
    except ValueError as error:
        raise WrongUse(f"--bbox {text!r} is no box: expected four numbers west,south,east,north") from error
    if not all(map(math.isfinite, (west, south, east, north))):
        raise WrongUse(f"--bbox {text!r} holds something that is no number: expected west,south,east,north")
    if south >= north or west == east:
        raise WrongUse(f"--bbox {text!r} is empty: expected west,south,east,north with south below north")
    return west, south, east, north


def area_crs(aoi_crs: str | None, bbox_crs: str | None, *, aoi: bool, bbox: bool) -> str | None:
    """The CRS of the area that was given.

    Raises:
        WrongUse: when a CRS was given for an area that was not.
    """
    for stated, given, option in ((aoi_crs, aoi, "--aoi"), (bbox_crs, bbox, "--bbox")):
        if stated is not None and not given:
            raise WrongUse(f"{option}-crs says what {option} counts in, but there is no {option}; give it, too")
    return bbox_crs if aoi_crs is None else aoi_crs


def area_for_service(
    aoi: Path | None, box: tuple[float, float, float, float] | None, crs: str | None
) -> dict[str, Any] | None:
    """The area as a request has it: GeoJSON, or a box with its CRS.

    Raises:
        WrongUse: when both were given.
        AreaInvalid: when the file holds no area.
        ConfigError: when its CRS is not known.
    """
    if aoi is not None and box is not None:
        raise WrongUse("--aoi and --bbox both say which part to map; give one of them")
    if box is not None:
        return {"bbox": list(box)} | ({} if crs is None else {"crs": crs})
    return None if aoi is None else _geojson(aoi, crs)


def _geojson(aoi: Path, crs: str | None) -> dict[str, Any]:
    import json  # noqa: PLC0415 - with what is slow to import

    from landcover.raster.geojson import parse_crs, read_area  # noqa: PLC0415 - loads PROJ

    read_area(aoi, None if crs is None else parse_crs(crs))  # what is wrong with it is said before anything is sent
    document: dict[str, Any] = json.loads(aoi.read_text(encoding="utf-8-sig"))
    return document | ({} if crs is None else {"crs": {"type": "name", "properties": {"name": crs}}})

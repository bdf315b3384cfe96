"""TileJSON 3.0.0 (https://github.com/mapbox/tilejson-spec/tree/master/3.0.0)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request

from serving.tiles.matrix import NAME
from serving.tiles.placing import Placing, Zooms

DIGITS: Final = 7
"""Decimals of degrees: a centimetre."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What a TileJSON document describes.

    Attributes:
        name: of the map.
        description: a line about it.
        attribution: what whoever shows it must say, or None.
        placing: where it lies.
        zooms: at which it can be had.
    """

    name: str
    description: str
    attribution: str | None
    placing: Placing
    zooms: Zooms


def tilejson(request: Request, base: str, layer: Layer, query: dict[str, str]) -> dict[str, Any]:
    """The document.

    Args:
        request: what was asked; a key in its address goes on to those of the tiles, because viewers send no headers.
        base: address of the job or source.
        layer: what it describes.
        query: parameters of its addresses.
    """
    key = request.query_params.get("access_token")
    asked = urlencode(query | ({} if key is None else {"access_token": key}))
    tail = f"?{asked}" if asked else ""
    lon, lat = layer.placing.centre
    west, south, east, north = (round(edge, DIGITS) for edge in layer.placing.bounds)
    return {
        "tilejson": "3.0.0",
        "name": layer.name,
        "description": layer.description,
        "version": "1.0.0",
        **({} if layer.attribution is None else {"attribution": layer.attribution}),
        "scheme": "xyz",
        "tiles": [f"{base}/tiles/{NAME}/{{z}}/{{x}}/{{y}}.png{tail}"],
        "minzoom": layer.zooms.least,
        "maxzoom": layer.zooms.most,
        "bounds": [west, south, east, north],
        "center": [round(lon, DIGITS), round(lat, DIGITS), layer.zooms.first],
        "legend": f"{base}/legend{tail}",
    }

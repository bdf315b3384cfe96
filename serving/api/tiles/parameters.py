"""Numbers in addresses, as strict as addresses have to be: one spelling for each."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Query
from pydantic import BeforeValidator

from landcover.labels import Language
from serving.api.problems import PROBLEM
from serving.tiles.matrix import MAX_ZOOM, Tile, check_name

_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,29}")
_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]{0,2})(\.[0-9]{1,30})?")


def _whole(text: Any) -> Any:
    """Python would also take ``1_0``, ``+5`` and digits of other scripts."""
    if isinstance(text, str) and not _WHOLE.fullmatch(text):
        raise ValueError("a whole number, digits 0 to 9 only")
    return text


def _decimal(text: Any) -> Any:
    if isinstance(text, str) and not _DECIMAL.fullmatch(text):
        raise ValueError("a decimal number such as -12.5")
    return text


_Whole = BeforeValidator(_whole)
_Decimal = BeforeValidator(_decimal)


async def _tile(
    tms: Annotated[str, Path(description="WebMercatorQuad.", max_length=64)],
    z: Annotated[int, _Whole, Path(ge=0, le=MAX_ZOOM, description="Zoom.")],
    x: Annotated[int, _Whole, Path(ge=0, description="Column, from the west.")],
    y: Annotated[int, _Whole, Path(ge=0, description="Row, from the north.")],
) -> Tile:
    check_name(tms)
    return Tile(z, x, y)


async def _matrix(tms: Annotated[str, Path(description="WebMercatorQuad.", max_length=64)]) -> None:
    check_name(tms)


TileAsked = Annotated[Tile, Depends(_tile)]
"""The tile of an address; unknown ones are refused."""

OfMatrixSet = Depends(_matrix)
"""Refuses other tile matrix sets."""

Longitude = Annotated[float, _Decimal, Path(ge=-180, le=180, description="Degrees east, WGS 84.")]
Latitude = Annotated[float, _Decimal, Path(ge=-90, le=90, description="Degrees north, WGS 84.")]
ModelQuery = Annotated[str | None, Query(description="NAME or NAME@VERSION; default: the service's.", max_length=130)]
LanguageQuery = Annotated[Language | None, Query(description="Of the titles; default: by Accept-Language.")]

_WORDS: Final = {
    304: "It is the one the client has.",
    404: "No such job, source, model, tile or place.",
    406: "None of the accepted formats can be made.",
    410: "The job was dismissed, or the model is retired.",
    413: "More pixels than this key may ask for.",
    415: "The source is no raster.",
    429: "Too many pixels of this key for now.",
    503: "The model or the source cannot be had for now.",
    504: "It was not ready in time.",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer beside what it is for, for its description."""
    return {
        status: {"description": _WORDS[status], **({} if status == 304 else {"content": PROBLEM})}  # noqa: PLR2004
        for status in statuses
    }


PNG_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The tile; transparent where there is nothing.",
        "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
    }
}

"""Tiles as answers: drawn once, kept, and not sent to whoever has them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from landcover.labels import Language
from landcover.legends import Legend
from serving.access.principal import ANONYMOUS, Principal
from serving.api.conditional import conditional, holds, tag_of
from serving.api.language import preferred
from serving.api.modeldocuments import legend_document
from serving.api.negotiation import JSON, PNG, choose
from serving.api.presence import Watched
from serving.api.tiles.state import Tiles
from serving.tiles.drawing import VERSION, draw_legend
from serving.tiles.errors import TilesTooSlow

FRESH_S: Final = 3600
"""Seconds that a client may keep a tile without asking again."""

_PICTURES: Final = frozenset({"en", "es", "fr", "ru"})
"""Languages that typefaces of most machines have."""


async def tile_answer(
    request: Request, tiles: Tiles, who: Principal, make: Callable[[], Awaitable[bytes]], *parts: str
) -> Response:
    """A tile, from the client's memory, from the service's, or drawn now.

    Args:
        request: what was asked.
        tiles: what is kept.
        who: asks.
        make: draws it.
        parts: what makes it this tile and no other.

    Raises:
        TilesTooSlow: when it is not ready in time.
        ClientGone: when nobody waits for it any more.
    """
    tag = tag_of(VERSION, *parts)
    headers = {"ETag": tag, "Cache-Control": f"{_reach(who)}, max-age={FRESH_S}"}
    if holds(request, tag):
        return Response(status_code=304, headers=headers)
    png = tiles.drawn.get(tag)
    if png is None:
        png = await in_time(request, tiles, make())
        tiles.drawn.put(tag, png)
    return Response(png, media_type=PNG, headers=headers)


async def in_time[Result](request: Request, tiles: Tiles, work: Awaitable[Result]) -> Result:
    """What work answers, if it does in time and the client is still there.

    Raises:
        TilesTooSlow: when it does not.
        ClientGone: when nobody waits for it any more.
    """
    with Watched(request.receive):
        try:
            async with asyncio.timeout(tiles.timeout_s):
                return await work
        except TimeoutError as error:
            raise TilesTooSlow(
                f"the answer was not ready within {tiles.timeout_s:g} s; ask again, or at a larger zoom"
            ) from error


def legend_answer(request: Request, legend: Legend, language: Language | None) -> Response:
    """A legend as JSON or as a picture, by the Accept header.

    Raises:
        NotAcceptable: when the client takes neither.
        WrongUse: when pictures cannot be had in that language.
    """
    chosen = language or preferred(request.headers.get("accept-language"))
    kind = choose(", ".join(request.headers.getlist("accept")), {JSON: JSON, PNG: PNG})
    if kind == PNG:
        tongue = language or (chosen if chosen in _PICTURES else None) or "en"
        answer = Response(draw_legend(legend, tongue), media_type=PNG)
    else:
        answer = JSONResponse(legend_document(legend, chosen))
    answer.headers["Vary"] = "Accept, Accept-Language"
    return conditional(request, answer, legend.id, legend.version, VERSION, kind, chosen or "all")


def point_document(
    place: tuple[float, float], legend: Legend, found: tuple[int | None, int | None], language: Language | None
) -> dict[str, Any]:
    """What is at a place.

    Args:
        place: longitude and latitude.
        legend: of the map.
        found: code and percent of confidence; None = not known.
        language: of the title.
    """
    code, percent = found
    lon, lat = place
    document: dict[str, Any] = {"lon": lon, "lat": lat, "code": code, "confidence": percent}
    if code is None:
        return document | {"name": None, "title": None, "color": None}
    entry, titles = legend.by_code(code), legend_document(legend, language or "en")["classes"]
    title = next(iter(titles[legend.index_of(code)]["titles"].values()))
    return document | {"name": entry.name, "title": title, "color": entry.color}


def _reach(who: Principal) -> str:
    """Who may keep it: caches for many only where nobody needs a key."""
    return "public" if who is ANONYMOUS else "private"

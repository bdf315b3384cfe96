"""The sources of the operator's folder, and tiles of them that are classified on the fly."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode

import numpy as np
from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from numpy.typing import NDArray

from landcover.errors import SteppeError
from landcover.grid import ground_pixel_size
from landcover.legends import Legend
from serving.access.principal import Principal
from serving.api.access import Viewer, pixel_limiter
from serving.api.addresses import base_of
from serving.api.conditional import conditional
from serving.api.language import preferred
from serving.api.problems import NotAcceptable
from serving.api.tiles.answers import in_time, legend_answer, point_document, tile_answer
from serving.api.tiles.documents import Layer, tilejson
from serving.api.tiles.parameters import (
    PNG_ANSWER,
    LanguageQuery,
    Latitude,
    Longitude,
    ModelQuery,
    OfMatrixSet,
    TileAsked,
    refusals,
)
from serving.api.tiles.state import Tiles, tiles_of
from serving.registry.words import Resolved
from serving.sentence import sentence
from serving.settings import Settings
from serving.tiles.classifying import Client, Pinned
from serving.tiles.drawing import draw, empty
from serving.tiles.errors import SourceNotFound
from serving.tiles.matrix import NAME

router = APIRouter(tags=["tiles"])

LOOK_S: Final = 10.0
"""Seconds that a list may take to look at sources that nobody has looked at before."""

_HERE: Final = "/sources/{source}/tiles/{tms}"
_LEADS_OUT: Final = "it cannot be read, or is a link out of the folder of scenes, which is not followed"
_REFUSALS: Final = (404, 410, 413, 415, 429, 503, 504)


@router.get("/sources", summary="Scenes that can be classified on the fly", responses=refusals(404, 410, 503))
async def list_sources(
    request: Request,
    who: Viewer,  # noqa: ARG001 - only for those who may see tiles
    *,
    model: ModelQuery = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    after: Annotated[str | None, Query(max_length=255, description="Only names behind this one.")] = None,
) -> dict[str, Any]:
    """Names, places, bands and dates; `problem` says why one cannot be used, `read` whether it was looked at yet."""
    tiles, base = tiles_of(request), base_of(request)

    def look() -> dict[str, Any]:
        chosen = tiles.sources.model(model)
        names = [name for name in tiles.sources.folder.names() if after is None or name > after]
        links = [{"rel": "self", "type": "application/json", "href": f"{base}sources"}]
        if len(names) > limit:
            query = {"limit": limit, "after": names[limit - 1]} | ({} if model is None else {"model": model})
            links.append({"rel": "next", "type": "application/json", "href": f"{base}sources?{urlencode(query)}"})
        return {"sources": _documents(tiles, names[:limit], chosen, base), "links": links}

    return await run_sync(look)


@router.get(
    f"{_HERE}/{{z}}/{{x}}/{{y}}.png",
    summary="A tile of a source, classified on the fly",
    response_class=Response,
    responses=PNG_ANSWER | refusals(304, *_REFUSALS),
)
async def source_tile(
    request: Request, source: str, tile: TileAsked, who: Viewer, *, model: ModelQuery = None
) -> Response:
    """256 x 256 pixels in the colours of the legend; the class of the nearest pixel of the scene."""
    tiles = tiles_of(request)
    pinned = await run_sync(tiles.sources.pin, source, model)
    legend = pinned.manifest.legend

    async def make() -> bytes:
        _, index_HW = await tiles.sources.index(pinned, tile, client_of(request, who))
        return await run_sync(_draw, index_HW, legend, limiter=tiles.sources.threads)

    return await tile_answer(request, tiles, who, make, *_identity(request, pinned), f"{tile.zoom}/{tile.x}/{tile.y}")


@router.get(f"{_HERE}/{{z}}/{{x}}/{{y}}.{{extension}}", include_in_schema=False)
async def source_tile_otherwise(request: Request, source: str, who: Viewer, extension: str) -> Response:  # noqa: ARG001
    """Formats that are not made."""
    raise NotAcceptable("tiles are made as PNG only; ask for .png")


@router.get(
    f"{_HERE}/tilejson.json",
    summary="TileJSON of a source",
    dependencies=[OfMatrixSet],
    responses=refusals(304, *_REFUSALS),
)
async def source_tilejson(
    request: Request,
    source: str,
    who: Viewer,  # noqa: ARG001 - only for those who may see tiles
    *,
    model: ModelQuery = None,
) -> Response:
    """What a map viewer needs to show the source as a map; the model is pinned to its version."""
    tiles = tiles_of(request)
    pinned = await run_sync(tiles.sources.pin, source, model)

    def describe() -> dict[str, Any]:
        view = tiles.sources.view(pinned)
        layer = Layer(
            name=pinned.source.name,
            description=f"{pinned.manifest.legend.title} by {pinned.model.identifier}"
            + (f", scene of {view.datetime}" if view.datetime else ""),
            attribution=pinned.manifest.attribution,
            placing=view.placing,
            zooms=view.zooms,
        )
        return tilejson(request, _address(base_of(request), pinned.source.name), layer, _pinning(pinned.model))

    document = await in_time(request, tiles, run_sync(describe))
    return conditional(request, JSONResponse(document), *_identity(request, pinned), str(document["tiles"]))


@router.get(
    "/sources/{source}/legend", summary="Legend of a source's tiles", responses=refusals(304, 404, 406, 410, 503)
)
async def source_legend(
    request: Request,
    source: str,
    who: Viewer,  # noqa: ARG001 - only for those who may see tiles
    *,
    model: ModelQuery = None,
    language: LanguageQuery = None,
) -> Response:
    """Codes, names, colours and titles as JSON; a picture for `Accept: image/png`."""
    pinned = await run_sync(tiles_of(request).sources.pin, source, model)
    return await run_sync(legend_answer, request, pinned.manifest.legend, language)


@router.get(
    "/sources/{source}/point/{lon},{lat}", summary="The class at a place of a source", responses=refusals(*_REFUSALS)
)
async def source_point(
    request: Request,
    source: str,
    lon: Longitude,
    lat: Latitude,
    who: Viewer,
    *,
    model: ModelQuery = None,
    language: LanguageQuery = None,
) -> dict[str, Any]:
    """Code, name, title and confidence of the pixel in which a place lies."""
    tiles = tiles_of(request)
    pinned = await run_sync(tiles.sources.pin, source, model)
    work = tiles.sources.at(pinned, lon, lat, client_of(request, who))
    _, index, percent = await in_time(request, tiles, work)
    legend = pinned.manifest.legend
    tongue = language or preferred(request.headers.get("accept-language"))
    code = None if index is None else legend.codes[index]
    return point_document((lon, lat), legend, (code, percent), tongue) | {"model": pinned.model.identifier}


def client_of(request: Request, who: Principal) -> Client:
    """Who asks, as what is below HTTP needs it."""
    limiter = pixel_limiter(request)
    return Client(who.id, lambda pixels: limiter.spend(who, pixels))


def _draw(index_HW: NDArray[np.uint8] | None, legend: Legend) -> bytes:
    return empty() if index_HW is None else draw(index_HW, legend)


def _identity(request: Request, pinned: Pinned) -> tuple[str, ...]:
    """What decides the classes of a source's pixels."""
    settings: Settings = request.app.state.settings
    return pinned.source.name, pinned.source.stamp, pinned.model.sha256, settings.precision, settings.tta


def _documents(tiles: Tiles, names: Sequence[str], model: Resolved, base: str) -> list[dict[str, Any]]:
    until = time.monotonic() + LOOK_S
    return [_document(tiles, name, model, base, look=time.monotonic() < until) for name in names]


def _document(tiles: Tiles, name: str, model: Resolved, base: str, *, look: bool) -> dict[str, Any]:
    """A source in the list."""
    here = _address(base, name)
    query = urlencode(_pinning(model))
    document: dict[str, Any] = {"name": name, "read": look, "problem": None}
    links = [
        {"rel": "tilejson", "type": "application/json", "href": f"{here}/tiles/{NAME}/tilejson.json?{query}"},
        {"rel": "legend", "type": "application/json", "href": f"{here}/legend?{query}"},
    ]
    if look:
        try:
            document |= _facts(tiles, tiles.sources.pinned(tiles.sources.folder.find(name), model))
        except SourceNotFound:
            document["problem"] = _LEADS_OUT
        except SteppeError as error:
            document["problem"] = sentence(error)
    return document | {"links": links}


def _facts(tiles: Tiles, pinned: Pinned) -> dict[str, Any]:
    view = tiles.sources.view(pinned, stay=False)
    grid = view.placing.grid
    authority = grid.crs.to_authority()
    return {
        "bbox": view.placing.bbox,
        "bands": list(pinned.manifest.bands),
        "datetime": view.datetime,
        "level": view.level,
        "crs": ":".join(authority) if authority else grid.crs.name,
        "height": grid.height,
        "width": grid.width,
        "pixel_m": [round(size, 2) for size in ground_pixel_size(grid)],
        "minzoom": view.zooms.least,
        "maxzoom": view.zooms.most,
    }


def _address(base: str, name: str) -> str:
    return f"{base}sources/{quote(name, safe='')}"


def _pinning(model: Resolved) -> dict[str, str]:
    return {"model": model.identifier}
